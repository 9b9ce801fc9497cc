const CR_LF = 2;

/** Counts the body bytes of a chunked answer as it comes: RFC 9112 section 7.1, without trailers. */
export class Chunked {
  /** The size line, as far as it is here. */
  #line = "";
  /** Of the current chunk's bytes, and of the line end behind them, what is still to come. */
  #data = 0;
  #lineEnd = 0;
  #isLast = false;

  /** The last chunk was there. */
  get isDone(): boolean {
    return this.#isLast && this.#lineEnd === 0;
  }

  /** Takes in what was received; gives how many bytes of body were in it. */
  take(received: Buffer): number {
    let body = 0;
    for (let at = 0; at < received.length; ) {
      if (this.#data > 0) {
        const count = Math.min(this.#data, received.length - at);
        this.#data -= count;
        body += count;
        at += count;
      } else if (this.#lineEnd > 0) {
        this.#lineEnd -= 1;
        at += 1;
      } else {
        const end = received.indexOf("\n", at);
        this.#line += received.toString("latin1", at, end < 0 ? received.length : end);
        if (end < 0) break;
        this.#data = Number.parseInt(this.#line, 16);
        this.#line = "";
        this.#lineEnd = CR_LF;
        this.#isLast = this.#data === 0;
        at = end + 1;
      }
    }
    return body;
  }
}
