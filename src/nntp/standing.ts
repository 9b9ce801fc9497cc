import { Mean, Quantile } from "./measure.ts";

/** Articles are about this large, until some have been seen. */
const TYPICAL_ARTICLE_BYTES = 740_000;
/** Bodies under way on one connection: at least two, and never more than three megabytes of them beyond that. */
const MIN_DEPTH = 2;
const MAX_DEPTH_BYTES = 3_000_000;
/** Break-even between reading an unwanted rest and reconnecting: a reconnect costs about so many round trips. */
const RECONNECT_ROUND_TRIPS = 5;
/** Rest that is always read. */
const DRAIN_BYTES = 64 * 1024;
/** Silence shorter than this is never a stall, however quick the provider is as a rule; nor shorter than so many round trips. */
const MIN_STALL_MS = 100;
const STALL_ROUND_TRIPS = 3;
/** What counts as a stall before there is anything to compare with. */
const DEFAULT_STALL_MS = 1_000;
/** Another provider has to be asked after a miss; so long as nothing better is known, that costs this much. */
const MISS_COST_MS = 200;

/** What was measured of a provider lately, and what follows from it. */
export class Standing {
  /** What remains when nobody had to wait for anything else; a single early answer says nothing. */
  readonly #rtt = new Quantile(0.25, 1);
  readonly #rate = new Mean();
  readonly #articleBytes = new Mean();
  readonly #missRate = new Mean();
  readonly #firstByte = new Quantile(0.95, 8);

  /** Milliseconds between a command and its status line, nothing else being under way; undefined before the first. */
  get rttMs(): number | undefined {
    return this.#rtt.value;
  }

  /** Bytes per second of one connection while a body arrives. */
  get bytesPerSecond(): number | undefined {
    return this.#rate.value;
  }

  /** Share of the latest articles that it did not have, or only corrupt. */
  get missRate(): number {
    return this.#missRate.value ?? 0;
  }

  /** Bodies to have under way on one connection: as few as fill the line, `1 + ceil(rtt x rate / article)`. */
  get depth(): number {
    const article = this.#articleBytes.value ?? TYPICAL_ARTICLE_BYTES;
    const inTransit = ((this.#rtt.value ?? 0) / 1000) * (this.#rate.value ?? 0);
    const most = 1 + Math.ceil(MAX_DEPTH_BYTES / article);
    return Math.max(MIN_DEPTH, Math.min(most, 1 + Math.ceil(inTransit / article)));
  }

  /** Silence for longer than this is not what this provider's silences are like. */
  get stallMs(): number {
    const usual = this.#firstByte.value;
    if (usual === undefined) return DEFAULT_STALL_MS;
    return Math.max(MIN_STALL_MS, usual, STALL_ROUND_TRIPS * (this.#rtt.value ?? 0));
  }

  /** How long an article of `bytes` is likely to take behind `ahead` bytes on the same connection, in milliseconds. */
  costMs(bytes: number, ahead: number): number {
    const rate = this.#rate.value;
    const unknown = ahead > 0 ? DEFAULT_STALL_MS : 0;
    const transfer = rate === undefined ? unknown : ((bytes + ahead) / rate) * 1000;
    return (this.#rtt.value ?? 0) + transfer + this.missRate * MISS_COST_MS;
  }

  /** Whether an unwanted rest is sooner read than a connection reopened. */
  isWorthReading(bytes: number): boolean {
    const rtt = this.#rtt.value ?? 0;
    const rate = this.#rate.value ?? 0;
    return bytes < Math.max(DRAIN_BYTES, RECONNECT_ROUND_TRIPS * (rtt / 1000) * rate);
  }

  noteRtt(ms: number): void {
    this.#rtt.add(ms);
    this.#firstByte.add(ms);
  }

  noteRate(bytesPerSecond: number): void {
    this.#rate.add(bytesPerSecond);
  }

  /** One article came, `bytes` long, or did not (0). */
  noteAnswer(bytes: number): void {
    this.#missRate.add(bytes > 0 ? 0 : 1);
    if (bytes > 0) this.#articleBytes.add(bytes);
  }
}
