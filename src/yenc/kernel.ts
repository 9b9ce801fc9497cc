/** Why a decode call stopped: all was read, a line that starts with `=y` began, or the line with a single dot was passed. */
export type DecodeEnd = "none" | "control" | "terminator";

/** The state in which the next byte is the first of a line. Any other state is a kernel's own. */
export const LINE_START = 0;

/** Where decoding stands; owned by the caller, moved on by the kernel, so that no chunk allocates a result. */
export interface DecodeCursor {
  source: Buffer;
  /** Offset in `source` of the next byte to read. */
  read: number;
  /** Offset in `source` behind the last byte to read. */
  readEnd: number;
  target: Buffer;
  /** Offset in `target` where the next decoded byte goes. */
  written: number;
  state: number;
}

/** The inner loops of yEnc over raw NNTP bytes, still dot-stuffed (RFC 3977 section 3.1.1). */
export interface YencKernel {
  readonly name: "native" | "script";
  /** Why this one was chosen although a faster one exists; undefined for the fastest. */
  readonly reason: string | undefined;
  /**
   * Decodes from `cursor.read` to `cursor.readEnd`, at least one byte; `target` must have as much room as there is to read.
   * Stops behind the `=y` of a control line, or behind the whole terminator, and then leaves the state of a line start.
   * The input may be cut anywhere: all calls together write the same bytes and stop at the same places.
   */
  decode(cursor: DecodeCursor): DecodeEnd;
  /** CRC-32 as in zip, unsigned. */
  crc32(bytes: Buffer): number;
}
