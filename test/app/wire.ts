import type { Verb } from "../../src/newsserver/behaviour.ts";
import type { Gate } from "../../src/newsserver/gate.ts";
import type { NewsServer } from "../../src/newsserver/news-server.ts";
import type { System } from "./fixture.ts";

/** The news server of the provider of this number. */
export function serverOf(system: System, index = 0): NewsServer {
  const server = system.servers[index];
  if (server === undefined) throw new RangeError(`there is no news server ${index}`);
  return server;
}

/** How often each article that was asked for at all was asked for. */
export function bodiesOf(system: System, server = 0): readonly number[] {
  return [...serverOf(system, server).counters.bodies.values()];
}

/** How many bodies were asked for. */
export function fetched(system: System, server = 0): number {
  return bodiesOf(system, server).reduce((sum, count) => sum + count, 0);
}

/** Holds every body back, after so many bytes of it where that is said. */
export function holdBodies(system: System, afterBytes?: number): Gate {
  const options = afterBytes === undefined ? {} : { afterBytes };
  return serverOf(system).hold(({ verb }) => verb === "BODY", options);
}

/** One command as it came in. */
export interface Arrival {
  readonly verb: Verb;
  readonly id: string | undefined;
  /** Serial number of the connection, from 1. */
  readonly connection: number;
  /** When, on the clock that was given. */
  readonly at: number;
}

/** Every command of a news server in order of arrival, from now on until it is disposed of. */
export function watchCommands(server: NewsServer, now: () => number = () => 0): readonly Arrival[] & Disposable {
  const arrivals: Arrival[] = [];
  // A gate that holds nothing sees everything.
  const gate = server.hold(({ verb, id, connection }) => {
    arrivals.push({ verb, id, connection, at: now() });
    return false;
  });
  return Object.assign(arrivals, { [Symbol.dispose]: () => gate.open() });
}

/** How many bodies were asked for, once nothing more comes for so many moments. */
export async function settledFetches(system: System, moments = 1): Promise<number> {
  let now = fetched(system);
  for (let quiet = 0; quiet < moments; ) {
    await moment();
    quiet = fetched(system) === now ? quiet + 1 : 0;
    now = fetched(system);
  }
  return now;
}

/** A moment for sockets: what has been sent over loopback by now has arrived afterwards, on a machine that is not asleep. */
export async function moment(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setTimeout(resolve, 1));
}
