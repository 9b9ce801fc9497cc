import { getEventListeners } from "node:events";
import type { NewsServer } from "../../src/newsserver/news-server.ts";
import { until } from "../until.ts";
import type { System } from "./fixture.ts";

/** What a client's request may leave behind; all zero when nobody reads. */
export interface Leftovers {
  readonly reads: number;
  readonly flights: number;
  readonly pinnedSlots: number;
  /** Requests that wait for a connection to a provider. */
  readonly waiting: number;
  readonly bodiesInFlight: number;
  /** Sockets between clients and us, both ends. */
  readonly httpSockets: number;
  readonly abortListeners: number;
}

export const NOTHING: Leftovers = {
  reads: 0,
  flights: 0,
  pinnedSlots: 0,
  waiting: 0,
  bodiesInFlight: 0,
  httpSockets: 0,
  abortListeners: 0,
};

export interface LeftoverWatch extends Disposable {
  now(): Leftovers;
  /** Waits for sockets and events, which nobody can wait for otherwise, until nothing is left; no clock of ours is moved. Fails with what is left. */
  gone(): Promise<void>;
}

/** Watches what is there from now on; one watch at a time. */
export function watchLeftovers(system: Pick<System, "app" | "servers">): LeftoverWatch {
  const signals = watchSignals();
  const sum = (count: (server: NewsServer) => number) =>
    system.servers.reduce((total, server) => total + count(server), 0);
  /** Both ends of a connection to a news server are in this process; those are no clients'. */
  const sockets = () =>
    process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length -
    2 * sum(({ counters }) => counters.connectionsNow);
  // Other tests of this process may have left some.
  const strangers = sockets();
  const now = (): Leftovers => {
    const { flights, pinnedSlots } = system.app.cache.stats();
    return {
      reads: system.app.reader.activeReads,
      flights,
      pinnedSlots,
      waiting: system.app.pool.waiting,
      bodiesInFlight: sum(({ counters }) => counters.bodiesInFlight),
      httpSockets: Math.max(0, sockets() - strangers),
      abortListeners: signals.listeners(),
    };
  };
  return {
    now,
    async gone() {
      const isGone = () => Object.values(now()).every((count) => count === 0);
      await until(isGone).catch(() => {
        throw new Error(`something is left: ${JSON.stringify(now())}`);
      });
    },
    [Symbol.dispose]: () => signals[Symbol.dispose](),
  };
}

/** Sees every signal that somebody listens to; adds nothing and keeps nobody from anything. */
function watchSignals(): Disposable & { listeners(): number } {
  const seen = new Set<AbortSignal>();
  const inherited = EventTarget.prototype.addEventListener;
  Object.defineProperty(AbortSignal.prototype, "addEventListener", {
    configurable: true,
    value(this: AbortSignal, ...parameters: Parameters<typeof inherited>) {
      seen.add(this);
      inherited.apply(this, parameters);
    },
  });
  return {
    listeners: () => [...seen].reduce((sum, signal) => sum + getEventListeners(signal, "abort").length, 0),
    [Symbol.dispose]() {
      Reflect.deleteProperty(AbortSignal.prototype, "addEventListener");
    },
  };
}
