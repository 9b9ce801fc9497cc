import { isImportLane, LANES, type Lane } from "./lanes.ts";
import type { Line, Provider } from "./provider.ts";

/** STAT answers are tiny, so many may be under way; a BODY never queues behind them. */
const STAT_DEPTH = 32;

/** A request that waits for a connection. */
export interface Waiting {
  readonly kind: "BODY" | "STAT";
  /** Looked at afresh whenever a connection is free. */
  readonly urgency: { readonly lane: Lane };
  /** Whether this provider may be asked. */
  suits(provider: Provider): boolean;
  start(provider: Provider, line: Line): void;
  /** None of the providers that suit can be used now. */
  giveUp(): void;
}

export interface SchedulerLimits {
  /** Connections that imports and health may use together. */
  importConnections(): number;
  /** Connections per provider that bulk work leaves free for the playhead. */
  reserve(): number;
}

/**
 * Decides who gets the next free connection: strict order of lanes, first come first served within one.
 * Holds only what waits; what runs belongs to the providers' lines.
 */
export class Scheduler {
  readonly #providers: readonly Provider[];
  readonly #limits: SchedulerLimits;
  readonly #queue = new Set<Waiting>();
  #isPumping = false;
  #shouldPumpAgain = false;
  /** Connections in use by the lanes import and health. */
  #importUse = 0;

  constructor(providers: readonly Provider[], limits: SchedulerLimits) {
    this.#providers = providers;
    this.#limits = limits;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  enqueue(request: Waiting): void {
    this.#queue.add(request);
    this.pump();
  }

  remove(request: Waiting): void {
    this.#queue.delete(request);
  }

  /** Books what a request of an import lane uses, once for all STATs that share a line; disposing gives it back. */
  holdImport({ kind, urgency }: Waiting, line: Line): Disposable | undefined {
    if (!isImportLane(urgency.lane)) return undefined;
    if (kind === "BODY" || line.importStats === 0) this.#importUse += 1;
    if (kind === "STAT") line.importStats += 1;
    return {
      [Symbol.dispose]: () => {
        if (kind === "STAT") line.importStats -= 1;
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
    } finally {
      this.#isPumping = false;
    }
  }

  #giveOut(): void {
    if (this.#queue.size === 0) return;
    const wanted = new Map<Provider, number>();
    /** Imports for which a connection is being opened. */
    let importsToCome = 0;
    for (const lane of LANES) {
      const isImport = isImportLane(lane);
      for (const request of this.#queue) {
        if (request.urgency.lane !== lane) continue;
        const mustShare = isImport && this.#importUse + importsToCome >= this.#limits.importConnections();
        const fate = this.#place(request, wanted, mustShare);
        if (mustShare && fate === "waits") break;
        if (isImport && fate === "opens") importsToCome += 1;
      }
    }
    for (const [provider, count] of wanted) {
      for (let more = count - provider.opening; more > 0 && provider.openable > 0; more -= 1) provider.openOne();
    }
  }

  /** Starts the request if a connection is free for it; else notes who should open one. `mustShare`: only on one that imports use already. */
  #place(request: Waiting, wanted: Map<Provider, number>, mustShare: boolean): "settled" | "opens" | "waits" {
    let best: { readonly provider: Provider; readonly line: Line; readonly load: number } | undefined;
    let opener: Provider | undefined;
    let isHopeless = true;
    for (const provider of this.#providers) {
      if (!request.suits(provider)) continue;
      isHopeless &&= !provider.isUsable;
      const line = this.#freeLine(provider, request, mustShare);
      if (line !== undefined) {
        const load = load01(provider, line);
        if (best === undefined || load < best.load) best = { provider, line, load };
      }
      if (opener === undefined && !mustShare && this.#mayOpen(provider, request, wanted.get(provider) ?? 0))
        opener = provider;
    }
    if (best !== undefined && (best.line.connection.inFlight === 0 || opener === undefined)) {
      this.#queue.delete(request);
      request.start(best.provider, best.line);
      return "settled";
    }
    if (opener !== undefined) {
      wanted.set(opener, (wanted.get(opener) ?? 0) + 1);
      return "opens";
    }
    if (!isHopeless) return "waits";
    this.#queue.delete(request);
    request.giveUp();
    return "settled";
  }

  /** The provider's line that would serve the request best: the idle one used last (its congestion window is still open), else the least busy one with room. */
  #freeLine(provider: Provider, request: Waiting, mustShare: boolean): Line | undefined {
    const maxBodies = provider.depth;
    const mayTakeAnother = this.#mayTakeAnother(provider, request, 0);
    let best: Line | undefined;
    for (const line of provider.lines) {
      if (mustShare && line.importStats === 0) continue;
      if (!hasRoom(line, request, maxBodies) || (line.bulk === 0 && !mayTakeAnother)) continue;
      if (best === undefined || isBetter(line, best)) best = line;
    }
    return best;
  }

  #mayOpen(provider: Provider, request: Waiting, alreadyWanted: number): boolean {
    const room = provider.openable + provider.opening - alreadyWanted;
    return room > 0 && this.#mayTakeAnother(provider, request, alreadyWanted);
  }

  /** Bulk work spreads over so many connections that those kept for the playhead stay free of it. */
  #mayTakeAnother(provider: Provider, request: Waiting, alreadyWanted: number): boolean {
    if (request.urgency.lane === "playhead") return true;
    let withBulk = alreadyWanted;
    for (const line of provider.lines) if (line.bulk > 0) withBulk += 1;
    return withBulk < provider.ceiling - this.#reserveOf(provider);
  }

  /** Never so many that bulk work is left without a connection. */
  #reserveOf(provider: Provider): number {
    return Math.max(0, Math.min(this.#limits.reserve(), provider.ceiling - 1));
  }
}

function hasRoom(line: Line, request: Waiting, maxBodies: number): boolean {
  const { inFlight, isDraining, isClosed } = line.connection;
  if (isDraining || isClosed) return false;
  return request.kind === "STAT"
    ? line.bodies === 0 && inFlight < STAT_DEPTH
    : line.stats === 0 && inFlight < maxBodies;
}

function isBetter(line: Line, than: Line): boolean {
  const busy = line.connection.inFlight;
  const thanBusy = than.connection.inFlight;
  return busy === thanBusy ? line.usedAt > than.usedAt : busy < thanBusy;
}

function load01(provider: Provider, line: Line): number {
  const inUse = [...provider.lines].filter((other) => other.connection.inFlight > 0).length;
  return line.connection.inFlight + inUse / provider.ceiling;
}
