import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { type AppError, RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import { capacityFor, SlotPool } from "../reader/slots.ts";
import { FreshArticles, type SampleSegments } from "./speed-test-articles.ts";
import type { SpeedEnd, SpeedEvent, SpeedReport } from "./speed-test-events.ts";
import { nextStep, type PlanBounds, type SpeedStep, worthwhile } from "./speed-test-plan.ts";
import { measureRoundTrip } from "./speed-test-round-trip.ts";
import { measureStep, type StepResult } from "./speed-test-step.ts";
import { Volume } from "./speed-test-volume.ts";
import { count, type Disturbance, disturbed, inVolume, recommendation } from "./speed-test-words.ts";

/** The whole of it takes no longer, whatever the provider does. */
const TEST_MOST_MS = 180_000;
/** How often is looked who else uses the line. */
const LOOK_MS = 250;
/** Memory for what is under way, at most; given back afterwards. */
const SCRATCH_BYTES = 128 * 1024 * 1024;
/** Articles looked at to know how large they are. */
const TYPICAL = 32;

export interface SpeedTestWish {
  /** What the test may cost. */
  readonly limitBytes: number;
  /** stop: nobody may be watching. share: goes on meanwhile, and says that the figures are too low. */
  readonly whileStreaming: "stop" | "share";
}

/** The provider to be measured, the only one that is asked. */
export interface SpeedTarget {
  readonly source: ArticleSource;
  readonly snapshot: () => ProviderSnapshot;
}

export interface SpeedContext {
  readonly sample: SampleSegments;
  /** Memory that may be taken. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  /** Who uses the line at this moment. */
  readonly activity: () => Disturbance;
  /** Why a test may use none of the provider's connections at this moment, in words; undefined when it may. */
  readonly heldBack: () => string | undefined;
  readonly tell: (event: SpeedEvent) => void;
}

/**
 * Finds out how fast a provider is, and with how many connections at which depth, from articles of the library that are verified and thrown
 * away; all in lane health. The last thing told is the report. Rejects with what `refuseToStart` says, with the provider's or the
 * articles' error when nothing at all could be measured, or with the signal's reason.
 */
export async function measureSpeed(
  target: SpeedTarget,
  wish: SpeedTestWish,
  context: SpeedContext & Cancel,
): Promise<void> {
  const { clock, tell, signal, activity, heldBack } = context;
  refuseToStart(context, wish);
  const climb = new Climb(target, wish, context);
  const { id, connections } = target.snapshot();
  const words = `the test may use up to ${inVolume(wish.limitBytes)} of the account's volume`;
  tell({ kind: "start", provider: id, connections: connections.limit, limitBytes: wish.limitBytes, words });

  const halt = new AbortController();
  using _abort = onAbort(signal, () => halt.abort(signal.reason));
  using _most = clock.after(TEST_MOST_MS, () => halt.abort(new Halt("time", ENDED.time)));
  using _look = clock.every(LOOK_MS, () => {
    const now = activity();
    const why = heldBack();
    if (now.streams > 0 && wish.whileStreaming === "stop") halt.abort(new Halt("playback", ENDED.playback));
    else if (why !== undefined) halt.abort(new Halt("playback", noRoom(why)));
    else climb.note(now);
  });
  climb.note(activity());
  let ending: Ending;
  try {
    ending = await climb.run(halt.signal);
  } catch (error) {
    if (!(error instanceof Halt)) throw error;
    ending = { ended: error.ended, reason: error.reason, trouble: undefined };
  }
  tell(climb.report(ending));
}

/**
 * Throws CONFLICT when the library has no article to test with, when somebody is watching and must not be disturbed, or when playback has
 * all connections.
 */
export function refuseToStart(
  { sample, activity, heldBack }: Pick<SpeedContext, "sample" | "activity" | "heldBack">,
  wish: SpeedTestWish,
): void {
  if (sample(1).length === 0) {
    throw new RequestError("CONFLICT", "the library holds no articles to test a provider with", {
      hint: "import something first",
    });
  }
  const { streams } = activity();
  if (streams > 0 && wish.whileStreaming === "stop") {
    throw new RequestError(
      "CONFLICT",
      `${count(streams, "stream")} ${streams === 1 ? "is" : "are"} active: playback comes first`,
      {
        hint: "try again when nobody watches; with --while-streaming, or force=1, it is done all the same, and the figures are too low",
      },
    );
  }
  const why = heldBack();
  if (why === undefined) return;
  throw new RequestError("CONFLICT", noRoom(why), {
    hint: "try again when nobody watches, or leave imports and tests a connection in any case: streaming.floor=1",
  });
}

function noRoom(why: string): string {
  return `playback has all connections (${why})`;
}

interface Ending {
  readonly ended: SpeedEnd;
  readonly reason: string;
  /** What the provider did; undefined unless that was the end of it. */
  readonly trouble: AppError | undefined;
}

/** Why a test is broken off, by itself. */
class Halt extends Error {
  readonly ended: "time" | "playback";
  readonly reason: string;

  constructor(ended: "time" | "playback", reason: string) {
    super(`the speed test is over: ${reason}`);
    this.ended = ended;
    this.reason = reason;
  }
}

const ENDED: Readonly<Record<SpeedEnd, string>> = {
  complete: "all was measured",
  provider: "the provider failed",
  volume: "what it may use of the account's volume is used up",
  time: `it would take longer than ${TEST_MOST_MS / 60_000} minutes`,
  playback: "somebody began to watch, and playback comes first",
  library: "the library holds no articles any more",
};

function endedBy(ended: SpeedEnd): Ending {
  return { ended, reason: ENDED[ended], trouble: undefined };
}

function inTrouble(trouble: AppError): Pick<Ending, "reason" | "trouble"> {
  return { reason: trouble.message, trouble };
}

/** The way up, step by step, as far as it goes. */
class Climb {
  readonly #target: SpeedTarget;
  readonly #context: SpeedContext;
  readonly #provider: string;
  readonly #configured: number;
  readonly #articles: FreshArticles;
  readonly #volume: Volume;
  readonly #slots: SlotPool;
  readonly #steps: SpeedStep[] = [];
  #bounds: PlanBounds;
  #roundTripMs: number | null = null;
  #others: Disturbance = { streams: 0, imports: 0 };

  constructor(target: SpeedTarget, wish: SpeedTestWish, context: SpeedContext) {
    const { sample, memoryBytes, clock } = context;
    const { id, connections } = target.snapshot();
    this.#target = target;
    this.#context = context;
    this.#provider = id;
    this.#configured = connections.limit;
    this.#articles = new FreshArticles(sample);
    this.#volume = new Volume(wish.limitBytes);
    const budgetBytes = Math.min(SCRATCH_BYTES, memoryBytes);
    this.#slots = new SlotPool({ budgetBytes, clock, evict: () => false });
    const largest = Math.max(...sample(TYPICAL).map(({ size }) => size));
    this.#bounds = { connections: connections.limit, inFlight: Math.floor(budgetBytes / capacityFor(largest)) };
  }

  note({ streams, imports }: Disturbance): void {
    const { streams: most, imports: mostImports } = this.#others;
    this.#others = { streams: Math.max(most, streams), imports: Math.max(mostImports, imports) };
  }

  async run(signal: AbortSignal): Promise<Ending> {
    const { clock, tell } = this.#context;
    const [provider, volume] = [this.#provider, this.#volume];
    const shared = { provider, source: this.#target.source, articles: this.#articles, clock };
    this.#roundTripMs = await measureRoundTrip(shared, { signal });
    for (;;) {
      const plan = nextStep(this.#steps, this.#bounds);
      if (plan === undefined) return endedBy("complete");
      const onRate = (bytesPerSecond: number) =>
        tell({ kind: "progress", ...plan, bytesPerSecond, usedBytes: volume.usedBytes });
      const result = await measureStep(plan, { ...shared, volume, slots: this.#slots, onRate }, { signal });
      this.#take(result);
      const { end, trouble } = result;
      if (trouble !== undefined && this.#isCrowdedOut(result)) return { ended: "time", ...inTrouble(this.#crowd()) };
      if (trouble !== undefined) return { ended: "provider", ...inTrouble(trouble) };
      if (end === "volume" || end === "library") return endedBy(end);
    }
  }

  /** Whether nothing was asked at all: others of this program had the connections, and the provider is not to blame. */
  #isCrowdedOut({ wasAsked, step }: StepResult): boolean {
    const { opening } = this.#target.snapshot().connections;
    return !wasAsked && step.failed === 0 && opening === 0 && disturbed(this.#others) !== undefined;
  }

  #crowd(): RequestError {
    const message = `${this.#provider} could not be asked for anything: playback and imports had all connections`;
    return new RequestError("CONFLICT", message, { hint: "try again when nobody watches and no import runs" });
  }

  /** Throws instead when there is nothing to report. */
  report({ ended, reason, trouble }: Ending): SpeedReport {
    if (this.#steps.length === 0) {
      throw trouble ?? new RequestError("CONFLICT", `${this.#provider} was not measured: ${reason}`);
    }
    const early = ended === "complete" ? undefined : `ended early: ${reason}`;
    const repeated = this.#articles.repeats
      ? "the library is small: articles were asked for again, and a provider may answer that quicker"
      : undefined;
    const { connections, depth, bytesPerSecond } = worthwhile(this.#steps);
    return {
      kind: "report",
      provider: this.#provider,
      ended,
      roundTripMs: this.#roundTripMs,
      steps: this.#steps,
      connections,
      depth,
      bytesPerSecond,
      words: recommendation(this.#steps, { ...this.#bounds, configured: this.#configured }),
      notes: [early, disturbed(this.#others), repeated].filter((note) => note !== undefined),
      usedBytes: this.#volume.usedBytes,
      ...this.#others,
    };
  }

  /** Keeps a step that says something. One that the provider had not enough connections for is told as what it was. */
  #take({ end, step }: StepResult): void {
    const { ceiling } = this.#target.snapshot().connections;
    this.#bounds = { ...this.#bounds, connections: Math.max(1, Math.min(this.#bounds.connections, ceiling)) };
    const isFirstGlimpse = (end === "volume" || end === "library") && this.#steps.length === 0 && step.articles > 0;
    if (end !== "measured" && !isFirstGlimpse) return;
    const real = { ...step, connections: Math.min(step.connections, this.#bounds.connections) };
    if (this.#steps.some(({ connections, depth }) => connections === real.connections && depth === real.depth)) return;
    this.#steps.push(real);
    this.#context.tell({ kind: "step", ...real });
  }
}
