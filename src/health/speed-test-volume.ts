/** An article is a little larger on its way than decoded: yEnc, line ends, headers. */
const ON_THE_WIRE = 1.03;

/** What a test may cost the account, and has. In bytes as they are counted by providers, roughly. */
export class Volume {
  readonly limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Books an article of so many decoded bytes; false, booking nothing, when that would be too much. */
  book(decodedBytes: number): boolean {
    if (this.#usedBytes + cost(decodedBytes) > this.limitBytes) return false;
    this.#usedBytes += cost(decodedBytes);
    return true;
  }

  /** An article is on its way once more, whether that is too much or not. */
  bookAgain(decodedBytes: number): void {
    this.#usedBytes += cost(decodedBytes);
  }

  /** Gives back what was booked and did not come. */
  unbook(decodedBytes: number): void {
    this.#usedBytes -= cost(decodedBytes);
  }
}

function cost(decodedBytes: number): number {
  return Math.ceil(decodedBytes * ON_THE_WIRE);
}
