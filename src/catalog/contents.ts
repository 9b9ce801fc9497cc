import type { ByteRange } from "../base/byte-range.ts";
import type { EntryId } from "./catalog.ts";

/**
 * Bytes on their way into the database, written piece by piece so that they are never in memory as a whole. They belong to nobody
 * until a sidecar is made of them; disposed of before, or left behind by a dead process, they are gone.
 */
export interface ContentWriter extends Disposable {
  readonly size: number;
  /** Takes a copy. Throws DISK_FULL, and is of no use any more then. */
  write(chunk: Uint8Array): void;
}

export interface ContentStore {
  begin(): ContentWriter;
  /**
   * The bytes of a sidecar, a stored piece at a time; each is read when it is asked for. Throws PATH_MISSING at once for anything else,
   * and later when the sidecar has been written anew and these bytes are gone.
   */
  read(sidecar: EntryId, range: ByteRange): Generator<Uint8Array, void, undefined>;
}
