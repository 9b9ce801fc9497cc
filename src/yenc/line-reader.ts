const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** Bytes of a line that are kept; RFC 5322 allows 998, and nothing that yEnc says needs more. */
const KEPT_BYTES = 2048;

/**
 * Collects one line of a multi-line block that may be cut anywhere. Only CRLF ends a line: with a lone LF, the content of
 * an article could end its block early and forge the replies that follow.
 */
export class LineReader {
  readonly #kept = Buffer.allocUnsafe(KEPT_BYTES);
  #length = 0;
  #previous = 0;
  #isComplete = false;

  /** Reads on up to `end` or behind the end of the line, and returns where it stopped. A complete line gives way to a new one. */
  read(chunk: Buffer, start: number, end: number): number {
    if (this.#isComplete) this.clear();
    let at = start;
    while (at < end) {
      const byte = chunk[at++] as number;
      if (byte === LF && this.#previous === CR) {
        this.#isComplete = true;
        break;
      }
      this.#previous = byte;
      if (this.#length < KEPT_BYTES) this.#kept[this.#length] = byte;
      this.#length++;
    }
    return at;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Whether the complete line is the one with a single dot that ends a block (RFC 3977 section 3.1.1). */
  get isTerminator(): boolean {
    return this.#length === 2 && this.#kept[0] === DOT;
  }

  /** The complete line without its end and without a dot at its start, each byte a character; cut when it is very long. */
  get text(): string {
    const start = this.#kept[0] === DOT ? 1 : 0;
    return this.#kept.toString("latin1", start, Math.max(start, Math.min(this.#length - 1, KEPT_BYTES)));
  }

  /** Starts a line of which these characters were already read elsewhere. */
  clear(prefix = ""): void {
    this.#length = this.#kept.write(prefix, "latin1");
    this.#previous = 0;
    this.#isComplete = false;
  }
}
