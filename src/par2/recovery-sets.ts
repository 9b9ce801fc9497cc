import type { Par2Packet } from "./packets.ts";

/** A file as a recovery set describes it. Digests are in hex. */
export interface Par2File {
  readonly id: string;
  /** As the set has it, perhaps with folders; not to be trusted. */
  readonly name: string;
  readonly size: number;
  readonly md5: string;
  /** Of its first 16,384 bytes, or of all when it is shorter. */
  readonly md5Of16k: string;
  /** Per slice of the posted bytes MD5 (16) and CRC-32 (4, little endian), the last slice padded with zeros; empty when not known. */
  readonly slices: Buffer;
}

export interface Par2Set {
  readonly id: string;
  /** Undefined without an intact main packet. */
  readonly sliceSize: number | undefined;
  readonly files: readonly Par2File[];
}

const ID_BYTES = 16;
const DESCRIPTION_BYTES = 56;
const SLICE_BYTES = 20;
/** PAR2 allows 32,768 files in a set; damaged and hostile posts may hold parts of many sets. */
const MAX_FILES = 65_536;

interface Collected {
  sliceSize: number | undefined;
  readonly descriptions: Map<string, Buffer>;
  readonly names: Map<string, string>;
  readonly slices: Map<string, Buffer>;
}

/** Puts packets of any number of PAR2 files together, set by set; packets that are repeated count once. */
export class RecoverySets {
  readonly #sets = new Map<string, Collected>();
  #files = 0;

  add({ set, type, body }: Par2Packet): void {
    const found = this.#sets.get(set) ?? newSet();
    this.#sets.set(set, found);
    if (type === "main") {
      const sliceSize = body.length >= 12 ? Number(body.readBigUInt64LE()) : 0;
      if (sliceSize > 0 && Number.isSafeInteger(sliceSize)) found.sliceSize = sliceSize;
      return;
    }
    if (body.length < ID_BYTES) return;
    const id = body.toString("hex", 0, ID_BYTES);
    if (type === "file") this.#describe(found, id, body);
    else if (type === "slices") found.slices.set(id, wholeSlices(body.subarray(ID_BYTES)));
    else found.names.set(id, trimmed(body.subarray(ID_BYTES).toString("utf16le")));
  }

  list(): readonly Par2Set[] {
    return [...this.#sets].map(([id, { sliceSize, descriptions, names, slices }]) => {
      const files = [...descriptions].map(([fileId, body]) => ({
        id: fileId,
        name: names.get(fileId) || nameOf(body.subarray(DESCRIPTION_BYTES)),
        size: Number(body.readBigUInt64LE(48)),
        md5: body.toString("hex", 16, 32),
        md5Of16k: body.toString("hex", 32, 48),
        slices: slices.get(fileId) ?? Buffer.alloc(0),
      }));
      return { id, sliceSize, files };
    });
  }

  #describe(found: Collected, id: string, body: Buffer): void {
    if (found.descriptions.has(id) || body.length <= DESCRIPTION_BYTES || this.#files >= MAX_FILES) return;
    if (body.readBigUInt64LE(48) > BigInt(Number.MAX_SAFE_INTEGER)) return;
    this.#files += 1;
    found.descriptions.set(id, body);
  }
}

function newSet(): Collected {
  return { sliceSize: undefined, descriptions: new Map(), names: new Map(), slices: new Map() };
}

function wholeSlices(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length - (bytes.length % SLICE_BYTES));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const windows1252 = new TextDecoder("windows-1252");

/** UTF-8 from most programs, Latin-1 from QuickPar. */
function nameOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const name = end < 0 ? bytes : bytes.subarray(0, end);
  try {
    return utf8.decode(name);
  } catch {
    return windows1252.decode(name);
  }
}

function trimmed(name: string): string {
  const end = name.indexOf("\0");
  return end < 0 ? name : name.slice(0, end);
}
