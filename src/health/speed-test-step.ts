import { setMaxListeners } from "node:events";
import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { AppError, ArticleError, errorCode, ProviderError } from "../base/errors.ts";
import type { MessageId } from "../base/message-id.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { ArticleSource, OnlyProvider } from "../nntp/article-source.ts";
import { FetchTrace } from "../nntp/fetch-trace.ts";
import type { SlotPool } from "../reader/slots.ts";
import type { FreshArticles } from "./speed-test-articles.ts";
import { type Arrival, SpeedMeter } from "./speed-test-meter.ts";
import type { SpeedStep, StepPlan } from "./speed-test-plan.ts";
import type { Volume } from "./speed-test-volume.ts";
import { count } from "./speed-test-words.ts";

/** A step has enough after so long, or after so many bytes. */
const STEP_MS = 3_000;
const STEP_BYTES = 64 * 1024 * 1024;
/** Connections are opened and brought to speed for so long at most, before anything counts. */
const WARM_UP_MS = 2_000;
/** Somewhere within this time one article must have arrived whole. */
const PATIENCE_MS = 20_000;
/** After its end a step waits so long for what is under way, since a connection that is cut off has to be opened anew. */
const GRACE_MS = 5_000;
const TICK_MS = 250;
/** So many in a row that are of no use end the test. */
const MOST_IN_A_ROW = { missing: 64, corrupt: 16, failed: 8 } as const;

const HEALTH = { lane: "health" } as const;

export interface StepContext {
  readonly provider: string;
  readonly source: ArticleSource;
  readonly articles: FreshArticles;
  readonly volume: Volume;
  /** Memory for all that is under way; what arrives is verified in it and forgotten. */
  readonly slots: SlotPool;
  readonly clock: Clock;
  /** Called now and then with the rate so far. */
  readonly onRate: (bytesPerSecond: number) => void;
}

/** volume: no more may be used. library: there are no articles left. trouble: the provider could not be measured. */
type StepEnd = "measured" | "volume" | "library" | "trouble";

export interface StepResult {
  readonly end: StepEnd;
  readonly step: SpeedStep;
  /** Why it ended in trouble; undefined if it did not. */
  readonly trouble: AppError | undefined;
  /** Whether any command got as far as the provider. */
  readonly wasAsked: boolean;
}

/**
 * Keeps `connections` x `depth` articles of one provider under way until the rate is known: for three seconds or 64 MiB, at least until
 * one article has arrived whole, at most for some twenty seconds. Rejects with the signal's reason, at once.
 */
export async function measureStep(plan: StepPlan, context: StepContext, { signal }: Cancel): Promise<StepResult> {
  signal.throwIfAborted();
  const step = new Step(plan, context);
  using _abort = onAbort(signal, () => step.cut(signal.reason));
  using _tick = context.clock.every(TICK_MS, () => step.tick());
  const result = await step.run();
  signal.throwIfAborted();
  return result;
}

class Step {
  readonly #plan: StepPlan;
  readonly #context: StepContext;
  readonly #only: OnlyProvider;
  readonly #meter: SpeedMeter;
  readonly #stop = new AbortController();
  readonly #firstBytes: number[] = [];
  readonly #count = { articles: 0, missing: 0, corrupt: 0, failed: 0 };
  /** Of each kind, since the last article that arrived whole. */
  #inARow = { missing: 0, corrupt: 0, failed: 0 };
  #end: StepEnd = "measured";
  #trouble: AppError | undefined;
  #wasAsked = false;
  #lastFailure: AppError | undefined;
  #defect: unknown;
  #grace: Disposable | undefined;

  constructor(plan: StepPlan, context: StepContext) {
    this.#plan = plan;
    this.#context = context;
    this.#only = { provider: context.provider, connections: plan.connections, depth: plan.depth };
    this.#meter = new SpeedMeter(context.clock, plan.connections);
  }

  async run(): Promise<StepResult> {
    const { connections, depth } = this.#plan;
    const workers = connections * depth;
    // Each of them waits for the same end, in several places.
    setMaxListeners(workers * 4, this.#stop.signal);
    await Promise.all(Array.from({ length: workers }, () => this.#work()));
    this.#grace?.[Symbol.dispose]();
    if (this.#defect !== undefined) throw this.#defect;
    return {
      end: this.#end,
      trouble: this.#trouble,
      wasAsked: this.#wasAsked,
      step: {
        connections,
        depth,
        bytesPerSecond: this.#meter.bytesPerSecond,
        firstByteMs: median(this.#firstBytes),
        ...this.#count,
      },
    };
  }

  /** Ends it, and all that is under way. */
  cut(reason: unknown): void {
    this.#close("measured");
    this.#stop.abort(reason);
  }

  tick(): void {
    const meter = this.#meter;
    if (meter.isStopped) return;
    if (meter.lastedMs >= WARM_UP_MS) meter.startCounting();
    if (meter.lastedMs >= PATIENCE_MS && this.#count.articles === 0) this.#giveUp(this.#lastFailure ?? this.#silence());
    this.#closeIfEnough();
    if (!meter.isStopped) this.#context.onRate(meter.bytesPerSecond);
  }

  async #work(): Promise<void> {
    while (!this.#meter.isStopped) {
      const segment = this.#context.articles.next();
      if (segment?.id === undefined) this.#close("library");
      else if (!this.#context.volume.book(segment.size)) this.#close("volume");
      else await this.#fetch(segment, segment.id);
    }
  }

  async #fetch(segment: Segment, id: MessageId): Promise<void> {
    const { source, slots, clock, volume } = this.#context;
    const { signal } = this.#stop;
    const arrival = this.#meter.begin();
    const trace = new FetchTrace(clock.now());
    try {
      const slot = await slots.acquire(segment.size, { urgency: HEALTH, signal });
      try {
        const { size } = await source.body(id, slot, {
          urgency: HEALTH,
          only: this.#only,
          expect: { size: segment.size, begin: segment.begin },
          encodedSize: segment.encodedSize,
          trace,
          signal,
          onProgress: (filled) => this.#arrived(arrival, filled),
          onRestart: () => {
            this.#meter.forget(arrival);
            volume.bookAgain(segment.size);
          },
        });
        this.#arrived(arrival, size);
        this.#succeeded(trace);
      } finally {
        slot.unpin();
      }
    } catch (error) {
      // What was under way at the end may still come in whole, so it stays booked; so far nothing was wrong with it.
      if (!signal.aborted) this.#failed(error, { arrival, segment });
    } finally {
      this.#wasAsked ||= trace.times.some(({ sentAt }) => sentAt !== undefined);
    }
  }

  #arrived(arrival: Arrival, filled: number): void {
    this.#meter.arrived(arrival, filled);
    this.#closeIfEnough();
  }

  #succeeded({ latest }: FetchTrace): void {
    const { sentAt, firstByteAt } = latest ?? {};
    this.#count.articles += 1;
    this.#inARow = { missing: 0, corrupt: 0, failed: 0 };
    if (sentAt !== undefined && firstByteAt !== undefined) this.#firstBytes.push(firstByteAt - sentAt);
    this.#closeIfEnough();
  }

  #failed(error: unknown, { arrival, segment }: { readonly arrival: Arrival; readonly segment: Segment }): void {
    if (!(error instanceof AppError)) {
      this.#defect ??= error;
      this.cut(error);
      return;
    }
    const kind = kindOf(error);
    if (kind === undefined) {
      this.#giveUp(error);
      return;
    }
    // A body that came and was wrong has been paid for.
    if (kind !== "corrupt") this.#context.volume.unbook(segment.size - arrival.filled);
    this.#meter.forget(arrival);
    this.#count[kind] += 1;
    this.#inARow[kind] += 1;
    if (kind === "failed") this.#lastFailure = error;
    if (this.#inARow[kind] >= MOST_IN_A_ROW[kind] || error.code === "PROVIDER_AUTH") {
      this.#giveUp(kind === "failed" ? error : useless(this.#only.provider, kind, this.#inARow[kind]));
    }
  }

  #closeIfEnough(): void {
    const { countedMs, countedBytes } = this.#meter;
    if (this.#count.articles > 0 && (countedMs >= STEP_MS || countedBytes >= STEP_BYTES)) this.#close("measured");
  }

  #giveUp(trouble: AppError): void {
    if (this.#meter.isStopped) return;
    this.#trouble = trouble;
    this.#close("trouble");
    this.#stop.abort(trouble);
  }

  #close(end: StepEnd): void {
    if (this.#meter.isStopped) return;
    this.#meter.stop();
    this.#end = end;
    this.#grace = this.#context.clock.after(GRACE_MS, () =>
      this.#stop.abort(new Error("this step of the speed test is over")),
    );
  }

  #silence(): ProviderError {
    const { connections } = this.#plan;
    const seconds = PATIENCE_MS / 1000;
    return new ProviderError(
      "PROVIDER_TIMEOUT",
      `${this.#only.provider} has sent no whole article within ${seconds} s over ${count(connections, "connection")}`,
    );
  }
}

/** What to say of a provider that has sent nothing of use. */
function useless(provider: string, kind: "missing" | "corrupt", inARow: number): ArticleError {
  return kind === "missing"
    ? new ArticleError("ARTICLE_MISSING", `${provider} has none of ${inARow} articles asked for in a row`, {
        hint: "they may be older than what it keeps",
      })
    : new ArticleError("ARTICLE_CORRUPT", `${provider} sent ${inARow} articles in a row that are wrong`);
}

/** Whose fault it is that an article did not arrive; undefined: neither the article's nor the provider's. */
function kindOf(error: AppError): "missing" | "corrupt" | "failed" | undefined {
  const code = errorCode(error) ?? "";
  if (code === "ARTICLE_MISSING") return "missing";
  if (code === "ARTICLE_CORRUPT") return "corrupt";
  return code.startsWith("PROVIDER_") ? "failed" : undefined;
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.floor(sorted.length / 2)] as number) * 10) / 10;
}
