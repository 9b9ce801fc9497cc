import type { Clock } from "../base/clock.ts";
import { isImportLane, LANES, type Lane } from "./lanes.ts";
import { OnlyUse, Placement, type PlacementLimits, type Waiting } from "./placement.ts";
import type { Line, Provider } from "./provider.ts";

export interface SchedulerLimits extends PlacementLimits {
  /** Connections that imports and health may use together. */
  importConnections(): number;
}

/** What has been promised while free connections are given out. */
interface Round {
  readonly wanted: Map<Provider, number>;
  /** Imports for which a connection is being opened. */
  importsToCome: number;
}

/**
 * Decides who gets the next free connection: strict order of lanes; within one the streams take turns, and each is served in order.
 * Holds only what waits; what runs belongs to the providers' lines.
 */
export class Scheduler {
  readonly #providers: readonly Provider[];
  readonly #limits: SchedulerLimits;
  readonly #placement: Placement;
  readonly #onlyUse = new OnlyUse();
  readonly #clock: Clock;
  /** Who waits, in order, with the time up to which the wait is counted. */
  readonly #queue = new Map<Waiting, number>();
  readonly #waitedMs: Record<Lane, number> = { playhead: 0, readahead: 0, import: 0, health: 0 };
  /** Of those that wait: STATs and measurements, which fit where others do not. */
  #odd = 0;
  /** Bodies under way per stream. */
  readonly #streamUse = new Map<object, number>();
  #isPumping = false;
  #shouldPumpAgain = false;
  /** Connections in use by the lanes import and health. */
  #importUse = 0;

  constructor(providers: readonly Provider[], limits: SchedulerLimits, clock: Clock) {
    this.#providers = providers;
    this.#limits = limits;
    this.#clock = clock;
    this.#placement = new Placement(providers, limits, this.#onlyUse);
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Milliseconds that requests of each lane have waited for a connection since the start, those that still wait included. */
  get waitedMs(): Readonly<Record<Lane, number>> {
    const now = this.#clock.now();
    for (const [request, since] of this.#queue) {
      this.#waitedMs[request.urgency.lane] += now - since;
      this.#queue.set(request, now);
    }
    return { ...this.#waitedMs };
  }

  enqueue(request: Waiting): void {
    this.#queue.set(request, this.#clock.now());
    if (isOdd(request)) this.#odd += 1;
    this.pump();
  }

  remove(request: Waiting): void {
    const since = this.#queue.get(request);
    if (since === undefined) return;
    this.#queue.delete(request);
    this.#waitedMs[request.urgency.lane] += this.#clock.now() - since;
    if (isOdd(request)) this.#odd -= 1;
  }

  /** The request uses the line from now on, until `ended`. */
  began({ stream, only }: Waiting, line: Line): void {
    if (stream !== undefined) this.#streamUse.set(stream, this.#useOf(stream) + 1);
    if (only !== undefined) this.#onlyUse.began(only, line);
  }

  ended({ stream, only }: Waiting, line: Line): void {
    if (stream !== undefined) {
      const left = this.#useOf(stream) - 1;
      if (left > 0) this.#streamUse.set(stream, left);
      else this.#streamUse.delete(stream);
    }
    if (only !== undefined) this.#onlyUse.ended(only, line);
  }

  /** Books what a request of an import lane uses, once for all STATs that share a line; disposing gives it back. */
  holdImport({ kind, urgency }: Waiting, line: Line): Disposable | undefined {
    if (!isImportLane(urgency.lane)) return undefined;
    if (kind === "BODY" || line.importStats === 0) this.#importUse += 1;
    if (kind === "STAT") line.importStats += 1;
    else line.importBodies += 1;
    return {
      [Symbol.dispose]: () => {
        if (kind === "STAT") line.importStats -= 1;
        else line.importBodies -= 1;
        if (kind === "BODY" || line.importStats === 0) this.#importUse -= 1;
      },
    };
  }

  /** Gives free connections to those who wait, and has more opened where that helps. */
  pump(): void {
    if (this.#isPumping) {
      this.#shouldPumpAgain = true;
      return;
    }
    this.#isPumping = true;
    try {
      do {
        this.#shouldPumpAgain = false;
        this.#giveOut();
      } while (this.#shouldPumpAgain);
      this.#keepSpare();
    } finally {
      this.#isPumping = false;
    }
  }

  /** The connections kept for the playhead are open before it needs them: opening one takes six round trips. */
  #keepSpare(): void {
    for (const provider of this.#providers) {
      if (provider.lines.size === 0 || provider.openable === 0) continue;
      provider.open(this.#placement.reserveOf(provider) - (provider.lines.size - provider.busy) - provider.opening);
    }
  }

  #giveOut(): void {
    if (this.#queue.size === 0 || this.#isSaturated()) return;
    const round: Round = { wanted: new Map(), importsToCome: 0 };
    let isShareFree = true;
    for (const lane of LANES) {
      if (!isImportLane(lane)) this.#giveToStreams(lane, round);
      else if (isShareFree) isShareFree = this.#giveToImports(lane, round);
    }
    for (const [provider, count] of round.wanted) provider.open(count - provider.opening);
  }

  /** Every connection has all the work it can take, so that nobody need be looked at. */
  #isSaturated(): boolean {
    if (this.#odd > 0) return false;
    return this.#providers.every((provider) => {
      if (!provider.isUsable || provider.openable > 0) return false;
      for (const { connection } of provider.lines) if (connection.inFlight < provider.depth) return false;
      return provider.lines.size > 0;
    });
  }

  /** The stream with the fewest bodies under way is next, request by request. */
  #giveToStreams(lane: Lane, round: Round): void {
    const turns = this.#byStream(lane);
    while (turns.size > 0) {
      let next: object = {};
      let least = Number.POSITIVE_INFINITY;
      for (const stream of turns.keys()) {
        const use = this.#useOf(stream);
        if (use >= least) continue;
        next = stream;
        least = use;
      }
      const requests = turns.get(next) as Waiting[];
      const request = requests.shift() as Waiting;
      if (requests.length === 0) turns.delete(next);
      this.#settle(request, round, false);
    }
  }

  #byStream(lane: Lane): Map<object, Waiting[]> {
    const turns = new Map<object, Waiting[]>();
    for (const request of this.#queue.keys()) {
      if (request.urgency.lane !== lane) continue;
      const stream = request.stream ?? request;
      const known = turns.get(stream);
      if (known === undefined) turns.set(stream, [request]);
      else known.push(request);
    }
    return turns;
  }

  /**
   * False when somebody waits because imports have all that they may use. Nobody passes him: STATs that follow each other on a connection
   * that they share would keep it for ever.
   */
  #giveToImports(lane: Lane, round: Round): boolean {
    for (const request of this.#queue.keys()) {
      if (request.urgency.lane !== lane) continue;
      const used = this.#importUse + round.importsToCome;
      const limit = this.#limits.importConnections();
      if (used > limit) return false;
      const mustShare = used === limit;
      const fate = this.#settle(request, round, mustShare);
      if (mustShare && fate === "waits") return false;
      if (fate === "opens") round.importsToCome += 1;
    }
    return true;
  }

  /** Starts the request if a connection is free for it; else notes who should open one. */
  #settle(request: Waiting, { wanted }: Round, mustShare: boolean): "settled" | "opens" | "waits" {
    const fate = this.#placement.of(request, wanted, mustShare);
    if (fate === "waits") return "waits";
    if (fate === "hopeless") {
      this.remove(request);
      request.giveUp();
      return "settled";
    }
    if ("opener" in fate) {
      wanted.set(fate.opener, (wanted.get(fate.opener) ?? 0) + 1);
      return "opens";
    }
    this.remove(request);
    request.start(fate.provider, fate.line);
    return "settled";
  }

  #useOf(stream: object): number {
    return this.#streamUse.get(stream) ?? 0;
  }
}

function isOdd({ kind, only }: Waiting): boolean {
  return kind === "STAT" || only !== undefined;
}
