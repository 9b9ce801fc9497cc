import type { Slot } from "../base/slot.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import type { FetchOptions, Spare } from "./article-source.ts";
import type { Attempt } from "./attempt.ts";
import type { Line, Provider } from "./provider.ts";
import type { StallWatch, Watched } from "./stall-watch.ts";

/** Why the slower one of two was given up. */
const LOST = new Error("another connection was quicker with this article");

/** A wait for a connection is a stall only after so long: opening one takes half a dozen round trips. */
const NO_CONNECTION_MS = 1_000;

/** Where a fetch stands: one attempt after another, until it is stopped. */
export class Course {
  /** The one under way. */
  attempt: Attempt | undefined;
  #stopped: Error | undefined;

  /** Nothing more is to come of it: the attempt under way ends at once, and no other follows. */
  stop(reason: Error): void {
    this.#stopped ??= reason;
    this.attempt?.leave(reason);
  }

  throwIfStopped(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
  }
}

/** Where a second try is to go. */
export interface SecondTry {
  readonly provider: Provider;
  readonly avoid: Line | undefined;
}

/** What a second try has come to. */
export interface SecondOutcome {
  /** What it was granted of the budget when it was asked. */
  readonly grantedBytes: number;
  /** Bytes that were received for nothing. */
  readonly wastedBytes: number;
  readonly hasWon: boolean;
}

export interface RaceContext {
  readonly stalls: StallWatch;
  /** Asks tier by tier, as for any article. */
  first(into: Slot, course: Course): Promise<PartInfo>;
  /** Asks once; undefined when nothing came of it. */
  second(
    into: Slot,
    options: FetchOptions,
    where: SecondTry & { readonly course: Course },
  ): Promise<PartInfo | undefined>;
  /** Where else the article could be asked for at once, if that is within the budget for such things. */
  elsewhere(attempt: Attempt): SecondTry | undefined;
  /** It is being asked for there, and is granted so many bytes of the budget. */
  onAsked(grantedBytes: number): void;
  onSecondOver(outcome: SecondOutcome): void;
  /** Whether the article could be asked for again, here or there, if this attempt failed now. */
  isThereMore(attempt: Attempt): boolean;
}

/**
 * One article for somebody who waits for it: when the try under way makes no progress for longer than is usual there, the article is
 * asked for a second time, elsewhere, and the first to be right wins. Costs nothing beyond a look now and then as long as all goes well.
 */
export class Race implements Watched {
  readonly #context: RaceContext;
  readonly #options: FetchOptions;
  readonly #spare: Spare;
  readonly #first = new Course();
  /** Undefined: no second try was made. */
  #second: Course | undefined;
  #isSecondRunning = false;
  #firstError: unknown;
  #hasFirstFailed = false;
  #resolve: (info: PartInfo) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(context: RaceContext, options: FetchOptions, spare: Spare) {
    this.#context = context;
    this.#options = options;
    this.#spare = spare;
  }

  run(into: Slot): Promise<PartInfo> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#context.stalls.add(this);
      this.#context.first(into, this.#first).then(
        (info) => this.#finish(info),
        (error) => this.#failFirst(error),
      );
    });
  }

  look(now: number): void {
    const { attempt } = this.#first;
    if (this.#second !== undefined || this.#hasFirstFailed || attempt === undefined) return;
    if (!isStalled(attempt, now)) return;
    const isWaitedFor = this.#options.urgency.lane === "playhead";
    const where = isWaitedFor ? this.#context.elsewhere(attempt) : undefined;
    const slot = where === undefined ? undefined : this.#spare.take();
    if (where !== undefined && slot !== undefined) void this.#tryAgain(slot, where, attempt);
    else if (isLost(attempt) && this.#context.isThereMore(attempt)) attempt.provider?.giveUp(attempt.line as Line);
  }

  async #tryAgain(slot: Slot, where: SecondTry, first: Attempt): Promise<void> {
    const grantedBytes = first.expectedBytes;
    this.#context.onAsked(grantedBytes);
    const course = new Course();
    this.#second = course;
    this.#isSecondRunning = true;
    const { trace } = this.#options;
    if (trace !== undefined) trace.isHedged = true;
    // It runs beside the first one, whose course is the one that is told.
    const onProgress = (filled: number) => this.#spare.onProgress(filled);
    const options = { ...this.#options, trace: undefined, onProgress };
    const asked = this.#context.second(slot, options, { ...where, course });
    const { attempt: second } = course;
    let info: PartInfo | undefined;
    try {
      info = await asked;
    } catch {
      // Whatever went wrong with it, the first one is still there.
    }
    const hasWon = info !== undefined;
    if (info !== undefined) {
      this.#winSecond(info);
      trace?.note({ provider: where.provider.options.id, result: "ok" });
    }
    const wastedBytes = (hasWon ? first : second)?.wastedBytes ?? 0;
    this.#context.onSecondOver({ grantedBytes, wastedBytes, hasWon });
    this.#isSecondRunning = false;
    this.#spare.done();
    if (this.#hasFirstFailed) this.#fail(this.#firstError);
  }

  #winSecond(info: PartInfo): void {
    const loser = this.#first.attempt?.provider;
    if (loser !== undefined) this.#options.trace?.note({ provider: loser.options.id, result: "lost the race" });
    // From here on nothing may be written where bytes on their way to a client lie.
    this.#first.stop(LOST);
    this.#spare.won();
    this.#finish(info);
  }

  /** The second try may still succeed. */
  #failFirst(error: unknown): void {
    this.#hasFirstFailed = true;
    this.#firstError = error;
    if (!this.#isSecondRunning || this.#options.signal.aborted) this.#fail(error);
  }

  #finish(info: PartInfo): void {
    this.#end();
    this.#resolve(info);
  }

  #fail(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#context.stalls.remove(this);
    this.#second?.stop(LOST);
  }
}

/** How much longer than a stall a silence has to be for the line to be given up, when nobody is asked beside it. */
const LOST_FACTOR = 4;
const LOST_MS = 2_000;

/** Nothing at all comes on its line, neither this article nor those before it. */
function isLost({ provider, line }: Attempt): boolean {
  if (provider === undefined || line === undefined) return false;
  return line.connection.silentMs > Math.max(LOST_MS, LOST_FACTOR * provider.standing.stallMs);
}

/** Nothing has come for longer than usual; where others are served first, they come to a halt as well or take longer than that. */
function isStalled(attempt: Attempt, now: number): boolean {
  const { provider, line } = attempt;
  const quietMs = attempt.quietMs(now);
  if (provider === undefined || line === undefined) return quietMs > NO_CONNECTION_MS;
  const { standing } = provider;
  if (quietMs <= standing.stallMs) return false;
  const before = attempt.bytesBefore;
  const rate = standing.bytesPerSecond;
  if (before === 0 || rate === undefined || line.connection.silentMs > standing.stallMs) return true;
  return (before / rate) * 1000 > standing.stallMs;
}
