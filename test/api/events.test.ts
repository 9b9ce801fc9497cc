import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { type ApiServer, addJob, KEY, startApi, stream } from "./api-server.ts";

interface Heard {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

/** A client that listens, with all that it has heard. */
async function listen(api: ApiServer) {
  const call = request(`${api.origin}/api/v1/events`, { headers: { "x-api-key": KEY } });
  call.on("error", () => {});
  call.end();
  const [response] = (await once(call, "response")) as [IncomingMessage];
  let text = "";
  let hasEnded = false;
  response.setEncoding("utf8");
  response.on("data", (piece: string) => {
    text += piece;
  });
  response.on("error", () => {});
  response.once("close", () => {
    hasEnded = true;
  });
  const heard = (): Heard[] =>
    text
      .split("\n\n")
      .slice(0, -1)
      .flatMap((block) => {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        return name === undefined ? [] : [{ name, data: JSON.parse(data as string) as Heard["data"] }];
      });
  return {
    response,
    heard,
    names: () => heard().map(({ name }) => name),
    text: () => text,
    hasEnded: () => hasEnded,
    leave: () => call.destroy(),
  };
}

/** The API with a clock of the test's own; nothing is looked at until it is moved. */
async function start(change: Parameters<typeof startApi>[0] = {}) {
  const clock = new ManualClock();
  const api = await startApi({ clock, ...change });
  return { api, clock, feed: api.deps.events };
}

describe("GET /api/v1/events", () => {
  test("begins with the present", async () => {
    const { api } = await start();
    await using _ = api;
    addJob(api, "a");
    const client = await listen(api);
    await until(() => client.heard().length === 3);
    expect(client.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
    });
    expect(client.heard()).toEqual([
      {
        name: "queue",
        data: { isPaused: false, counts: expect.objectContaining({ queued: 1 }), words: expect.any(String) },
      },
      { name: "admission", data: { ...api.deps.admission.state, holdOffUntil: null } },
      { name: "streams", data: { streams: [{ ...stream, endedAt: null }] } },
    ]);
  });

  test("tells of each import that has changed, once a second, and of nothing else", async () => {
    const { api, clock } = await start();
    await using _ = api;
    const old = addJob(api, "old");
    clock.advance(1);
    const client = await listen(api);
    await until(() => client.heard().length === 3);
    clock.advance(10);
    const id = addJob(api, "new");
    clock.advance(10);
    api.catalog.jobs.update(id, { state: "paused" });
    clock.advance(980);
    await until(() => client.heard().length === 5);
    expect(client.heard().slice(3)).toMatchObject([
      { name: "import", data: { id, state: "paused" } },
      { name: "queue", data: { counts: { queued: 1, paused: 1 } } },
    ]);
    clock.advance(3_000);
    api.catalog.jobs.remove(old);
    clock.advance(1_000);
    await until(() => client.heard().length === 6);
    expect(client.heard()[5]).toMatchObject({ name: "queue", data: { counts: { queued: 0, paused: 1 } } });
  });

  test("a change within the very millisecond of a look is told with the next one, and told once", async () => {
    const { api, clock } = await start();
    await using _ = api;
    const client = await listen(api);
    clock.advance(1_000);
    const id = addJob(api, "in time");
    clock.advance(1_000);
    clock.advance(1_000);
    await until(() => client.names().includes("import"));
    clock.advance(1_000);
    addJob(api, "last");
    clock.advance(1_000);
    clock.advance(1_000);
    await until(() => client.names().filter((name) => name === "import").length > 1);
    const imports = client.heard().filter(({ name }) => name === "import");
    expect(imports.map(({ data }) => data["name"])).toEqual(["in time", "last"]);
    expect(imports[0]?.data["id"]).toBe(id);
  });

  test("a thousand changes are told of in several looks, each of them once", async () => {
    const { api, clock } = await start();
    await using _ = api;
    const client = await listen(api);
    clock.advance(1);
    for (let n = 0; n < 1000; n += 1) addJob(api, `${n}`);
    for (let n = 0; n < 8; n += 1) clock.advance(1_000);
    const told = () => client.heard().filter(({ name }) => name === "import");
    await until(() => told().length >= 1000);
    expect(new Set(told().map(({ data }) => data["id"])).size).toBe(1000);
    expect(told()).toHaveLength(1000);
  });

  test("says something every fifteen seconds", async () => {
    const { api, clock } = await start();
    await using _ = api;
    const client = await listen(api);
    await until(() => client.heard().length === 3);
    clock.advance(45_000);
    await until(() => client.text().split(": nothing new\n\n").length === 4);
    expect(client.heard()).toHaveLength(3);
  });

  test("does nothing while nobody listens", async () => {
    let looks = 0;
    const { api, clock, feed } = await start({
      streams: () => {
        looks += 1;
        return [];
      },
    });
    await using _ = api;
    const timers = clock.timers;
    const clients = [await listen(api), await listen(api)];
    expect([looks, feed.listeners, clock.timers]).toEqual([2, 2, timers + 1]);
    clock.advance(1_000);
    expect(looks).toBe(3);
    for (const { leave } of clients) leave();
    await until(() => feed.listeners === 0);
    expect(clock.timers).toBe(timers);
    clock.advance(60_000);
    expect(looks).toBe(3);
  });

  test("takes twenty listeners, and the next one when somebody has left", async () => {
    const { api, feed } = await start();
    await using _ = api;
    const clients = await Promise.all(Array.from({ length: 20 }, () => listen(api)));
    expect((await api.fetch("/api/v1/events")).status).toBe(503);
    clients[0]?.leave();
    await until(() => feed.listeners === 19);
    const late = await listen(api);
    expect(late.response.statusCode).toBe(200);
  });

  test("ends every stream when the server stops, and takes nobody any more", async () => {
    const { api, clock, feed } = await start();
    await using _ = api;
    const client = await listen(api);
    feed[Symbol.dispose]();
    await until(client.hasEnded);
    expect(client.response.complete).toBe(true);
    expect(clock.timers).toBe(0);
    expect((await api.fetch("/api/v1/events")).status).toBe(503);
  });

  test("HEAD answers with the header alone", async () => {
    const { api, feed } = await start();
    await using _ = api;
    const response = await api.fetch("/api/v1/events", { method: "HEAD" });
    expect([response.status, await response.text(), feed.listeners]).toEqual([200, "", 0]);
  });

  test("trouble with the database is logged, and told of nobody", async () => {
    const { api, clock, feed } = await start();
    await using _ = api;
    const client = await listen(api);
    await until(() => client.heard().length === 3);
    api.catalog[Symbol.dispose]();
    clock.advance(1_000);
    expect(api.logged).toEqual([{ level: "warn", message: "cannot see what has changed" }]);
    expect(feed.listeners).toBe(1);
  });
});
