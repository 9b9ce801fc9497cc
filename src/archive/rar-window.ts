import { errorCode, FormatError } from "../base/errors.ts";
import type { Volume } from "./archive.ts";
import { type HeaderReader, headerReader } from "./header-reader.ts";
import type { RarContext } from "./rar-volume.ts";
import { incomplete, malformed } from "./refusals.ts";

const WINDOW_BYTES = 4096;
/** No article that is posted holds more. */
const MAX_ARTICLE_BYTES = 2 ** 20;

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
      this.#held = await this.#window(at, length);
      this.#at = at;
    }
    return this.#held.subarray(at - this.#at, at - this.#at + length);
  }

  /**
   * What an error in reading the header at `at`, behind parts that were found, leaves of the volume: its damage, or undefined when only the
   * last article is gone, in which there is hardly more than the end block. Throws what is no fault of the volume.
   */
  async damage(error: unknown, at: number): Promise<FormatError | undefined> {
    if (error instanceof FormatError) return error;
    if (!isArticleFault(error)) throw error;
    if (this.size - at <= MAX_ARTICLE_BYTES && !(await this.#hasEnd())) return undefined;
    return incomplete(`headers of the rar volume "${this.name}" lie in an article that cannot be had`);
  }

  /** What is wanted may lie before an article that is gone, and the rest of the window in it. */
  async #window(at: number, length: number): Promise<Buffer> {
    const wide = Math.min(Math.max(length, WINDOW_BYTES), this.size - at);
    try {
      return await this.#reader.bytes(at, wide);
    } catch (error) {
      if (wide === length || !isArticleFault(error)) throw error;
      return await this.#reader.bytes(at, length);
    }
  }

  async #hasEnd(): Promise<boolean> {
    try {
      await this.#reader.bytes(this.size - 1, 1);
      return true;
    } catch (error) {
      if (isArticleFault(error)) return false;
      throw error;
    }
  }

  malformed(why: string): FormatError {
    return malformed(`a header of the rar volume "${this.name}" ${why}`);
  }
}

/** Whether it is an article that is missing or not what it should be, and no provider's failure. */
export function isArticleFault(error: unknown): boolean {
  return errorCode(error)?.startsWith("ARTICLE_") ?? false;
}
