import { type Clock, sleep } from "../base/clock.ts";
import { errorCode, ProviderError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MessageId } from "../base/message-id.ts";
import type { Slot } from "../base/slot.ts";
import type { YencKernel } from "../yenc/kernel.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import { Absences } from "./absences.ts";
import type { ArticleSource, FetchOptions, Presence } from "./article-source.ts";
import { type AttemptContext, type AttemptRequest, attempt, type Outcome } from "./attempt.ts";
import { retryDelayMs } from "./back-off.ts";
import type { CommandTimes } from "./command-times.ts";
import { type HedgeStats, Hedges } from "./hedges.ts";
import { isImportLane, type Lane } from "./lanes.ts";
import { type Line, Provider } from "./provider.ts";
import type { ProviderOptions } from "./provider-options.ts";
import { type Course, Race } from "./race.ts";
import { Scheduler, type SchedulerLimits } from "./scheduler.ts";
import type { ProviderSnapshot } from "./snapshot.ts";
import { StallWatch } from "./stall-watch.ts";
import { Verdicts } from "./verdicts.ts";

const TEND_MS = 1_000;
/** Connections that a player who starts will need within its first second. */
const WARM_CONNECTIONS = 4;

export interface PoolOptions {
  readonly providers: readonly ProviderOptions[];
  readonly kernel: YencKernel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: SchedulerLimits;
  /** Is told how long commands took. */
  readonly times?: CommandTimes;
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
  readonly #turns: readonly Turn[];
  readonly #scheduler: Scheduler;
  readonly #options: PoolOptions;
  readonly #random: () => number;
  readonly #reports = new Set<() => void>();
  readonly #attempts: AttemptContext;
  readonly #absences: Absences;
  readonly #stalls: StallWatch;
  readonly #hedges: Hedges;
  #tending: Disposable | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    const { clock, log } = options;
    const context = { clock, log, random: this.#random, onChange: () => this.#changed() };
    this.#providers = options.providers.map((provider) => new Provider(provider, context));
    this.#tiers = inTiers(this.#providers);
    this.#turns = turnsOf(this.#tiers);
    this.#scheduler = new Scheduler(this.#providers, options.limits, clock);
    this.#attempts = {
      scheduler: this.#scheduler,
      kernel: options.kernel,
      clock,
      times: options.times,
      reportProgress: (report) => this.#reportSoon(report),
    };
    this.#absences = new Absences(clock);
    this.#stalls = new StallWatch(clock);
    this.#hedges = new Hedges(this.#providers);
  }

  body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo> {
    const verdicts = new Verdicts();
    if (options.spare === undefined) {
      return this.#bodyFrom({ kind: "BODY", id, options, verdicts, course: undefined, avoid: undefined }, into);
    }
    const race = new Race(
      {
        stalls: this.#stalls,
        first: (slot, course) =>
          this.#bodyFrom({ kind: "BODY", id, options, verdicts, course, avoid: undefined }, slot),
        second: (slot, own, { provider, avoid, course }) =>
          this.#askAgain({ kind: "BODY", id, options: own, verdicts, course, avoid }, slot, provider),
        elsewhere: (attempt) => this.#hedges.elsewhere(attempt, verdicts),
        onAsked: (bytes) => this.#hedges.asked(bytes),
        onSecondOver: (outcome) => this.#hedges.over(outcome),
        isThereMore: ({ provider }) => this.#isThereMore(provider, verdicts),
      },
      options,
      options.spare,
    );
    return race.run(into);
  }

  async stat(id: MessageId, options: FetchOptions): Promise<Presence> {
    try {
      await this.#askAround({
        kind: "STAT",
        id,
        options,
        verdicts: new Verdicts(),
        course: undefined,
        avoid: undefined,
      });
      return "present";
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      return errorCode(error) === "ARTICLE_MISSING" ? "missing" : "unknown";
    }
  }

  snapshot(): readonly ProviderSnapshot[] {
    return this.#providers.map((provider) => provider.snapshot());
  }

  /** Second tries for articles that did not come. */
  get hedges(): HedgeStats {
    return this.#hedges.stats();
  }

  /** Somebody begins to watch: opens what the first second needs, all at once instead of one after another. */
  warmUp(): void {
    const first = this.#tiers.find((tier) => tier.some(({ isWell }) => isWell));
    for (const provider of first ?? []) {
      if (provider.isWell) provider.open(WARM_CONNECTIONS - provider.lines.size - provider.opening);
    }
  }

  /** Requests that wait for a connection. */
  get waiting(): number {
    return this.#scheduler.waiting;
  }

  /** Milliseconds that requests of each lane have waited for a connection since the start. */
  get waitedMs(): Readonly<Record<Lane, number>> {
    return this.#scheduler.waitedMs;
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

  async #bodyFrom(question: Question, into: Slot): Promise<PartInfo> {
    const outcome = await this.#askAround(question, into);
    // An "ok" to a BODY carries what was decoded.
    return outcome.info as PartInfo;
  }

  /**
   * Tier by tier, those first that nothing speaks against; then, in a second round, those that hold a corrupt copy once more: the fault
   * may have been on the way.
   */
  async #askAround(question: Question, slot?: Slot): Promise<Outcome & { readonly kind: "ok" }> {
    const { id, options, verdicts, course } = question;
    const { only } = options;
    const providers =
      only === undefined ? this.#providers : this.#providers.filter((p) => p.options.id === only.provider);
    if (providers.length === 0) throw noProvider();
    let isFirst = true;
    for (const { tier, round, isWell } of only === undefined ? this.#turns : turnsOf([providers])) {
      for (;;) {
        const open = tier.filter((provider) => !verdicts.isDone(provider, round));
        const ready = isWell ? open.filter((provider) => provider.isWell && !this.#isSpared(provider, options)) : open;
        if (ready.length < open.length) for (const provider of open) if (!provider.isWell) provider.revive();
        const [first] = ready;
        if (first === undefined) break;
        const free = ready.filter((provider) => verdicts.answerOf(provider) === undefined);
        if (free.length === 0) {
          await verdicts.answerOf(first);
          continue;
        }
        if (!isFirst) await options.onRestart?.();
        isFirst = false;
        course?.throwIfStopped();
        const candidates = this.#likeliest(leastAsked(free, verdicts), options.post);
        const outcome = await this.#attempt(question, { candidates, isForWell: isWell, slot });
        // Those who got into trouble meanwhile are asked when nobody else is left.
        if (outcome.kind === "unavailable" && isWell && ![...candidates].some((provider) => provider.isWell)) continue;
        if (outcome.kind === "ok") {
          this.#absences.present(options.post, outcome.provider);
          return outcome;
        }
        if (outcome.kind === "missing") this.#absences.missing(options.post, outcome.provider);
        await this.#note(outcome, verdicts, candidates, options.signal);
      }
    }
    throw verdicts.error(id, providers);
  }

  /** A second try for an article that is being asked for already. */
  async #askAgain(question: Question, slot: Slot, provider: Provider): Promise<PartInfo | undefined> {
    const { verdicts, options } = question;
    const asked = this.#attempt(question, { candidates: new Set([provider]), isForWell: true, slot });
    verdicts.asking(provider, asked);
    const outcome = await asked;
    if (outcome.kind === "unavailable") return undefined;
    if (outcome.kind === "ok") {
      this.#absences.present(options.post, provider);
      return outcome.info;
    }
    if (outcome.kind === "missing") this.#absences.missing(options.post, provider);
    await this.#note(outcome, verdicts, [provider], options.signal);
    return undefined;
  }

  #attempt(question: Question, whom: Pick<AttemptRequest, "candidates" | "isForWell" | "slot">): Promise<Outcome> {
    const { kind, id, options, course, avoid } = question;
    return attempt({ kind, id, options, course, avoid, ...whom }, this.#attempts);
  }

  /** Imports can wait for a provider that is in trouble; nobody pays a backup for them meanwhile. */
  #isSpared({ options }: Provider, { urgency }: FetchOptions): boolean {
    if (!options.backup || !isImportLane(urgency.lane)) return false;
    return this.#providers.some((provider) => !provider.options.backup && !provider.isWell);
  }

  /** A backup is no reason to be impatient: it is asked when the others have had their time. */
  #isThereMore(provider: Provider | undefined, verdicts: Verdicts): boolean {
    if (provider !== undefined && verdicts.attempts(provider) === 0) return true;
    return this.#providers.some(
      (other) => other !== provider && other.isWell && !other.options.backup && !verdicts.isDone(other, 1),
    );
  }

  /** Without those that lacked its neighbours, as long as there are others. */
  #likeliest(candidates: ReadonlySet<Provider>, post: number | undefined): ReadonlySet<Provider> {
    if (candidates.size < 2) return candidates;
    const likely = [...candidates].filter((provider) => !this.#absences.isLikely(post, provider));
    return likely.length > 0 ? new Set(likely) : candidates;
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

/** One article, whom it was asked of, and what they said. */
interface Question {
  readonly kind: "BODY" | "STAT";
  readonly id: MessageId;
  readonly options: FetchOptions;
  readonly verdicts: Verdicts;
  readonly course: Course | undefined;
  readonly avoid: Line | undefined;
}

/** Providers to ask together. */
interface Turn {
  readonly tier: readonly Provider[];
  /** 2: only those that held a corrupt copy. */
  readonly round: 1 | 2;
  /** Only those that nothing speaks against. */
  readonly isWell: boolean;
}

function noProvider(): ProviderError {
  return new ProviderError("PROVIDER_UNREACHABLE", "no news provider is configured", {
    hint: "add one under `providers` in newsreel.yaml or in NEWSREEL_PROVIDERS",
  });
}

function inTiers(providers: readonly Provider[]): readonly (readonly Provider[])[] {
  const key = ({ options }: Provider) => (options.backup ? 1e6 : 0) + options.tier;
  const keys = [...new Set(providers.map(key))].sort((a, b) => a - b);
  return keys.map((tier) => providers.filter((provider) => key(provider) === tier));
}

function turnsOf(tiers: readonly (readonly Provider[])[]): readonly Turn[] {
  return ([1, 2] as const).flatMap((round) =>
    [true, false].flatMap((isWell) => tiers.map((tier) => ({ round, isWell, tier }))),
  );
}

/** Nobody is asked a second time while another of the same tier has not been asked once. */
function leastAsked(open: readonly Provider[], verdicts: Verdicts): ReadonlySet<Provider> {
  if (open.length === 1) return new Set(open);
  const least = Math.min(...open.map((provider) => verdicts.attempts(provider)));
  return new Set(open.filter((provider) => verdicts.attempts(provider) === least));
}
