/** A verified segment that waits for the disk. Its `done` is called once, when `bytes` is read no more. */
export interface Offer {
  readonly name: string;
  readonly bytes: Buffer;
  readonly done: () => void;
}

/** Segments on their way to the disk, bounded in bytes and number, since each keeps memory that playback needs. */
export class DiskOffers {
  readonly #maxBytes: number;
  readonly #maxCount: number;
  readonly #waiting = new Map<string, Offer>();
  #current: Offer | undefined;
  #bytes = 0;

  constructor(maxBytes: number, maxCount: number) {
    this.#maxBytes = maxBytes;
    this.#maxCount = maxCount;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  has(name: string): boolean {
    return this.#current?.name === name || this.#waiting.has(name);
  }

  /** Takes the offer unless that would be too many; then false, and it is still the caller's. */
  add(offer: Offer): boolean {
    const count = this.#waiting.size + (this.#current === undefined ? 0 : 1);
    if (count >= this.#maxCount || this.#bytes + offer.bytes.length > this.#maxBytes) return false;
    this.#bytes += offer.bytes.length;
    this.#waiting.set(offer.name, offer);
    return true;
  }

  /** Runs `work` with the oldest offer, which is done with afterwards. */
  async serve(work: (offer: Offer) => Promise<void>): Promise<void> {
    const [offer] = this.#waiting.values();
    if (offer === undefined) return;
    this.#waiting.delete(offer.name);
    this.#current = offer;
    try {
      await work(offer);
    } finally {
      this.#current = undefined;
      this.#done(offer);
    }
  }

  /** Lets go of all that wait, but not of the one that is being written. Returns how many that were. */
  release(): number {
    const released = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const offer of released) this.#done(offer);
    return released.length;
  }

  #done(offer: Offer): void {
    this.#bytes -= offer.bytes.length;
    offer.done();
  }
}
