/** What people do to a queue and to its limits in the middle of a storm, over HTTP as they do it. */
import { describe, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { NOTHING } from "../leftovers.ts";
import { CONNECTIONS, HOLD_OFF, IMPORTS, type Storm, startStorm } from "./storm.ts";

async function post({ system }: Storm, path: string): Promise<void> {
  const { status, body } = await system.get(`/api/v1/${path}`, {}, "POST");
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${body}`);
}

/** After the hold-off, when nobody waits for his turn any more. What is being drained is gone a moment later. */
async function assertNothingLeft({ clock, leftovers, holdOffLeft }: Storm): Promise<void> {
  clock.advance(holdOffLeft() + 250);
  await leftovers.gone();
  expect(leftovers.now()).toEqual(NOTHING);
}

describe("in the middle of a storm", () => {
  test("limits that are changed hold within one body, up and down, and the film does not notice", async () => {
    await using storm = await startStorm();
    const { clock, theirs, player } = storm;
    await storm.watch();
    await until(() => theirs.now === CONNECTIONS - 2);

    await post(storm, `admission?perStreamConnections=${CONNECTIONS}`);
    await storm.oneBody();
    await until(() => theirs.now === 1);
    expect(theirs.max).toBe(1);

    await post(storm, "admission?floor=0");
    await storm.oneBody();
    // More jobs than before, for which there is still no connection.
    await post(storm, "admission?maxJobs=3&maxJobsWhileStreaming=3");
    await until(() => storm.count("importing") === 3);
    for (let steps = 0; steps < 50; steps += 1) await player.step();
    expect(theirs.max).toBe(0);

    // All but the two connections that are kept for a seek; and none again.
    await post(storm, "admission?perStreamConnections=0");
    await until(() => theirs.now >= CONNECTIONS - 2);
    await post(storm, `admission?perStreamConnections=${CONNECTIONS}`);
    await storm.oneBody();
    expect(await player.finish()).toBe(true);
    expect(storm.stalls()).toBe(0);
    expect(theirs.max).toBe(0);

    // The hold-off that has begun is another one.
    theirs.open();
    await post(storm, "admission?holdOffMs=1000");
    clock.advance(Math.max(0, storm.holdOffLeft() - HOLD_OFF + 1000));
    expect(await storm.allComplete()).toBe(true);
  });

  test("a queue that is paused stops what runs; the film goes on, nothing is left, and resumed it all completes", async () => {
    await using storm = await startStorm();
    const { theirs, player } = storm;
    await storm.watch();
    await post(storm, "queue/pause");
    await until(() => storm.count("queued") === IMPORTS);
    expect(await player.finish()).toBe(true);
    expect(storm.stalls()).toBe(0);
    theirs.countAnew();
    await assertNothingLeft(storm);
    expect(theirs.max).toBe(0);

    theirs.open();
    await post(storm, "queue/resume");
    expect(await storm.allComplete()).toBe(true);
  });

  test("jobs that are cancelled, running and queued ones alike, are gone at once and leave nothing", async () => {
    await using storm = await startStorm();
    const { player, system } = storm;
    await storm.watch();
    const begun = storm.begun();
    for (const { id } of storm.jobs) await post(storm, `imports/${id}/cancel`);
    expect(storm.count("cancelled")).toBe(IMPORTS);
    expect(await player.finish()).toBe(true);
    expect(storm.stalls()).toBe(0);
    await assertNothingLeft(storm);
    expect(storm.begun()).toBe(begun);
    // The film alone.
    expect(system.app.catalog.stats()).toMatchObject({ releases: 1, files: 1 });
  });
});
