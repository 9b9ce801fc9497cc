/** Somebody watches a film at 8 MB/s while imports come in: streaming.md's storm, with what the news server has seen as the judge. */
import { describe, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { moment } from "../wire.ts";
import { CONNECTIONS, IMPORTS, startStorm } from "./storm.ts";

/** A stream takes all that it can. */
const ALL = { "streaming.perStreamConnections": CONNECTIONS };

describe(`${IMPORTS} imports and one film at 8 MB/s on ${CONNECTIONS} connections`, () => {
  test.each([
    { what: "a stream takes two connections", settings: {}, trickle: CONNECTIONS - 2 },
    { what: "a stream takes all but the floor", settings: ALL, trickle: 1 },
    { what: "a stream takes all, and the floor is 0", settings: { ...ALL, "streaming.floor": 0 }, trickle: 0 },
  ])(
    "where $what: after one body imports hold $trickle, which the film never waits for, and all of them complete after the hold-off",
    async ({ settings, trickle }) => {
      await using storm = await startStorm(settings);
      const { clock, theirs, player } = storm;
      await storm.watch();
      await until(() => theirs.now === trickle);

      // Nothing of theirs ends any more, and the film does not notice.
      expect(await player.finish()).toBe(true);
      expect(storm.stalls()).toBe(0);
      expect(theirs.max).toBe(trickle);
      // The two that ran when it began, and no other.
      expect(storm.begun()).toBeLessThanOrEqual(2);
      expect(storm.count("queued")).toBe(IMPORTS - 2);

      clock.advance(storm.holdOffLeft() - 1);
      await moment();
      expect(theirs.now).toBe(trickle);
      clock.advance(1);
      // Every connection, though nothing has ended and nobody has asked.
      await until(() => theirs.now === CONNECTIONS);
      theirs.open();
      expect(await storm.allComplete()).toBe(true);
      expect(theirs.max).toBe(CONNECTIONS);
      for (const { id } of storm.jobs) expect(storm.system.app.catalog.jobs.get(id)?.attempts).toBe(1);
    },
  );

  test("where two jobs may go on meanwhile: they do, one body at a time, and the film does not notice", async () => {
    await using storm = await startStorm({ ...ALL, "imports.maxJobs": 4, "imports.maxJobsWhileStreaming": 2 });
    const { clock, theirs, player } = storm;
    expect(storm.count("importing")).toBe(4);
    await storm.watch();
    theirs.open();
    // No other begins before three of the four have ended.
    await player.watchUntil(() => storm.count("completed") >= 2);
    expect(storm.begun()).toBeLessThanOrEqual(4);
    await player.watchUntil(() => storm.count("completed") >= 6);
    expect(storm.count("importing")).toBeLessThanOrEqual(2);
    expect(await player.finish()).toBe(true);
    expect(storm.stalls()).toBe(0);
    expect(theirs.max).toBe(1);
    clock.advance(storm.holdOffLeft());
    expect(await storm.allComplete()).toBe(true);
  });
});
