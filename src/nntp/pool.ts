import { type Clock, sleep } from "../base/clock.ts";
import { errorCode, ProviderError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MessageId } from "../base/message-id.ts";
import type { Slot } from "../base/slot.ts";
import type { YencKernel } from "../yenc/kernel.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import type { ArticleSource, FetchOptions, Presence } from "./article-source.ts";
import { attempt, type Outcome } from "./attempt.ts";
import { retryDelayMs } from "./back-off.ts";
import { Provider } from "./provider.ts";
import type { ProviderOptions } from "./provider-options.ts";
import { Scheduler, type SchedulerLimits } from "./scheduler.ts";
import type { ProviderSnapshot } from "./snapshot.ts";
import { Verdicts } from "./verdicts.ts";

const TEND_MS = 1_000;

export interface PoolOptions {
  readonly providers: readonly ProviderOptions[];
  readonly kernel: YencKernel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: SchedulerLimits;
  /** 0 <= random() < 1; desynchronises retries. */
  readonly random?: () => number;
}

/**
 * All providers as one: asks tier by tier, backups last, and tells absence from silence.
 * Opens connections when there is work and gives them back when there has been none for a while. `close` hangs up everywhere.
 */
export class Pool implements ArticleSource, AsyncDisposable {
  readonly #providers: readonly Provider[];
  /** Providers to ask together, first tier first; backups form the last ones. */
  readonly #tiers: readonly (readonly Provider[])[];
  readonly #scheduler: Scheduler;
  readonly #options: PoolOptions;
  readonly #random: () => number;
  readonly #reports = new Set<() => void>();
  #tending: Disposable | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    const { clock, log } = options;
    const context = { clock, log, random: this.#random, onChange: () => this.#changed() };
    this.#providers = options.providers.map((provider) => new Provider(provider, context));
    this.#tiers = inTiers(this.#providers);
    this.#scheduler = new Scheduler(this.#providers, options.limits);
  }

  async body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo> {
    const outcome = await this.#askAround("BODY", id, options, into);
    // An "ok" to a BODY carries what was decoded.
    return outcome.info as PartInfo;
  }

  async stat(id: MessageId, options: FetchOptions): Promise<Presence> {
    try {
      await this.#askAround("STAT", id, options);
      return "present";
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      return errorCode(error) === "ARTICLE_MISSING" ? "missing" : "unknown";
    }
  }

  snapshot(): readonly ProviderSnapshot[] {
    return this.#providers.map((provider) => provider.snapshot());
  }

  /** Requests that wait for a connection. */
  get waiting(): number {
    return this.#scheduler.waiting;
  }

  /** A limit outside has changed: look at what waits. */
  reconsider(): void {
    this.#scheduler.pump();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tending?.[Symbol.dispose]();
    for (const provider of this.#providers) provider.close();
    this.#scheduler.pump();
  }

  /** Tier by tier; then, in a second round, those that hold a corrupt copy once more: the fault may have been on the way. */
  async #askAround(
    kind: "BODY" | "STAT",
    id: MessageId,
    options: FetchOptions,
    slot?: Slot,
  ): Promise<Outcome & { readonly kind: "ok" }> {
    if (this.#providers.length === 0) {
      throw new ProviderError("PROVIDER_UNREACHABLE", "no news provider is configured", {
        hint: "add one under `providers` in newsreel.yaml or in NEWSREEL_PROVIDERS",
      });
    }
    const verdicts = new Verdicts();
    let isFirst = true;
    for (const round of [1, 2] as const) {
      for (const tier of this.#tiers) {
        for (;;) {
          const open = tier.filter((provider) => !verdicts.isDone(provider, round));
          if (open.length === 0) break;
          if (!isFirst) await options.onRestart?.();
          isFirst = false;
          const candidates = leastAsked(open, verdicts);
          const outcome = await attempt(
            {
              kind,
              id,
              ...(slot === undefined ? {} : { slot }),
              options,
              candidates,
            },
            {
              scheduler: this.#scheduler,
              kernel: this.#options.kernel,
              reportProgress: (report) => this.#reportSoon(report),
            },
          );
          if (outcome.kind === "ok") return outcome;
          await this.#note(outcome, verdicts, candidates, options.signal);
        }
      }
    }
    throw verdicts.error(id, this.#providers);
  }

  async #note(
    outcome: Exclude<Outcome, { kind: "ok" }>,
    verdicts: Verdicts,
    asked: Iterable<Provider>,
    signal: AbortSignal,
  ): Promise<void> {
    switch (outcome.kind) {
      case "missing":
        verdicts.missing(outcome.provider);
        return;
      case "corrupt":
        verdicts.corrupt(outcome.provider, outcome.error);
        return;
      case "unavailable":
        for (const provider of asked) verdicts.unavailable(provider);
        return;
      case "failed": {
        verdicts.failed(outcome.provider, outcome.error);
        // A stalled connection is replaced at once; after anything else a pause keeps thirty readers from asking in step.
        const isOver = verdicts.isDone(outcome.provider, 1) || !outcome.provider.isUsable;
        if (outcome.error.code !== "PROVIDER_TIMEOUT" && !isOver) {
          await sleep(this.#options.clock, retryDelayMs(this.#random), signal);
        }
      }
    }
  }

  #changed(): void {
    const hasConnections = this.#providers.some((provider) => provider.lines.size > 0);
    if (hasConnections && this.#tending === undefined) {
      this.#tending = this.#options.clock.every(TEND_MS, () => {
        for (const provider of this.#providers) provider.tend();
      });
    } else if (!hasConnections && this.#tending !== undefined) {
      this.#tending[Symbol.dispose]();
      this.#tending = undefined;
    }
    this.#scheduler.pump();
  }

  #reportSoon(report: () => void): void {
    if (this.#reports.size === 0) {
      setImmediate(() => {
        const due = [...this.#reports];
        this.#reports.clear();
        for (const call of due) call();
      });
    }
    this.#reports.add(report);
  }
}

function inTiers(providers: readonly Provider[]): readonly (readonly Provider[])[] {
  const key = ({ options }: Provider) => (options.backup ? 1e6 : 0) + options.tier;
  const keys = [...new Set(providers.map(key))].sort((a, b) => a - b);
  return keys.map((tier) => providers.filter((provider) => key(provider) === tier));
}

/** Nobody is asked a second time while another of the same tier has not been asked once. */
function leastAsked(open: readonly Provider[], verdicts: Verdicts): ReadonlySet<Provider> {
  const least = Math.min(...open.map((provider) => verdicts.attempts(provider)));
  return new Set(open.filter((provider) => verdicts.attempts(provider) === least));
}
