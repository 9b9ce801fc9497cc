import { onAbort } from "../base/abort.ts";
import type { Slot } from "../base/slot.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import type { FetchOptions, Spare } from "./article-source.ts";
import type { Course } from "./attempt.ts";
import type { Line, Provider } from "./provider.ts";
import type { StallWatch, Watched } from "./stall-watch.ts";

/** Why the slower one of two was given up. */
const LOST = new Error("another connection was quicker with this article");

/** A wait for a connection is a stall only after so long: opening one takes half a dozen round trips. */
const NO_CONNECTION_MS = 1_000;

/** Where a second try is to go. */
export interface SecondTry {
  readonly provider: Provider;
  readonly avoid: Line | undefined;
}

export interface RaceContext {
  readonly stalls: StallWatch;
  /** Asks tier by tier, as for any article. */
  first(into: Slot, options: FetchOptions, course: Course): Promise<PartInfo>;
  /** Asks once; undefined when nothing came of it. */
  second(into: Slot, options: FetchOptions, where: SecondTry): Promise<PartInfo | undefined>;
  /** Where else the article could be asked for at once, if that is within the budget for such things. */
  elsewhere(course: Course): SecondTry | undefined;
  onWon(): void;
}

/**
 * One article for somebody who waits for it: when the try under way makes no progress for longer than is usual there, the article is
 * asked for a second time, elsewhere, and the first to be right wins.
 */
export class Race implements Watched {
  readonly #context: RaceContext;
  readonly #options: FetchOptions;
  readonly #spare: Spare;
  readonly #course: Course = { attempt: undefined };
  readonly #first = new AbortController();
  readonly #second = new AbortController();
  /** Undefined: not tried yet. */
  #secondTry: Promise<PartInfo | undefined> | undefined;
  #onSecond: (info: PartInfo) => void = () => {};

  constructor(context: RaceContext, options: FetchOptions, spare: Spare) {
    this.#context = context;
    this.#options = options;
    this.#spare = spare;
  }

  async run(into: Slot): Promise<PartInfo> {
    const { signal } = this.#options;
    using _abort = onAbort(signal, () => {
      this.#first.abort(signal.reason);
      this.#second.abort(signal.reason);
    });
    this.#context.stalls.add(this);
    try {
      const won = new Promise<PartInfo>((resolve) => {
        this.#onSecond = resolve;
      });
      const first = this.#context.first(into, { ...this.#options, signal: this.#first.signal }, this.#course);
      return await Promise.race([this.#orSecond(first), won]);
    } finally {
      this.#context.stalls.remove(this);
      this.#first.abort(LOST);
      this.#second.abort(LOST);
    }
  }

  look(now: number): void {
    const { attempt } = this.#course;
    if (this.#secondTry !== undefined || attempt === undefined || this.#options.urgency.lane !== "playhead") return;
    if (!isStalled(attempt, now)) return;
    const where = this.#context.elsewhere(this.#course);
    const slot = where === undefined ? undefined : this.#spare.take();
    if (where === undefined || slot === undefined) return;
    if (this.#options.trace !== undefined) this.#options.trace.isHedged = true;
    const { onRestart: _onRestart, spare: _spare, ...options } = this.#options;
    this.#secondTry = this.#context
      .second(
        slot,
        { ...options, signal: this.#second.signal, onProgress: (filled) => this.#spare.onProgress(filled) },
        where,
      )
      .then(
        (info) => {
          if (info === undefined || this.#second.signal.aborted) return undefined;
          // From here on nothing may be written where bytes on their way to a client lie.
          this.#first.abort(LOST);
          this.#context.onWon();
          this.#spare.won();
          this.#onSecond(info);
          return info;
        },
        () => undefined,
      )
      .finally(() => this.#spare.done());
  }

  /** When the first one fails, the second may still succeed. */
  async #orSecond(first: Promise<PartInfo>): Promise<PartInfo> {
    try {
      return await first;
    } catch (error) {
      if (this.#options.signal.aborted) throw error;
      const info = await this.#secondTry;
      if (info === undefined) throw error;
      return info;
    }
  }
}

/** Nothing has come for longer than usual, or what the connection owes to others takes longer than that. */
function isStalled(attempt: NonNullable<Course["attempt"]>, now: number): boolean {
  const { provider } = attempt;
  const quietMs = attempt.quietMs(now);
  if (provider === undefined) return quietMs > NO_CONNECTION_MS;
  const { standing } = provider;
  const before = attempt.bytesBefore;
  if (before === 0) return quietMs > standing.stallMs;
  const rate = standing.bytesPerSecond;
  return quietMs > standing.stallMs && (rate === undefined || (before / rate) * 1000 > standing.stallMs);
}
