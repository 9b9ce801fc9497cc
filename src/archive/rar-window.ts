import type { Volume } from "./archive.ts";
import { type HeaderReader, headerReader } from "./header-reader.ts";
import type { RarContext } from "./rar-volume.ts";
import { incomplete, malformed } from "./refusals.ts";

const WINDOW_BYTES = 4096;

/** Reads a volume's headers by windows of 4 KiB, so that headers that lie together cost one read. */
export class RarWindow {
  readonly name: string;
  readonly size: number;
  readonly #reader: HeaderReader;
  #at = 0;
  #held: Buffer = Buffer.alloc(0);

  constructor(volume: Volume, { budget, signal }: RarContext) {
    this.name = volume.name;
    this.size = volume.file.size;
    this.#reader = headerReader(volume.file, budget, { signal });
  }

  /** Exactly `[at, at + length)`, not to be written to; ARCHIVE_INCOMPLETE when the volume ends before that. */
  async bytes(at: number, length: number): Promise<Buffer> {
    if (!Number.isSafeInteger(at + length)) throw this.malformed("points outside of any file");
    if (at + length > this.size) throw incomplete(`the rar volume "${this.name}" is cut short`);
    if (at < this.#at || at + length > this.#at + this.#held.length) {
      this.#held = await this.#reader.bytes(at, Math.min(Math.max(length, WINDOW_BYTES), this.size - at));
      this.#at = at;
    }
    return this.#held.subarray(at - this.#at, at - this.#at + length);
  }

  malformed(why: string): Error {
    return malformed(`a header of the rar volume "${this.name}" ${why}`);
  }
}
