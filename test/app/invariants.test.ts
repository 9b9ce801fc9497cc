import { describe, expect, test } from "@jest/globals";
import { until } from "../until.ts";
import { startSystem } from "./fixture.ts";

const PART = 100_000;
/** Nothing but what the counters of the news servers say of bodies, per message-id. */
const bodiesOf = (system: Awaited<ReturnType<typeof startSystem>>, server = 0) => [
  ...(system.servers[server]?.counters.bodies.values() ?? []),
];
const fetched = (system: Awaited<ReturnType<typeof startSystem>>, server = 0) =>
  bodiesOf(system, server).reduce((sum, count) => sum + count, 0);

describe("what streaming promises, through HTTP", () => {
  test("I2: a sequential read asks for each article exactly once", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 60 * PART - 5, partSize: PART });
    system.servers[0]?.counters.reset();
    const answer = await system.get(film.path);
    expect(answer.body.equals(film.content.read(0, film.size))).toBe(true);
    expect(bodiesOf(system)).toEqual(Array(60).fill(1));
  });

  test("I3: missing is final; each provider is asked once, the next tier once, and never again within the request", async () => {
    await using system = await startSystem({ providers: [{}, {}, { backup: true }] });
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    const [, , third] = [...film.posted.segments].map(({ id }) => id);
    for (const server of system.servers) {
      server.counters.reset();
      server.behave({ faults: (id) => (id === third ? "missing" : undefined) });
    }
    const answer = await system.get(film.path, { Range: `bytes=${2 * PART}-${2 * PART + 9}` });
    expect(answer.status).toBe(502);
    expect(system.servers.map((_, index) => bodiesOf(system, index))).toEqual([[1], [1], [1]]);
  });

  test("I4 and I12: after the client left, nothing more is asked for and what is under way is closed", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 50 * PART, partSize: PART });
    const [server] = system.servers;
    server?.counters.reset();
    using gate = server?.hold(({ verb }) => verb === "BODY", { afterBytes: 30_000 }) as Disposable & {
      waiting: number;
    };
    const response = await system.open(film.path);
    response.on("error", () => {});
    await until(() => gate.waiting >= 2);
    const asked = fetched(system);
    response.destroy();
    await until(() => server?.counters.bodiesInFlight === 0);
    expect(fetched(system)).toBe(asked);
    await until(() => system.app.reader.activeReads === 0);
    expect(system.app.cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test("I12: a hundred clients that leave at once leave nothing behind", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 200 * PART, partSize: PART });
    using gate = system.servers[0]?.hold(({ verb }) => verb === "BODY") as Disposable & { waiting: number };
    const clients = Array.from({ length: 100 }, (_, index) =>
      system.open(film.path, { Range: `bytes=${index * 2 * PART}-` }).then(
        () => "answered",
        () => "cut",
      ),
    );
    await until(() => gate.waiting >= 8 && system.app.reader.activeReads === 100);
    const closing = system.app[Symbol.asyncDispose]();
    expect(new Set(await Promise.all(clients))).toEqual(new Set(["cut"]));
    await closing;
    expect(system.app.reader.activeReads).toBe(0);
    expect(system.app.cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test("I13 and I25: the first of two clients may leave, the other gets its bytes, and there was one fetch", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 3 * PART, partSize: PART });
    const [server] = system.servers;
    const [first] = [...film.posted.segments].map(({ id }) => id);
    server?.counters.reset();
    const gate = server?.hold(first as string);
    const range = { Range: "bytes=0-99999" };
    const leaving = system.open(film.path, range).catch(() => undefined);
    await gate?.arrived();
    const staying = system.get(film.path, range);
    await until(() => system.app.reader.activeReads === 2);
    const opened = await Promise.race([
      leaving,
      new Promise<undefined>((resolve) => setTimeout(resolve, 20, undefined)),
    ]);
    expect(opened).toBeUndefined();
    expect(system.app.cache.stats().joins).toBeGreaterThanOrEqual(1);
    gate?.open();
    (await leaving)?.destroy();
    expect((await staying).body.equals(film.content.read(0, PART))).toBe(true);
    expect(server?.counters.bodies.get(first as string)).toBe(1);
  });

  test.each(["corrupt", "truncate", "overlong", "wrongBegin"] as const)(
    "I14: an article that is %s never moves later bytes and is never kept",
    async (fault) => {
      await using system = await startSystem({ providers: [{}, {}] });
      const film = await system.addPattern({ size: 20 * PART, partSize: PART });
      const bad = new Set(
        [...film.posted.segments].filter((_, index) => index % 3 === 1).map(({ id }) => id as string),
      );
      system.servers[0]?.behave({ faults: (id) => (bad.has(id) ? fault : undefined) });
      // A client that asks again for what was broken off ends up with exactly the file.
      const parts: Buffer[] = [];
      let at = 0;
      for (let tries = 0; at < film.size && tries < 30; tries += 1) {
        const { body } = await system.get(film.path, { Range: `bytes=${at}-` });
        parts.push(body);
        at += body.length;
      }
      expect(Buffer.concat(parts).equals(film.content.read(0, film.size))).toBe(true);
    },
  );

  test("I15: silence is not absence; 503 with Retry-After while a provider is away, not 404 and not 502", async () => {
    await using system = await startSystem({ providers: [{ timeoutMs: 150 }, {}] });
    const film = await system.addPattern({ size: PART, partSize: PART });
    system.servers[0]?.behave({ faults: () => "hangInsteadOfReply" });
    system.servers[1]?.behave({ faults: () => "missing" });
    const answer = await system.get(film.path);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    system.servers[0]?.behave({ faults: () => undefined });
    expect((await system.get(film.path)).body.equals(film.content.read(0, film.size))).toBe(true);
  });

  test("I16: a provider that had gone is used again, without a restart", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 2 * PART, partSize: PART });
    system.servers[0]?.behave({ greetingFault: "closeBeforeGreeting" });
    system.servers[0]?.drop("all");
    const answers = [];
    const reading = system.get(film.path);
    await until(() => system.app.pool.snapshot()[0]?.state === "backing-off");
    system.servers[0]?.behave({ greetingFault: undefined });
    answers.push(await reading);
    answers.push(await system.get(film.path));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });

  test.each([
    ["1 byte", 1, 1],
    ["64 KiB in one segment", 65_536, 1],
    ["64 KiB across a border", 65_536, 2],
  ])("I17 and I23: reading %s fetches only the articles that hold it", async (_name, length, articles) => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 40 * PART, partSize: PART });
    system.servers[0]?.counters.reset();
    const start = articles === 1 ? 17 * PART : 18 * PART - 1_000;
    const answer = await system.get(film.path, { Range: `bytes=${start}-${start + length - 1}` });
    expect(answer.body.equals(film.content.read(start, length))).toBe(true);
    expect(fetched(system)).toBe(articles);
  });

  test("I18: a client that pauses has cost little more than its sockets took, and costs nothing while it pauses", async () => {
    await using system = await startSystem();
    const size = 60 * 1024 * 1024;
    const film = await system.addPattern({ size, partSize: 700_000 });
    system.servers[0]?.counters.reset();
    const response = await system.open(film.path);
    await new Promise<void>((resolve) => {
      let got = 0;
      response.on("data", (chunk: Buffer) => {
        got += chunk.length;
        if (got < 65_536) return;
        response.pause();
        resolve();
      });
    });
    // The sockets between here and there take what they can hold; then nothing moves.
    let before = -1;
    for (let rounds = 0; before !== fetched(system) && rounds < 50; rounds += 1) {
      before = fetched(system);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // At most 10 MB fit into the sockets; the ramp doubles what was taken.
    expect(fetched(system)).toBeLessThanOrEqual(32);
    expect(system.app.cache.stats().pinnedSlots).toBeLessThanOrEqual(1);
    response.destroy();
    await until(() => system.app.reader.activeReads === 0);
  });

  test("I24: before the first byte an error is told, after it the transfer is broken off", async () => {
    await using system = await startSystem();
    const film = await system.addPattern({ size: 10 * PART, partSize: PART });
    const ids = [...film.posted.segments].map(({ id }) => id as string);
    system.servers[0]?.behave({ faults: (id) => (id === ids[4] ? "missing" : undefined) });
    const atOnce = await system.get(film.path, { Range: `bytes=${4 * PART}-` });
    expect(atOnce.status).toBe(502);
    expect(atOnce.body.toString()).toContain("missing");
    const later = await system.get(film.path);
    expect(later.status).toBe(200);
    expect(later.headers["content-length"]).toBe(String(film.size));
    expect(later.isBroken).toBe(true);
    expect(later.body.equals(film.content.read(0, 4 * PART))).toBe(true);
  });
});
