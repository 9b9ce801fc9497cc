/** One method of a folder, by its id in upper-case hex; 7z writes none or `00` for a plain copy. */
export interface Coder {
  readonly id: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly properties: Buffer;
}

/** One member's share of what a folder unpacks to. */
export interface Substream {
  readonly size: number;
  crc32: number | undefined;
}

/** A chain of coders between packed streams and the members in it, which lie one after the other. Filled while it is parsed. */
export interface Folder {
  readonly coders: readonly Coder[];
  /** `[input, output]`: this input is fed by that output; both count over all coders. */
  readonly binds: readonly (readonly [number, number])[];
  /** The inputs that are fed by packed streams, in their order. */
  readonly packedInputs: readonly number[];
  /** Of every output. */
  readonly unpackSizes: number[];
  crc32: number | undefined;
  substreams: Substream[];
}

/** Where packed streams lie, counted from the end of the 32-byte signature header, and what they are. */
export interface StreamsInfo {
  readonly packPosition: number;
  readonly packSizes: readonly number[];
  readonly folders: readonly Folder[];
}

/** One entry of the archive; those with a stream take the substreams of all folders in turn. */
export interface SevenZipFile {
  /** Undefined when the archive has no names. */
  readonly path: string | undefined;
  readonly hasStream: boolean;
  /** False for folders and for marks of deletion. */
  readonly isListed: boolean;
  /** A symbolic link of Unix or a reparse point of Windows, as its attributes have it. */
  readonly isLink: boolean;
  readonly modifiedAt: number | undefined;
}

export interface SevenZipHeader {
  readonly streams: StreamsInfo;
  readonly files: readonly SevenZipFile[];
}
