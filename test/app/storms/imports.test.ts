import { describe, expect, test } from "@jest/globals";
import { type System, startSystem } from "../fixture.ts";
import { freshNzb } from "../posts.ts";
import { SkippingClock } from "../skipping-clock.ts";
import { serverOf } from "../wire.ts";

/** So many posts that nobody has imported, of so many files each. */
const posts = (system: System, count: number, files: number): readonly string[] =>
  Array.from({ length: count }, (_, post) => freshNzb(system, `later-${post}-`, files));

describe("altmount #595: imports in a storm", () => {
  test("one import of 20 files on a budget of 8 uses it: more than 5 bodies at once, never more than 8", async () => {
    await using system = await startSystem({
      providers: [{ connections: 8, pipeline: 1, behaviour: { rttMs: 10 } }],
    });
    const [nzb] = posts(system, 1, 20);
    const job = await system.submit("Later", nzb as string);
    expect(await system.ended(job)).toMatchObject({ state: "completed" });
    const { bodiesInFlightMax } = serverOf(system).counters;
    expect(bodiesInFlightMax).toBeGreaterThan(5);
    expect(bodiesInFlightMax).toBeLessThanOrEqual(8);
  });

  test("4 imports at once on a budget of 5 share it: never more than 5 bodies", async () => {
    await using system = await startSystem({
      providers: [{ connections: 5, pipeline: 1, behaviour: { rttMs: 5 } }],
      settings: { "imports.maxJobs": 4 },
    });
    // Each by itself would take all there is: 4 times 5 without a common budget.
    const jobs = await Promise.all(posts(system, 4, 10).map((nzb, number) => system.submit(`Later ${number}`, nzb)));
    for (const job of jobs) expect(await system.ended(job)).toMatchObject({ state: "completed" });
    const { bodiesInFlightMax, connectionsMax } = serverOf(system).counters;
    expect(bodiesInFlightMax).toBeLessThanOrEqual(5);
    expect(connectionsMax).toBeLessThanOrEqual(5);
  });

  test("20 imports that come while somebody watches ask for nothing until the hold-off is over, and then all complete", async () => {
    const clock = new SkippingClock();
    await using system = await startSystem({ clock, settings: { "streaming.holdOffMs": 60_000 } });
    const film = system.addCold({ size: 400_000, partSize: 10_000 });
    await system.get(film.path);
    const jobs = await Promise.all(posts(system, 20, 1).map((nzb, number) => system.submit(`Later ${number}`, nzb)));
    const { counters } = serverOf(system);
    counters.reset();
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect([...counters.bodies.keys()].filter((id) => id.startsWith("later"))).toEqual([]);
    clock.skip(60_000);
    for (const job of jobs) expect(await system.ended(job)).toMatchObject({ state: "completed", attempts: 1 });
  });
});
