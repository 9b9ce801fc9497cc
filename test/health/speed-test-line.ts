import { getEventListeners } from "node:events";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Slot } from "../../src/base/slot.ts";
import type { Segment } from "../../src/catalog/catalog.ts";
import type { SpeedContext, SpeedTarget, SpeedTestWish } from "../../src/health/speed-test.ts";
import { measureSpeed } from "../../src/health/speed-test.ts";
import type { SpeedEvent, SpeedReport } from "../../src/health/speed-test-events.ts";
import type { ProviderClient } from "../../src/health/speed-test-guests.ts";
import type { FetchOptions, OnlyProvider, Presence } from "../../src/nntp/article-source.ts";
import type { ProviderSnapshot } from "../../src/nntp/snapshot.ts";
import type { PartInfo } from "../../src/yenc/part-info.ts";
import { ManualClock } from "../manual-clock.ts";

export const ARTICLE = 700_000;
/** The line moves in slices of so many milliseconds. */
const SLICE_MS = 5;

export interface LineOptions {
  readonly id?: string;
  readonly limit?: number;
  readonly perConnection?: number;
  /** Of all connections together. */
  readonly whole?: number;
  readonly rttMs?: number;
  /** What becomes of an article, by the number of those asked for before: an error, it never moves at all, or never gets a connection. */
  readonly fate?: (index: number) => Error | "stalls" | "waits" | undefined;
  readonly stat?: Presence;
}

interface Body {
  readonly options: FetchOptions;
  readonly size: number;
  readonly flowsFrom: number;
  readonly settle: (outcome: Error | PartInfo) => void;
  readonly fate: Error | "stalls" | "waits" | undefined;
  done: number;
}

/** A provider of which only the speed is real: bodies move as the clock does, over as many connections as `only` allows. */
export class Line implements ProviderClient {
  readonly #options: Required<Omit<LineOptions, "fate">> & Pick<LineOptions, "fate">;
  readonly #clock: ManualClock;
  readonly #bodies = new Set<Body>();
  /** Connections by the object that asked for them. */
  readonly onlies = new Set<OnlyProvider>();
  readonly asked = new Map<string, number>();
  readonly lanes = new Set<string>();
  ceiling: number;
  closed = false;
  /** Listeners that a signal had beyond what it allows. */
  most = 0;

  constructor(clock: ManualClock, options: LineOptions = {}) {
    this.#options = {
      id: "main",
      limit: 20,
      perConnection: 10e6,
      whole: 118e6,
      rttMs: 20,
      stat: "present",
      ...options,
    };
    this.#clock = clock;
    this.ceiling = this.#options.limit;
  }

  get inFlight(): number {
    return this.#bodies.size;
  }

  get askedFor(): number {
    return [...this.asked.values()].reduce((sum, times) => sum + times, 0);
  }

  snapshot(): readonly ProviderSnapshot[] {
    const { id, limit } = this.#options;
    return [{ id, connections: { open: 0, busy: 0, opening: 0, limit, ceiling: this.ceiling } } as ProviderSnapshot];
  }

  body(id: MessageId, _into: Slot, options: FetchOptions): Promise<PartInfo> {
    if (options.signal.aborted) return Promise.reject(options.signal.reason);
    const index = this.askedFor;
    this.asked.set(id, (this.asked.get(id) ?? 0) + 1);
    this.lanes.add(options.urgency.lane);
    if (options.only !== undefined) this.onlies.add(options.only);
    return new Promise((resolve, reject) => {
      const { signal, only } = options;
      const settle = (outcome: Error | PartInfo) => {
        this.#bodies.delete(body);
        signal.removeEventListener("abort", leave);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const leave = () => settle(signal.reason);
      const { rttMs } = this.#options;
      const flowsFrom = this.#clock.now() + ((only?.depth ?? 1) === 1 ? rttMs : 0);
      const size = options.expect?.size as number;
      const body: Body = { options, size, flowsFrom, settle, fate: this.#options.fate?.(index), done: 0 };
      this.#bodies.add(body);
      signal.addEventListener("abort", leave);
      this.most = Math.max(this.most, getEventListeners(signal, "abort").length);
      const times = options.trace?.begin(this.#clock.now());
      if (times !== undefined && body.fate !== "waits") times.sentAt = this.#clock.now();
    });
  }

  async stat(_id: MessageId, { signal }: FetchOptions): Promise<Presence> {
    const { rttMs, stat } = this.#options;
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      if (rttMs === Number.POSITIVE_INFINITY) return;
      this.#clock.after(rttMs, () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
    });
    return stat;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
  }

  /** One slice of time: the oldest bodies flow, one over each connection. */
  move(): void {
    const now = this.#clock.now();
    const connections = Math.min(this.ceiling, [...this.#bodies][0]?.options.only?.connections ?? 0);
    const flowing = [...this.#bodies].filter(({ flowsFrom }) => flowsFrom <= now).slice(0, connections);
    const rate = Math.min(this.#options.perConnection, this.#options.whole / Math.max(1, flowing.length));
    for (const body of flowing) {
      const { trace, onProgress } = body.options;
      if (body.fate instanceof Error) body.settle(body.fate);
      if (body.fate !== undefined) continue;
      if (trace?.latest !== undefined) trace.latest.firstByteAt ??= now;
      body.done += (rate * SLICE_MS) / 1000;
      if (body.done < body.size) onProgress?.(Math.floor(body.done));
      else body.settle({ size: body.size, begin: 0 } as PartInfo);
    }
  }
}

/** Articles without end, no two the same; or only so many. */
export function library(articles = Number.POSITIVE_INFINITY) {
  let given = 0;
  return (count: number): readonly Segment[] =>
    Array.from({ length: Math.min(count, articles) }, () => {
      const number = given % articles;
      given += 1;
      return { id: `${number}@library` as MessageId, alternates: [], begin: 0, size: ARTICLE, encodedSize: ARTICLE };
    });
}

/** Lets time pass in slices, and everything happen that waits for none, until it is so. */
export async function pass(clock: ManualClock, lines: readonly Line[], isSo: () => boolean): Promise<void> {
  for (let slices = 0; !isSo(); slices += 1) {
    if (slices > 100_000) throw new Error(`it did not come true: ${isSo}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (isSo()) return;
    clock.advance(SLICE_MS);
    for (const line of lines) line.move();
  }
}

export interface TestOptions extends LineOptions {
  readonly wish?: Partial<SpeedTestWish>;
  readonly sample?: SpeedContext["sample"];
  readonly activity?: SpeedContext["activity"];
  readonly heldBack?: SpeedContext["heldBack"];
  readonly signal?: AbortSignal;
  readonly memoryBytes?: number;
  /** Called with each event, while time stands still. */
  readonly onEvent?: (event: SpeedEvent, line: Line) => void;
}

/** One measurement in simulated time, from its start to its end. */
export async function measured(options: TestOptions = {}) {
  const clock = new ManualClock();
  const line = new Line(clock, options);
  const events: SpeedEvent[] = [];
  const target: SpeedTarget = {
    source: line,
    snapshot: () => line.snapshot()[0] as ProviderSnapshot,
  };
  const wish = { limitBytes: 64 * 2 ** 30, whileStreaming: "stop", ...options.wish } as const;
  let outcome: { readonly error?: unknown } | undefined;
  const test = measureSpeed(target, wish, {
    sample: options.sample ?? library(),
    memoryBytes: options.memoryBytes ?? 2 ** 30,
    clock,
    activity: options.activity ?? (() => ({ streams: 0, imports: 0 })),
    heldBack: options.heldBack ?? (() => undefined),
    tell: (event) => {
      events.push(event);
      options.onEvent?.(event, line);
    },
    signal: options.signal ?? new AbortController().signal,
  });
  test.then(
    () => {
      outcome = {};
    },
    (error) => {
      outcome = { error };
    },
  );
  await pass(clock, [line], () => outcome !== undefined);
  const report = events.find((event): event is SpeedReport => event.kind === "report");
  return { clock, line, events, report: report as SpeedReport, error: outcome?.error, lastedMs: clock.now() };
}
