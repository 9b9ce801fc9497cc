import type { ByteRange } from "../base/byte-range.ts";
import { Stream, type StreamContext, type StreamIdentity, type StreamRequest } from "./stream.ts";
import type { StreamSnapshot } from "./stream-snapshot.ts";
import { addTotals, noTotals, type StreamTotals } from "./stream-totals.ts";

/** Ended streams are remembered for so long, and no more of them than that. */
const RECENT_MS = 10 * 60_000;
const MAX_RECENT = 50;

/** Between two requests of a player there may be so much, however short the hold-off is. */
const WATCHED_MS = 1_000;

export interface StreamsOptions extends Omit<StreamContext, "onEnd"> {
  /** A stream ends so long after its last byte. */
  readonly holdOffMs: number;
}

/** Who reads what. GETs of one client for one file are one stream; when it has ended, one line in the log sums it up. */
export class Streams implements Disposable {
  readonly #options: StreamsOptions;
  readonly #context: StreamContext;
  readonly #streams = new Map<string, Stream>();
  /** Oldest first. */
  readonly #recent: (StreamSnapshot & { readonly endedAt: number })[] = [];
  #sweep: Disposable | undefined;
  #ended = noTotals();

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#context = { ...options, onEnd: () => this.#sweepLater() };
  }

  /** Of all streams since the start, ended ones too. */
  get totals(): StreamTotals {
    return [...this.#streams.values()].reduce((sum, { totals }) => addTotals(sum, totals), this.#ended);
  }

  /** Whether anybody plays, or has played within the hold-off: at any moment there may be a seek. */
  get isWatched(): boolean {
    const { clock, holdOffMs } = this.#options;
    const deadline = clock.wall() - Math.max(holdOffMs, WATCHED_MS);
    for (const { readClass, lastByteAt } of this.#streams.values()) {
      if (readClass === "play" && lastByteAt > deadline) return true;
    }
    return false;
  }

  begin(identity: StreamIdentity, range: ByteRange): StreamRequest {
    return this.#find(identity).begin(range);
  }

  snapshot(): readonly StreamSnapshot[] {
    return [...this.#streams.values()].map((stream) => stream.snapshot());
  }

  /** Those that ended within the last ten minutes, at most fifty, the latest one first. */
  recent(): readonly StreamSnapshot[] {
    this.#forget();
    return this.#recent.toReversed();
  }

  [Symbol.dispose](): void {
    this.#sweep?.[Symbol.dispose]();
    for (const [key, stream] of this.#streams) this.#finish(key, stream);
  }

  #find(identity: StreamIdentity): Stream {
    const key = `${identity.client} ${identity.userAgent} ${identity.path}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const stream = new Stream(identity, this.#context);
    this.#streams.set(key, stream);
    return stream;
  }

  #sweepLater(): void {
    if (this.#sweep !== undefined) return;
    const { clock, holdOffMs } = this.#options;
    this.#sweep = clock.after(holdOffMs, () => {
      this.#sweep = undefined;
      const deadline = clock.wall() - holdOffMs;
      for (const [key, stream] of this.#streams) {
        if (stream.openRequests === 0 && stream.lastByteAt <= deadline) this.#finish(key, stream);
      }
      if ([...this.#streams.values()].some((stream) => stream.openRequests === 0)) this.#sweepLater();
    });
  }

  #finish(key: string, stream: Stream): void {
    this.#streams.delete(key);
    this.#ended = addTotals(this.#ended, stream.totals);
    const endedAt = this.#options.clock.wall();
    this.#recent.push({ ...stream.snapshot(endedAt), endedAt });
    this.#forget();
    stream.logEnd();
  }

  #forget(): void {
    const deadline = this.#options.clock.wall() - RECENT_MS;
    while (this.#recent.length > MAX_RECENT || (this.#recent[0]?.endedAt ?? deadline) < deadline) this.#recent.shift();
  }
}
