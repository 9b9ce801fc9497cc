import { expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { collect, take } from "../client.ts";
import { CountingClock } from "../counting-clock.ts";
import { startSystem } from "../fixture.ts";
import { freshNzb } from "../posts.ts";
import { fetched, moment, serverOf, settledFetches, watchCommands } from "../wire.ts";

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const HOLD_OFF = 15 * SECOND;

test("a pause of 24 hours costs no connection, no fetch, no more than its memory, no timers, and holds imports back for the hold-off only", async () => {
  const clock = new CountingClock();
  await using system = await startSystem({ clock, settings: { "cache.memoryBytes": "32MiB" } });
  // More than the sockets and the cache take together.
  const film = system.addCold({ size: 60 * 2 ** 20, partSize: 700_000 });
  const { app } = system;
  const server = serverOf(system);
  server.counters.reset();
  const response = await system.open(film.path);
  const head = await take(response, 65_536);
  // What the sockets hold, and the window beyond it; not the film.
  expect(await settledFetches(system, 10)).toBeLessThan(60);

  // An import that came meanwhile waits for the hold-off, and not for the player.
  const job = await system.submit("Later", freshNzb(system, "later"));
  await moment();
  expect(app.catalog.jobs.get(job.id)).toMatchObject({ state: "queued" });
  clock.advance(HOLD_OFF - SECOND);
  await moment();
  expect(app.catalog.jobs.get(job.id)).toMatchObject({ state: "queued" });
  clock.advance(SECOND);
  expect(await system.ended(job)).toMatchObject({ state: "completed" });

  // Five minutes later nobody holds a connection; the rest of the day nothing happens at all.
  for (let passed = 0; passed < 300; passed += 1) {
    clock.advance(SECOND);
    if (passed % 20 === 0) await moment();
  }
  await until(() => server.counters.connectionsNow === 0);
  const asked = fetched(system);
  const firedBefore = clock.fired;
  using log = watchCommands(server);
  for (let hour = 0; hour < 24; hour += 1) {
    clock.advance(HOUR);
    await moment();
    const { allocatedBytes, budgetBytes, pinnedSlots, flights } = app.cache.stats();
    expect(allocatedBytes).toBeLessThanOrEqual(budgetBytes);
    expect(pinnedSlots).toBeLessThanOrEqual(1);
    expect(flights).toBe(0);
  }
  expect(log).toHaveLength(0);
  expect(fetched(system)).toBe(asked);
  expect(server.counters.connectionsNow).toBe(0);
  // Less than one a minute.
  expect(clock.fired - firedBefore).toBeLessThan(24 * 60);
  expect(clock.timers).toBeLessThan(20);
  expect(app.reader.activeReads).toBe(1);

  const rest = await collect(response);
  expect(rest.isBroken).toBe(false);
  expect(Buffer.concat([head, rest.body]).equals(film.content.read(0, film.size))).toBe(true);
});
