import type { OnlyProvider } from "./article-source.ts";
import type { Lane } from "./lanes.ts";
import type { Line, Provider } from "./provider.ts";

/** STAT answers are tiny, so many may be under way; a BODY never queues behind them. */
const STAT_DEPTH = 32;

/** A provider with fewer than so many has none to spare. */
const FEW_CONNECTIONS = 6;

/** A request that waits for a connection. */
export interface Waiting {
  readonly kind: "BODY" | "STAT";
  /** Looked at afresh whenever a connection is free. */
  readonly urgency: { readonly lane: Lane };
  /** Requests of one stream take turns with those of others. */
  readonly stream: object | undefined;
  readonly only: OnlyProvider | undefined;
  /** Encoded size of the reply. */
  readonly expectedBytes: number;
  /** Whether this provider may be asked. */
  suits(provider: Provider): boolean;
  /** Whether this connection is the one to keep away from. */
  avoids(line: Line): boolean;
  start(provider: Provider, line: Line): void;
  /** None of the providers that suit can be used now. */
  giveUp(): void;
}

/** Connections that the requests with one `only` use, and how often. */
export class OnlyUse {
  readonly #uses = new WeakMap<OnlyProvider, Map<Line, number>>();

  on(only: OnlyProvider, line: Line): number {
    return this.#uses.get(only)?.get(line) ?? 0;
  }

  lines(only: OnlyProvider): number {
    return this.#uses.get(only)?.size ?? 0;
  }

  began(only: OnlyProvider, line: Line): void {
    let lines = this.#uses.get(only);
    if (lines === undefined) {
      lines = new Map();
      this.#uses.set(only, lines);
    }
    lines.set(line, (lines.get(line) ?? 0) + 1);
  }

  ended(only: OnlyProvider, line: Line): void {
    const lines = this.#uses.get(only);
    const left = (lines?.get(line) ?? 1) - 1;
    if (left > 0) lines?.set(line, left);
    else lines?.delete(line);
  }
}

export interface PlacementLimits {
  /** Connections per provider that bulk work leaves free for the playhead. */
  reserve(): number;
}

export interface Place {
  readonly provider: Provider;
  readonly line: Line;
}

/** What can be done for a request now: start it, open a connection for it, wait, or nothing ever. */
export type Fate = Place | { readonly opener: Provider } | "waits" | "hopeless";

/** Which connection serves a request best, as things are. Decides; changes nothing. */
export class Placement {
  readonly #providers: readonly Provider[];
  readonly #limits: PlacementLimits;
  readonly #onlyUse: OnlyUse;

  constructor(providers: readonly Provider[], limits: PlacementLimits, onlyUse: OnlyUse) {
    this.#providers = providers;
    this.#limits = limits;
    this.#onlyUse = onlyUse;
  }

  /** `wanted`: connections that others have been promised in this round. `mustShare`: only a connection that imports use already. */
  of(request: Waiting, wanted: ReadonlyMap<Provider, number>, mustShare: boolean): Fate {
    let best: (Place & { readonly cost: number }) | undefined;
    /** The best one of those where nothing else is under way. */
    let idle: typeof best;
    let opener: Provider | undefined;
    let isHopeless = true;
    for (const provider of this.#providers) {
      if (!request.suits(provider)) continue;
      isHopeless &&= !provider.isUsable;
      const line = this.#freeLine(provider, request, mustShare);
      if (line !== undefined) {
        const cost = costOf(provider, line, request);
        const place = { provider, line, cost };
        if (best === undefined || cost < best.cost) best = place;
        if (line.connection.inFlight === 0 && (idle === undefined || cost < idle.cost)) idle = place;
      }
      if (opener === undefined && !mustShare && this.#mayOpen(provider, request, wanted.get(provider) ?? 0))
        opener = provider;
    }
    // Opening one takes half a dozen round trips.
    if (opener !== undefined) return idle ?? { opener };
    if (best !== undefined) return best;
    return isHopeless ? "hopeless" : "waits";
  }

  /** The provider's line that would serve the request best: the idle one used last (its congestion window is still open), else the least busy one with room. */
  #freeLine(provider: Provider, request: Waiting, mustShare: boolean): Line | undefined {
    const mayTakeAnother = this.#mayTakeAnother(provider, request, 0);
    let best: Line | undefined;
    for (const line of provider.lines) {
      if (mustShare && line.importStats === 0) continue;
      if (!this.#hasRoom(line, request, provider.depth) || (line.bulk === 0 && !mayTakeAnother)) continue;
      if (best === undefined || isBetter(line, best)) best = line;
    }
    return best;
  }

  #hasRoom(line: Line, request: Waiting, depth: number): boolean {
    const { inFlight, isDraining, isClosed } = line.connection;
    if (isDraining || isClosed || request.avoids(line)) return false;
    if (request.kind === "STAT") return line.bodies === 0 && inFlight < STAT_DEPTH;
    const { only } = request;
    // What a player may need next does not wait behind an import: there will be another place, before the next import's.
    if (request.urgency.lane === "readahead" && line.importBodies > 0) return false;
    if (only === undefined) return line.stats === 0 && inFlight < depth;
    const own = this.#onlyUse.on(only, line);
    if (own === 0 && this.#onlyUse.lines(only) >= only.connections) return false;
    // What is measured has the connection for itself.
    return line.stats === 0 && inFlight === own && own < only.depth;
  }

  #mayOpen(provider: Provider, request: Waiting, alreadyWanted: number): boolean {
    const { only } = request;
    if (only !== undefined && this.#onlyUse.lines(only) + alreadyWanted >= only.connections) return false;
    const room = provider.openable + provider.opening - alreadyWanted;
    return room > 0 && this.#mayTakeAnother(provider, request, alreadyWanted);
  }

  /** Bulk work spreads over so many connections that those kept for the playhead stay free of it. */
  #mayTakeAnother(provider: Provider, request: Waiting, alreadyWanted: number): boolean {
    if (request.urgency.lane === "playhead") return true;
    let withBulk = alreadyWanted;
    for (const line of provider.lines) if (line.bulk > 0) withBulk += 1;
    return withBulk < provider.ceiling - this.reserveOf(provider);
  }

  /** As many as are wished, but no more than a third of what there is, and none of fewer than six: with few connections a film needs all of them to flow. */
  reserveOf({ ceiling }: Provider): number {
    return ceiling < FEW_CONNECTIONS ? 0 : Math.min(this.#limits.reserve(), Math.floor(ceiling / 3));
  }
}

function isBetter(line: Line, than: Line): boolean {
  const busy = line.connection.inFlight;
  const thanBusy = than.connection.inFlight;
  return busy === thanBusy ? line.usedAt > than.usedAt : busy < thanBusy;
}

/** The playhead goes where its article is there soonest; all else goes where there is most room, so that nobody's connections lie idle. */
function costOf(provider: Provider, line: Line, request: Waiting): number {
  const { connection } = line;
  const { standing } = provider;
  if (request.urgency.lane === "playhead") return standing.costMs(request.expectedBytes, connection.bytesAhead);
  return connection.inFlight + provider.busy / provider.ceiling + standing.missRate;
}
