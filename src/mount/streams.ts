import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { StreamSnapshot } from "./stream-snapshot.ts";

export interface StreamIdentity {
  readonly path: string;
  readonly size: number;
  readonly client: string;
  readonly userAgent: string;
}

/** What one GET tells of itself. */
export interface StreamRequest {
  /** So many bytes have gone out; the last of them was the one before `position`. */
  sent(bytes: number, position: number): void;
  end(outcome: "complete" | "aborted" | "failed"): void;
}

interface Stream {
  readonly identity: StreamIdentity;
  readonly startedAt: number;
  requests: number;
  openRequests: number;
  position: number;
  bytes: number;
  lastByteAt: number;
  firstByteMs: number | undefined;
  failures: number;
}

export interface StreamTotals {
  readonly bytes: number;
  readonly requests: number;
  readonly failures: number;
}

export interface StreamsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** A stream ends so long after its last byte. */
  readonly holdOffMs: number;
}

/** Who reads what. GETs of one client for one file are one stream; when it has ended, one line in the log sums it up. */
export class Streams implements Disposable {
  readonly #options: StreamsOptions;
  readonly #streams = new Map<string, Stream>();
  #sweep: Disposable | undefined;
  #totals = { bytes: 0, requests: 0, failures: 0 };

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get totals(): StreamTotals {
    return this.#totals;
  }

  begin(identity: StreamIdentity): StreamRequest {
    const { clock } = this.#options;
    const stream = this.#find(identity);
    const begunAt = clock.now();
    stream.requests += 1;
    stream.openRequests += 1;
    this.#totals.requests += 1;
    let isOpen = true;
    return {
      sent: (bytes, position) => {
        stream.firstByteMs ??= clock.now() - begunAt;
        stream.bytes += bytes;
        stream.position = position;
        stream.lastByteAt = clock.wall();
        this.#totals.bytes += bytes;
      },
      end: (outcome) => {
        if (!isOpen) return;
        isOpen = false;
        stream.openRequests -= 1;
        if (outcome === "failed") {
          stream.failures += 1;
          this.#totals.failures += 1;
        }
        this.#sweepLater();
      },
    };
  }

  snapshot(): readonly StreamSnapshot[] {
    return [...this.#streams.values()].map(({ identity, ...stream }) => ({
      path: identity.path,
      client: identity.client,
      userAgent: identity.userAgent,
      startedAt: stream.startedAt,
      requests: stream.requests,
      openRequests: stream.openRequests,
      position: stream.position,
      size: identity.size,
      bytes: stream.bytes,
      lastByteAt: stream.lastByteAt,
    }));
  }

  [Symbol.dispose](): void {
    this.#sweep?.[Symbol.dispose]();
    for (const [key, stream] of this.#streams) this.#finish(key, stream);
  }

  #find(identity: StreamIdentity): Stream {
    const key = `${identity.client} ${identity.userAgent} ${identity.path}`;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      const now = this.#options.clock.wall();
      stream = {
        identity,
        startedAt: now,
        requests: 0,
        openRequests: 0,
        position: 0,
        bytes: 0,
        lastByteAt: now,
        firstByteMs: undefined,
        failures: 0,
      };
      this.#streams.set(key, stream);
    }
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
    const { identity, requests, bytes, failures, startedAt, lastByteAt, firstByteMs } = stream;
    this.#options.log.info(
      {
        path: identity.path,
        client: identity.client,
        userAgent: identity.userAgent,
        requests,
        bytes,
        failures,
        durationMs: lastByteAt - startedAt,
        firstByteMs: firstByteMs === undefined ? undefined : Math.round(firstByteMs),
      },
      "stream ended",
    );
  }
}
