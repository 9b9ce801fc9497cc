import type { StreamTicket } from "../admission/admission.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { StreamRequest } from "./stream.ts";

type Chunks = AsyncGenerator<Uint8Array, void, undefined>;
type Result = IteratorResult<Uint8Array, void>;

/** One GET that has begun. */
export interface Reading {
  readonly request: StreamRequest;
  /** Starts the reader. */
  open(): Chunks;
  /** Tells admission that somebody watches. */
  openTicket(): StreamTicket;
}

const OVER: Result = { done: true, value: undefined };

/**
 * The reader's chunks for one GET, and what its stream and admission are to know of them. `begin` is called when the first chunk is asked
 * for. A generator written by hand, since one more around the reader's costs more for a chunk than all that is done here; so it takes
 * one call at a time.
 */
export class LibraryRead implements Chunks {
  readonly #begin: () => Reading;
  readonly #signal: AbortSignal;
  #reading: Reading | undefined;
  #chunks: Chunks | undefined;
  #ticket: StreamTicket | undefined;
  #isOver = false;

  constructor(begin: () => Reading, { signal }: Cancel) {
    this.#begin = begin;
    this.#signal = signal;
  }

  async next(): Promise<Result> {
    if (this.#isOver) return OVER;
    this.#reading ??= this.#begin();
    const { request } = this.#reading;
    this.#haveGoneOut(request);
    try {
      this.#chunks ??= this.#reading.open();
      const result = await this.#chunks.next();
      if (result.done) {
        this.#end();
        return result;
      }
      // A scan is no playback; it may turn out to be one at any time.
      if (request.readClass !== "scan") this.#ticket ??= this.#reading.openTicket();
      request.offered(result.value.length);
      return result;
    } catch (error) {
      if (!this.#signal.aborted) request.failed();
      this.#end();
      throw error;
    }
  }

  async return(): Promise<Result> {
    try {
      await this.#chunks?.return();
    } finally {
      if (this.#reading !== undefined && !this.#signal.aborted) this.#haveGoneOut(this.#reading.request);
      this.#end();
    }
    return OVER;
  }

  async throw(error: unknown): Promise<Result> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Bytes have gone out when the next ones are asked for, or when the reader is closed in peace. */
  #haveGoneOut(request: StreamRequest): void {
    if (request.taken()) this.#ticket?.touch();
  }

  #end(): void {
    this.#isOver = true;
    this.#ticket?.[Symbol.dispose]();
    this.#reading?.request.end();
  }
}
