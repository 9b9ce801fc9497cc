import { describe, expect, test } from "@jest/globals";
import { AdmissionController } from "../../src/admission/controller.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { type PoolSystem, startPool } from "./pool-fixture.ts";

/** Connections of the only provider. */
const CONNECTIONS = 6;
/** Questions after which somebody who never stops stops all the same, so that a failing test ends. */
const MOST = 20_000;

/** A pool under the real admission controller, whose only stream is active until `end`. */
async function startYielding(floor: number) {
  const admission = new AdmissionController({
    limits: {
      connections: CONNECTIONS,
      maxJobs: 2,
      maxJobsWhileStreaming: 0,
      perStreamConnections: CONNECTIONS,
      floor,
      holdOffMs: 15_000,
    },
    clock: new ManualClock(),
    log: silentLogger,
  });
  const system = await startPool([{ connections: CONNECTIONS, pipeline: 2 }], {
    importConnections: () => admission.importConnections(),
  });
  const listening = admission.onChange(() => system.pool.reconsider());
  return {
    ...system,
    admission,
    async [Symbol.asyncDispose]() {
      listening[Symbol.dispose]();
      admission[Symbol.dispose]();
      await system[Symbol.asyncDispose]();
    },
  };
}

function stat({ pool, ids }: Pick<PoolSystem, "pool" | "ids">, index: number, lane: "import" | "health") {
  return pool.stat(ids[index % ids.length] as MessageId, { urgency: { lane }, signal: new AbortController().signal });
}

/** Everything but playback, all at once: bodies of an import and of a speed test, and STATs of an import and of a check. */
function storm(system: Pick<PoolSystem, "pool" | "ids" | "fetch">): Promise<unknown> {
  const only = { provider: "p0", connections: CONNECTIONS, depth: 2 };
  return Promise.all(
    Array.from({ length: 20 }, (_, index) => [
      system.fetch(index, { lane: "import" }),
      stat(system, 20 + index, "import"),
      stat(system, 30 + index, "health"),
      system.fetch(40 + index, { lane: "health", only }),
    ]).flat(),
  );
}

describe("while somebody watches", () => {
  test("with floor 0 imports, STATs, checks and speed tests hold no connection at all, and all are served afterwards", async () => {
    await using system = await startYielding(0);
    using stream = system.admission.openStream({ key: "film" });
    const work = storm(system);
    expect((await system.fetch(60)).equals(system.content(60))).toBe(true);
    expect(system.pool.waiting).toBe(80);
    expect(system.server.counters.bodies.size).toBe(1);
    expect(system.server.counters.commands.STAT ?? 0).toBe(0);
    expect(system.server.counters.connectionsEver).toBe(1);
    stream[Symbol.dispose]();
    system.admission.change({ holdOffMs: 0 });
    await work;
    expect(system.server.counters.connectionsNow).toBe(CONNECTIONS);
  });

  test("with floor 1 all of them together hold exactly one, and all are served in the end", async () => {
    await using system = await startYielding(1);
    system.admission.openStream({ key: "film" });
    await storm(system);
    expect(system.server.counters.connectionsEver).toBe(1);
    expect(system.server.counters.bodiesInFlightMax).toBe(1);
  });

  test("STATs that follow each other without a pause give their connections back: nobody joins one that is to become free", async () => {
    await using system = await startYielding(0);
    let asked = 0;
    let isOver = false;
    // Each answer is followed by the next question at once, as an import or a check does it.
    const asker = async () => {
      while (!isOver && asked < MOST) {
        asked += 1;
        await stat(system, asked, "health");
      }
    };
    const askers = Array.from({ length: 64 }, asker);
    await until(() => asked > 500);
    using stream = system.admission.openStream({ key: "film" });
    await until(() => system.pool.waiting === 64);
    const then = asked;
    expect((await system.fetch(1)).equals(system.content(1))).toBe(true);
    expect(asked).toBe(then);
    isOver = true;
    stream[Symbol.dispose]();
    system.admission.change({ holdOffMs: 0 });
    await Promise.all(askers);
  });

  test("a check that keeps its connection busy does not keep an import from the only one that there is", async () => {
    await using system = await startYielding(1);
    system.admission.openStream({ key: "film" });
    let isOver = false;
    let asked = 0;
    const asker = async () => {
      while (!isOver && asked < MOST) {
        asked += 1;
        await stat(system, asked, "health");
      }
    };
    const askers = Array.from({ length: 64 }, asker);
    await until(() => asked > 500);
    expect((await system.fetch(2, { lane: "import" })).equals(system.content(2))).toBe(true);
    expect(await stat(system, 3, "import")).toBe("present");
    expect(asked).toBeLessThan(MOST);
    isOver = true;
    await Promise.all(askers);
    expect(system.server.counters.connectionsEver).toBe(1);
  });
});
