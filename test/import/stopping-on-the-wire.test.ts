import { describe, expect, test } from "@jest/globals";
import type { JobId } from "../../src/catalog/jobs.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { ListenerWatch } from "../app/listener-watch.ts";
import { whileTimePasses } from "../nntp/pool-fixture.ts";
import { until } from "../until.ts";
import { Office } from "./office.ts";
import { startWire } from "./wire.ts";
import { rulesOf } from "./workshop.ts";

const PART = 50_000;
const IDLE = { waiting: 0, busy: 0, bodies: 0 };

/** A queue over real news servers, with one film in it. */
async function scene() {
  const wire = await startWire([{ connections: 4 }]);
  const { clock, pool } = wire;
  const watch = new ListenerWatch();
  const source = watch.over(pool);
  const office = new Office({ clock, source, rules: rulesOf({ check: "all" }) });
  const size = 400 * PART - 7;
  const film = wire.store.addFile({ name: "film.mkv", content: patternContent(3, size), partSize: PART });
  const { id } = await office.queue("Film", { nzb: Buffer.from(toNzb([film])) });
  return {
    wire,
    office,
    watch,
    id,
    async [Symbol.asyncDispose]() {
      office[Symbol.dispose]();
      await wire[Symbol.asyncDispose]();
    },
  };
}

const ACTS = ["pause", "cancel", "remove", "pauseAll"] as const;

describe.each(["BODY", "STAT"] as const)("an import in the middle of its %ss", (verb) => {
  test.each(ACTS)("leaves nothing in flight on %s, and later completes once", async (act) => {
    await using stage = await scene();
    const { wire, office, watch, id } = stage;
    const timers = wire.clock.timers;
    await using imports = await office.start();
    const gate = wire.server.hold((command) => command.verb === verb, verb === "BODY" ? { afterBytes: 10_000 } : {});
    await gate.arrived();
    await until(() => office.job(id).state === "importing" && wire.underWay().busy > 0);
    const asked = wire.asked();
    if (act === "pauseAll") office.controls.pauseAll();
    else office.controls[act](id as JobId);
    await until(() => office.ticketsOut === 0);
    expect(wire.underWay().waiting).toBe(0);
    expect([watch.left(), watch.overfull]).toEqual([0, 0]);
    expect(office.catalog.jobs.counts().importing).toBe(0);
    expect(office.catalog.stats()).toMatchObject({ releases: 0, files: 0, segments: 0 });
    gate.open();
    await whileTimePasses(
      wire.clock,
      until(() => JSON.stringify(wire.underWay()) === JSON.stringify(IDLE)),
    );
    const { bodies, stats } = wire.asked();
    // What was on its way to the server then may have been counted since; nothing was asked anew.
    expect(bodies - asked.bodies + stats - asked.stats).toBeLessThanOrEqual(4 * 32);

    if (act === "pauseAll") office.controls.resumeAll();
    else if (act === "pause") office.controls.resume(id);
    else if (act === "cancel") office.controls.retry(id);
    if (act === "remove") expect(office.catalog.jobs.get(id)).toBeUndefined();
    else {
      await whileTimePasses(
        wire.clock,
        until(() => office.job(id).state === "completed"),
      );
      expect(office.job(id).attempts).toBe(2);
      expect(office.catalog.stats()).toMatchObject({ releases: 1, files: 1, segments: 400 });
    }
    expect([watch.left(), wire.underWay(), office.ticketsOut]).toEqual([0, IDLE, 0]);
    await imports[Symbol.asyncDispose]();
    // The grace of deserted answers comes to an end; connections that stay open for a while are looked after by one timer.
    await whileTimePasses(
      wire.clock,
      until(() => wire.clock.timers <= timers + 1),
    );
  });
});
