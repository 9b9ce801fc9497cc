import type { ByteRange } from "../base/byte-range.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { ReadClass } from "../reader/read-class.ts";
import type { ReadObserver, Wait } from "../reader/wait.ts";
import { contentType } from "./content-type.ts";
import { ReadClassifier } from "./read-classes.ts";
import { RecentRate } from "./recent-rate.ts";
import { isStall, stallCause } from "./stall-cause.ts";
import type { Stall, StreamSnapshot } from "./stream-snapshot.ts";
import { noPhases, PHASES, type StreamTotals } from "./stream-totals.ts";

export interface StreamIdentity {
  readonly path: string;
  readonly size: number;
  readonly client: string;
  readonly userAgent: string;
}

/** What one GET tells of itself, and what it may know of its stream. */
export interface StreamRequest {
  /** The same object for all requests of the stream. */
  readonly stream: object;
  /** What the client does with the file; may change from one moment to the next. */
  readonly readClass: ReadClass;
  readonly observer: ReadObserver;
  /** The next bytes are with the client from now on. */
  offered(bytes: number): void;
  /** They have gone out; false when nothing was offered. */
  taken(): boolean;
  failed(): void;
  /** Harmless when it has ended. */
  end(): void;
}

/** Is told the moments that only a distribution makes sense of. */
export interface StreamTimes {
  /** So long a request waited for its first byte. */
  firstByte(seconds: number): void;
}

export interface StreamContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly times?: StreamTimes;
  /** A request has ended. */
  onEnd(): void;
}

interface OpenRequest {
  /** When the bytes were offered that the client holds; undefined while it waits for us. */
  offeredAt: number | undefined;
}

const KEPT_STALLS = 10;

/** A stream that stalls all the time says so in the log no more often than this. */
const STALL_LOG_MS = 10_000;

/** A client that has not taken what was offered for so long is paused; a slow line moves in between. */
const PAUSED_MS = 3000;

/** One client that reads one file: what it does, where its time goes, and why it stalled. */
export class Stream {
  readonly identity: StreamIdentity;
  readonly #context: StreamContext;
  readonly #startedAt: number;
  readonly #classifier: ReadClassifier;
  readonly #rate: RecentRate;
  readonly #open = new Set<OpenRequest>();
  readonly #phases = noPhases();
  readonly #stalls: Stall[] = [];
  #requests = 0;
  #failures = 0;
  #bytes = 0;
  #position = 0;
  #lastByteAt: number;
  /** Of the first request, and of the latest one. */
  #startMs: number | undefined;
  #firstByteMs: number | undefined;
  #stallCount = 0;
  #stallMs = 0;
  #stallLoggedAt = Number.NEGATIVE_INFINITY;

  constructor(identity: StreamIdentity, context: StreamContext) {
    const { path, size, userAgent } = identity;
    this.identity = identity;
    this.#context = context;
    this.#startedAt = context.clock.wall();
    this.#lastByteAt = this.#startedAt;
    this.#classifier = new ReadClassifier({ size, userAgent, isMedia: isMedia(path) });
    this.#rate = new RecentRate(context.clock.now());
  }

  get readClass(): ReadClass {
    return this.#classifier.class;
  }

  get openRequests(): number {
    return this.#open.size;
  }

  /** Milliseconds since 1970; when it began, before the first one. */
  get lastByteAt(): number {
    return this.#lastByteAt;
  }

  get totals(): StreamTotals {
    return {
      bytes: this.#bytes,
      requests: this.#requests,
      failures: this.#failures,
      stalls: this.#stallCount,
      stallMs: this.#stallMs,
      phases: { ...this.#phases },
    };
  }

  begin(range: ByteRange): StreamRequest {
    const { clock, times, onEnd } = this.#context;
    const classifier = this.#classifier;
    const begunAt = clock.now();
    const observed = classifier.request(range, begunAt);
    const request: OpenRequest = { offeredAt: undefined };
    let position = range.start;
    let offered = 0;
    let hasBegun = false;
    this.#requests += 1;
    this.#open.add(request);
    return {
      stream: this,
      get readClass() {
        return classifier.class;
      },
      observer: { waited: (wait) => this.#waited(wait, position) },
      offered: (bytes) => {
        const now = clock.now();
        request.offeredAt = now;
        offered = bytes;
        if (hasBegun) return;
        hasBegun = true;
        this.#firstByteMs = now - begunAt;
        this.#startMs ??= this.#firstByteMs;
        times?.firstByte(this.#firstByteMs / 1000);
      },
      taken: () => {
        if (request.offeredAt === undefined) return false;
        const now = clock.now();
        const heldMs = now - request.offeredAt;
        request.offeredAt = undefined;
        position += offered;
        this.#position = position;
        this.#bytes += offered;
        this.#lastByteAt = clock.wall();
        this.#phases.send += heldMs;
        this.#rate.add(offered, now);
        observed.sent(offered, now, heldMs);
        return true;
      },
      failed: () => {
        this.#failures += 1;
      },
      end: () => {
        if (this.#open.delete(request)) onEnd();
      },
    };
  }

  snapshot(endedAt?: number): StreamSnapshot {
    const now = this.#context.clock.now();
    const open = [...this.#open];
    return {
      ...this.identity,
      class: this.#classifier.class,
      startedAt: this.#startedAt,
      endedAt,
      requests: this.#requests,
      openRequests: open.length,
      failures: this.#failures,
      position: this.#position,
      bytes: this.#bytes,
      bytesPerSecond: Math.round(this.#rate.bytesPerSecond(now)),
      lastByteAt: this.#lastByteAt,
      firstByteMs: this.#firstByteMs,
      paused: open.length > 0 && open.every(({ offeredAt = now }) => now - offeredAt >= PAUSED_MS),
      phases: { ...this.#phases },
      stalls: { count: this.#stallCount, totalMs: this.#stallMs, last: [...this.#stalls] },
    };
  }

  /** The line in the log that sums it up. */
  logEnd(): void {
    const { path, client, userAgent } = this.identity;
    this.#context.log.info(
      {
        path,
        client,
        userAgent,
        class: this.#classifier.class,
        requests: this.#requests,
        bytes: this.#bytes,
        failures: this.#failures,
        durationMs: this.#lastByteAt - this.#startedAt,
        firstByteMs: this.#startMs === undefined ? undefined : Math.round(this.#startMs),
        stalls: this.#stallCount,
        stallMs: Math.round(this.#stallMs),
      },
      "stream ended",
    );
  }

  #waited(wait: Wait, position: number): void {
    for (const phase of PHASES) if (phase !== "send") this.#phases[phase] += wait.phases[phase];
    // Nobody watches a download: it goes as fast as the providers do.
    if (!isStall(wait) || this.#classifier.class === "download") return;
    const { clock, log } = this.#context;
    const stall = { at: clock.wall(), position, durationMs: wait.totalMs, cause: stallCause(wait) };
    this.#stallCount += 1;
    this.#stallMs += wait.totalMs;
    this.#stalls.push(stall);
    if (this.#stalls.length > KEPT_STALLS) this.#stalls.shift();
    const now = clock.now();
    if (now - this.#stallLoggedAt < STALL_LOG_MS) return;
    this.#stallLoggedAt = now;
    const { path, client } = this.identity;
    const { cause } = stall;
    log.info(
      { path, client, position, durationMs: Math.round(wait.totalMs), stalls: this.#stallCount, cause },
      "a stream was kept waiting",
    );
  }
}

/** What neither plays nor might: text, pictures, documents, archives. */
function isMedia(path: string): boolean {
  return /^(?:video|audio)\/|^application\/(?:octet-stream|x-iso9660-image)$/.test(contentType(path));
}
