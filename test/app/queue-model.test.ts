/** Random things done to a queue of the whole product while its jobs run, against a news server that lacks some articles and drops connections. */
import { expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { audit } from "./faults/audit.ts";
import { NOTHING, watchLeftovers } from "./leftovers.ts";
import { QueueModel } from "./queue-model.ts";
import { startQueueWorld } from "./queue-world.ts";

const STEPS = 250;
/** First articles of four posts: these fail. */
const NOWHERE = /^post-[0-3]-0--1@/;
/** What stays of jobs and posts whose releases were removed for good, or brought back beside a later import of theirs. */
const OWN_DOING = /^(?:completed jobs without release|releases of the same post):/;

test.each([1, 2])(
  "whatever is done to a queue while it runs, it is what it was told to be after each step, and nothing is lost (seed %i)",
  async (seed) => {
    const random = seededRandom(seed);
    await using world = await startQueueWorld({ "imports.secondLookMs": 20_000, "completed.style": "files" });
    world.server.behave({
      seed,
      // So that jobs are met while they run.
      rttMs: 15,
      fractions: { missing: 0.03, closeInsteadOfReply: 0.01, corrupt: 0.005 },
      faults: (id) => (NOWHERE.test(id) ? "missing" : undefined),
    });
    using leftovers = watchLeftovers(world);
    const model = new QueueModel(world, random);
    for (let step = 0; step < STEPS; step += 1) await model.step();
    await model.settle();
    expect([...model.invariants.seen]).toEqual(expect.arrayContaining(["cancelled", "completed", "failed", "paused"]));
    // Connections that nobody uses are kept for some minutes.
    world.clock.skip(600_000);
    await leftovers.gone();
    expect(leftovers.now()).toEqual(NOTHING);

    await model.tidy();
    await world.stop();
    expect(audit(world.databasePath).findings.filter((finding) => !OWN_DOING.test(finding))).toEqual([]);
    expect(world.logged.filter(({ level }) => level === "error")).toEqual([]);
  },
  60_000,
);
