import type { Job } from "../../../src/catalog/jobs.ts";
import { ManualClock } from "../../manual-clock.ts";
import { until } from "../../until.ts";
import { type System, startSystem } from "../fixture.ts";
import { type LeftoverWatch, watchLeftovers } from "../leftovers.ts";
import { freshNzb } from "../posts.ts";
import { moment, serverOf } from "../wire.ts";
import { PacedPlayer } from "./paced-player.ts";
import { Turnstile } from "./turnstile.ts";

export const CONNECTIONS = 8;
export const IMPORTS = 20;
/** The default. */
export const HOLD_OFF = 15_000;
const BYTES_PER_SECOND = 8e6;
/** Of each import, both ends of which are read: it takes longer than two bodies on every connection. */
const FILES = 12;

/** A product on whose connections imports run, more of which are queued, and a player with a film before him; its time is the player's. */
export interface Storm extends AsyncDisposable {
  readonly system: System;
  readonly clock: ManualClock;
  readonly jobs: readonly Job[];
  /** Closed: what imports ask for is held. */
  readonly theirs: Turnstile;
  readonly player: PacedPlayer;
  readonly leftovers: LeftoverWatch;
  /** Has the player begin; comes back when all is gone that was under way when the first byte came. That is one body. */
  watch(): Promise<void>;
  /** Lets go what is under way, and counts from when it is gone. */
  oneBody(): Promise<void>;
  /** How many of the jobs are in this state. */
  count(state: Job["state"]): number;
  /** How many of the posts anything was asked of. */
  begun(): number;
  /** How often the player was kept waiting, as the product sees it. */
  stalls(): number;
  /** What is left of the hold-off: it counts from the last byte that has left for the player, who has it later. */
  holdOffLeft(): number;
  /** Waits for all jobs; whether each has completed. */
  allComplete(): Promise<boolean>;
}

export async function startStorm(settings: Readonly<Record<string, unknown>> = {}): Promise<Storm> {
  const clock = new ManualClock();
  const system = await startSystem({
    clock,
    // What is held back is not given up.
    providers: [{ connections: CONNECTIONS, pipeline: 2, timeoutMs: 10 * HOLD_OFF }],
    settings,
  });
  const leftovers = watchLeftovers(system);
  // Far more than the sockets hold, so that it is the player who sets the pace.
  const film = system.addCold({ size: 24_000_000, partSize: 100_000 });
  const server = serverOf(system);
  const theirs = new Turnstile(server, (id) => id.startsWith("later"));
  theirs.close();
  const jobs: Job[] = [];
  for (let number = 0; number < IMPORTS; number += 1) {
    jobs.push(await system.submit(`Later ${number}`, freshNzb(system, `later-${number}-`, FILES)));
  }
  // Nobody watches: they have everything.
  await until(() => theirs.now === CONNECTIONS);
  const player = new PacedPlayer(system, { clock, film, bytesPerSecond: BYTES_PER_SECOND });
  const oneBody = async () => {
    // What has been sent has arrived.
    await moment();
    const gone = theirs.gone();
    theirs.letThrough();
    await gone;
    theirs.countAnew();
  };
  return {
    system,
    clock,
    jobs,
    theirs,
    player,
    leftovers,
    async watch() {
      const starting = player.start();
      // It waits behind one of the bodies that are under way, and for no other.
      await until(() => server.counters.bodies.has(film.posted.idOf(1)));
      theirs.letThrough();
      await starting;
      await oneBody();
    },
    oneBody,
    count: (state) => jobs.filter(({ id }) => system.app.catalog.jobs.get(id)?.state === state).length,
    begun() {
      const ids = [...server.counters.bodies.keys(), ...server.counters.stats.keys()];
      return new Set(ids.filter((id) => id.startsWith("later")).map((id) => id.split("-")[1])).size;
    },
    stalls: () => system.app.streams.snapshot().reduce((sum, { stalls }) => sum + stalls.count, 0),
    holdOffLeft() {
      const last = Math.max(...system.app.streams.snapshot().map(({ lastByteAt }) => lastByteAt));
      return last + HOLD_OFF - clock.wall();
    },
    async allComplete() {
      const ended = await Promise.all(jobs.map((job) => system.ended(job)));
      return ended.every(({ state }) => state === "completed");
    },
    async [Symbol.asyncDispose]() {
      leftovers[Symbol.dispose]();
      theirs[Symbol.dispose]();
      await system[Symbol.asyncDispose]();
    },
  };
}
