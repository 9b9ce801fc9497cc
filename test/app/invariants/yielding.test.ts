import { describe, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { bytes } from "../client.ts";
import { startSystem } from "../fixture.ts";
import { freshNzb } from "../posts.ts";
import { holdBodies, serverOf, watchCommands } from "../wire.ts";

const PART = 20_000;

describe("who yields", () => {
  test("I7 imports yield: three imports and two streams on 8 connections hold 8 - 2 x 2 bodies, and all again once nobody watches", async () => {
    await using system = await startSystem({
      providers: [{ connections: 8, pipeline: 1 }],
      settings: { "imports.maxJobs": 3, "imports.maxJobsWhileStreaming": 3, "streaming.holdOffMs": 60_000 },
    });
    const film = system.addCold({ size: 10 * PART, partSize: PART });
    for (const name of ["one", "two"]) await system.get(film.path, { "User-Agent": name });
    const server = serverOf(system);
    server.counters.reset();
    using gate = server.hold(({ id }) => id?.startsWith("later") === true);
    const nzbs = [1, 2, 3].map((number) => freshNzb(system, `later${number}-`, 10));
    const jobs = await Promise.all(nzbs.map((nzb, number) => system.submit(`Later ${number}`, nzb)));
    await gate.arrived(4);
    await until(() => system.app.pool.waiting > 8);
    expect(gate.waiting).toBe(4);
    gate.open();
    for (const job of jobs) expect(await system.ended(job)).toMatchObject({ state: "completed" });
    expect(server.counters.bodiesInFlightMax).toBe(4);
  });

  test("I8 no capacity left idle: with no stream imports use every connection, with no import streams do", async () => {
    await using system = await startSystem({ providers: [{ connections: 8, pipeline: 1 }] });
    const server = serverOf(system);
    using imports = server.hold(({ id }) => id?.startsWith("later") === true);
    const job = await system.submit("Later", freshNzb(system, "later", 10));
    await imports.arrived(8);
    expect(server.counters.bodiesInFlight).toBe(8);
    imports.open();
    await system.ended(job);
    const film = system.addCold({ size: 40 * PART, partSize: PART });
    server.counters.reset();
    using log = watchCommands(server);
    using streams = holdBodies(system);
    const reading = Array.from({ length: 8 }, (_, index) =>
      system.get(film.path, bytes(index * PART, index * PART + 9)),
    );
    await streams.arrived(8);
    expect(new Set(log.filter(({ verb }) => verb === "BODY").map(({ connection }) => connection)).size).toBe(8);
    streams.open();
    for (const { status } of await Promise.all(reading)) expect(status).toBe(206);
  });
});
