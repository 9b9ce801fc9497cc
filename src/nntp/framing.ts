/** Takes the dot-stuffed lines that follow a status line (RFC 3977 section 3.1.1), cut anywhere. */
export interface BlockSink {
  /** Returns the offset of the first byte not consumed: `end`, unless the terminating line was passed. */
  write(chunk: Buffer, start: number, end: number): number;
  /** The line that holds only a dot has been passed. */
  readonly isEnded: boolean;
}

const CR = 13;
const LF = 10;
const DOT = 46;

/** A status line longer than this is no NNTP (RFC 3977 section 3.1 allows 512 octets; some servers are a little chattier). */
const MAX_LINE = 2048;

/** Collects one line out of bytes cut anywhere. */
export class LineReader {
  #pending: Buffer[] = [];
  #length = 0;
  #isTooLong = false;

  /** No line end came within the bound. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Looks for the end of the line in `[start, end)`; `next` is where the following byte lies. Undefined: all was taken in. */
  read(chunk: Buffer, start: number, end: number): { readonly line: string; readonly next: number } | undefined {
    const at = chunk.indexOf(LF, start);
    const isWhole = at >= 0 && at < end;
    const stop = isWhole ? at : end;
    if (this.#length + stop - start > MAX_LINE) {
      this.#isTooLong = true;
      return undefined;
    }
    if (!isWhole) {
      this.#pending.push(Buffer.from(chunk.subarray(start, stop)));
      this.#length += stop - start;
      return undefined;
    }
    const line = Buffer.concat([...this.#pending, chunk.subarray(start, stop)]).toString("utf8");
    this.#pending = [];
    this.#length = 0;
    return { line: line.endsWith("\r") ? line.slice(0, -1) : line, next: at + 1 };
  }
}

/** Finds the end of a block and keeps nothing of it: the rest of a body that nobody wants any more. */
export class DiscardSink implements BlockSink {
  /** How much of `CRLF . CRLF` has been seen; a block begins right after a line end, so with 2. */
  #matched = 2;
  #isEnded = false;

  get isEnded(): boolean {
    return this.#isEnded;
  }

  write(chunk: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#matched === 0) {
        // Between line ends there is nothing to look at.
        const cr = chunk.indexOf(CR, at);
        if (cr < 0 || cr >= end) return end;
        at = cr;
      }
      this.#step(chunk[at] as number);
      at += 1;
      if (this.#matched === 5) {
        this.#isEnded = true;
        return at;
      }
    }
    return end;
  }

  #step(byte: number): void {
    const wanted = [CR, LF, DOT, CR, LF][this.#matched];
    if (byte === wanted) this.#matched += 1;
    else this.#matched = byte === CR ? 1 : 0;
  }
}
