import { describe, expect, test } from "@jest/globals";
import type { AdmissionState } from "../../src/admission/admission.ts";
import type { Gate } from "../../src/newsserver/gate.ts";
import { until } from "../until.ts";
import { type System, startSystem } from "./fixture.ts";
import { freshNzb } from "./posts.ts";
import { SkippingClock } from "./skipping-clock.ts";

const PART = 20_000;
const HOLD_OFF = 15_000;

async function admission(system: System): Promise<AdmissionState> {
  return JSON.parse((await system.get("/api/v1/admission")).body.toString()) as AdmissionState;
}

const active = async (system: System) => (await admission(system)).streams;

describe("streams and admission", () => {
  test("a GET of a film is one active stream, until the hold-off after its last byte", async () => {
    const clock = new SkippingClock();
    await using system = await startSystem({ clock });
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    expect(await active(system)).toBe(0);
    await system.get(film.path);
    for (const start of [0, 5 * PART, PART]) await system.get(film.path, { Range: `bytes=${start}-${start + 99}` });
    expect(await active(system)).toBe(1);
    clock.skip(HOLD_OFF - 5_000);
    expect(await active(system)).toBe(1);
    clock.skip(5_000);
    expect(await active(system)).toBe(0);
  });

  test("another file, or another program, is another stream", async () => {
    await using system = await startSystem();
    const films = await Promise.all([1, 2].map(() => system.addPattern({ size: PART, partSize: PART })));
    for (const { path } of films) await system.get(path);
    await system.get(films[0]?.path as string, { "User-Agent": "another" });
    expect(await active(system)).toBe(3);
  });

  test("what reads no bytes is no stream: HEAD, PROPFIND, nothing there, nothing new, no such range, no articles", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    const { etag } = (await system.get(film.path, {}, "HEAD")).headers;
    const asked: [number, string, Record<string, string>, string?][] = [
      [207, film.path, { Depth: "0" }, "PROPFIND"],
      [404, `${film.path}x`, {}],
      [304, film.path, { "If-None-Match": etag as string }],
      [416, film.path, { Range: `bytes=${10 * PART}-` }],
    ];
    for (const [status, path, headers, method] of asked) {
      expect([(await system.get(path, headers, method)).status, path]).toEqual([status, path]);
    }
    system.servers[0]?.behave({ faults: () => "missing" });
    expect((await system.get(film.path, { Range: `bytes=${5 * PART}-` })).status).toBe(502);
    expect(await active(system)).toBe(0);
  });

  test("who only looks at small pieces is no stream; who then plays is one", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    for (const start of [0, 9 * PART, 4 * PART]) await system.get(film.path, { Range: `bytes=${start}-${start + 99}` });
    expect(await active(system)).toBe(0);
    await system.get(film.path, { Range: "bytes=0-" });
    expect(await active(system)).toBe(1);
  });

  test("a stream is one line in the log, however many requests it takes", async () => {
    const clock = new SkippingClock();
    await using system = await startSystem({ clock });
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    await system.get(film.path, { Range: "bytes=0-9" });
    const before = system.logged.length;
    for (let number = 0; number < 8; number += 1) {
      await system.get(film.path, { Range: `bytes=${number * PART}-${number * PART + 999}` });
    }
    expect(system.logged.slice(before).filter(({ level }) => level !== "debug")).toEqual([]);
    clock.skip(2 * HOLD_OFF);
    await until(() => system.logged.some(({ message }) => message === "stream ended"));
    const lines = system.logged.slice(before).filter(({ fields }) => "path" in fields);
    expect(lines).toEqual([
      {
        level: "info",
        message: "stream ended",
        fields: expect.objectContaining({
          path: decodeURIComponent(film.path.slice("/dav".length)),
          client: "127.0.0.1",
          requests: 9,
          bytes: 8_010,
          failures: 0,
          firstByteMs: expect.any(Number),
        }),
      },
    ]);
  });
});

describe("imports yield to playback", () => {
  test("none starts while somebody watches; it starts when the hold-off is over", async () => {
    const clock = new SkippingClock();
    await using system = await startSystem({ clock });
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    await system.get(film.path);
    const job = await system.submit("Later", freshNzb(system, "later"));
    await until(() => system.app.catalog.jobs.counts().queued === 1);
    const { jobs, words } = await admission(system);
    expect(jobs).toEqual({ running: 0, waiting: 1, limit: 0, isPaused: false });
    expect(words).toContain("1 stream active");
    expect(words).toContain("1 job waits");
    clock.skip(HOLD_OFF / 2);
    await system.get(film.path, { Range: "bytes=0-9" });
    clock.skip(HOLD_OFF - 5_000);
    expect(system.app.catalog.jobs.get(job.id)).toMatchObject({ state: "queued", attempts: 0 });
    const asked = [...(system.servers[0]?.counters.bodies.keys() ?? [])];
    expect(asked.filter((id) => id.startsWith("later"))).toEqual([]);
    clock.skip(5_000);
    expect(await system.ended(job)).toMatchObject({ state: "completed" });
  });

  test.each([
    ["nobody watches", 0, 8],
    ["one does", 1, 6],
    ["three do", 3, 2],
    ["everybody does", 9, 1],
  ])("while %s, what an import reads at once is limited", async (_who, watching, limit) => {
    await using system = await startSystem({
      providers: [{ connections: 8, pipeline: 1 }],
      settings: { "imports.maxJobsWhileStreaming": 1, "streaming.holdOffMs": 60_000 },
    });
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    for (let number = 0; number < watching; number += 1) {
      await system.get(film.path, { "User-Agent": `player ${number}` });
    }
    expect(await active(system)).toBe(watching);
    const [server] = system.servers;
    server?.counters.reset();
    using gate = server?.hold(({ id }) => id?.startsWith("later") === true) as Gate;
    const job = await system.submit("Later", freshNzb(system, "later", 30));
    await gate.arrived(limit);
    // It wants the first and the last article of six files, and no more than its share of them is under way.
    await until(() => system.app.pool.waiting === 12 - limit);
    expect(server?.counters.bodiesInFlight).toBe(limit);
    gate.open();
    expect(await system.ended(job)).toMatchObject({ state: "completed" });
    expect(server?.counters.bodiesInFlightMax).toBe(limit);
  });
});
