import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ApiServer, json, startApiServer } from "./api-server.ts";
import { run } from "./run.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const newsreel = (...args: readonly string[]) => run([...args, "--url", server.url, "--user", "me:secret"]);
const asked = () => server.seen.map(({ method, url }) => `${method} ${url}`);

const RUNNING = {
  id: "a1",
  state: "importing",
  name: "Big Film",
  category: "movies",
  priority: "high",
  bytes: 4_100_000_000,
  progress: 0.47,
  reason: null,
  error: null,
  hint: null,
  position: 0,
  timeLeftMs: 12_000,
  createdAt: 1,
  endedAt: null,
};
const WAITING = {
  ...RUNNING,
  id: "b2",
  state: "waiting",
  name: "Show\u001b]0;x S01E01",
  category: "tv",
  priority: "normal",
  bytes: 0,
  progress: 0,
  reason: "no provider can be reached; next try in 10 s",
  position: 1,
  timeLeftMs: null,
};
const WORDS = "2 streams active: imports hold 4 of 30 connections";

function showQueue(...imports: readonly object[]): void {
  server.on("GET /api/v1/queue", ({ url = "" }, res) => {
    const { searchParams } = new URL(url, server.url);
    const skip = Number(searchParams.get("skip"));
    const limit = Number(searchParams.get("limit"));
    json(res, { isPaused: false, words: WORDS, counts: {}, imports: imports.slice(skip, skip + limit) });
  });
}

describe("queue ls", () => {
  test("shows the queue in its order, what each import waits for, and what holds them back", async () => {
    showQueue(RUNNING, WAITING);
    const { code, stdout, stderr } = await newsreel("queue", "ls");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      WORDS,
      "#  ID  STATE      PRIORITY  SIZE    DONE  LEFT  CATEGORY  NAME",
      "1  a1  importing  high      4.1 GB  47 %  12 s  movies    Big Film",
      "2  b2  waiting    normal            0 %         tv        Show?]0;x S01E01: no provider can be reached; next try in 10 s",
      "",
    ]);
  });

  test("gives each import as the server's JSON, all of them", async () => {
    const many = Array.from({ length: 501 }, (_, index) => ({ ...RUNNING, id: `x${index}`, more: [index] }));
    showQueue(...many);
    const { stdout } = await newsreel("queue", "ls", "--json");
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual(many);
    expect(asked()).toEqual(["GET /api/v1/queue?limit=500&skip=0", "GET /api/v1/queue?limit=500&skip=500"]);
  });

  test("shows a hundred unless told otherwise, and says that there are more", async () => {
    showQueue(...Array.from({ length: 300 }, () => RUNNING));
    const { stdout, stderr } = await newsreel("queue", "ls");
    expect(stdout.trim().split("\n")).toHaveLength(102);
    expect(stderr).toBe("there are more: --limit 1000 shows more of them\n");
    expect((await newsreel("queue", "ls", "--limit", "3")).stdout.trim().split("\n")).toHaveLength(5);
  });

  test("is only the sentence when nothing is queued", async () => {
    showQueue();
    expect((await newsreel("queue", "ls")).stdout).toBe(`${WORDS}\n`);
  });

  test("says so when all of it is paused", async () => {
    server.on("GET /api/v1/queue", (_, res) => json(res, { isPaused: true, words: WORDS, imports: [] }));
    expect((await newsreel("queue", "ls")).stdout).toBe(
      `the queue is paused; only imports of priority force go on\n${WORDS}\n`,
    );
  });

  test("with a filter asks for those alone, page by page", async () => {
    server.on("GET /api/v1/imports", ({ url }, res) => {
      json(res, url?.includes("after=") ? { imports: [WAITING], next: null } : { imports: [RUNNING], next: "a1" });
    });
    expect((await newsreel("queue", "ls", "--search", "a b", "--category", "tv")).stdout.split("\n")).toHaveLength(4);
    const query = "state=queued%2Cwaiting%2Cimporting%2Cpaused&limit=500&category=tv&search=a+b";
    expect(asked()).toEqual([`GET /api/v1/imports?${query}`, `GET /api/v1/imports?${query}&after=a1`]);
  });
});

describe("history", () => {
  const now = Date.now();
  const DONE = { ...RUNNING, state: "completed", progress: 1, endedAt: now - 3 * 3_600_000, position: null };
  const FAILED = { ...WAITING, state: "failed", error: "articles are missing", endedAt: now - 45_000, name: "Show" };

  test("shows how imports ended, and how long ago", async () => {
    server.on("GET /api/v1/imports", (_, res) => json(res, { imports: [FAILED, DONE], next: null }));
    const { code, stdout } = await newsreel("history");
    expect(code).toBe(0);
    expect(stdout.replace(/4[5-9] s ago/, "45 s ago").split("\n")).toEqual([
      "ID  STATE      ENDED     SIZE    CATEGORY  NAME",
      "b2  failed     45 s ago          tv        Show: articles are missing",
      "a1  completed  3 h ago   4.1 GB  movies    Big Film",
      "",
    ]);
    expect(asked()).toEqual(["GET /api/v1/imports?state=completed%2Cfailed%2Ccancelled&limit=500"]);
  });

  test("is what queue ls shows of the same states", async () => {
    server.on("GET /api/v1/imports", (_, res) => json(res, { imports: [DONE], next: null }));
    const history = await newsreel("history", "--state", "completed", "--search", "big", "--json");
    const listed = await newsreel("queue", "ls", "--state", "completed", "--search", "big", "--json");
    expect(history.stdout).toBe(listed.stdout);
    expect(new Set(asked()).size).toBe(1);
  });
});

describe("the queue", () => {
  test.each([
    ["pause", true, "the queue is paused; only imports of priority force go on"],
    ["resume", false, "the queue goes on"],
  ])("as a whole is told to %s", async (verb, isPaused, said) => {
    server.on(`POST /api/v1/queue/${verb}`, (_, res) => json(res, { isPaused, counts: {}, words: "" }));
    expect(await newsreel("queue", verb)).toMatchObject({ code: 0, stdout: `${said}\n` });
    expect(JSON.parse((await newsreel("queue", verb, "--json")).stdout)).toEqual({ isPaused, counts: {}, words: "" });
  });

  test.each([
    ["pause", "paused", ""],
    ["resume", "queued", ""],
    ["cancel", "cancelled", ""],
    ["retry", "queued", "?password=p+w"],
  ])("tells single imports to %s", async (verb, state, query) => {
    for (const id of ["a1", "b2"])
      server.on(`POST /api/v1/imports/${id}/${verb}`, (_, res) => json(res, { ...RUNNING, id, state }));
    const password = query === "" ? [] : ["--password", "p w"];
    expect(await newsreel("queue", verb, "a1", "b2", ...password)).toMatchObject({
      code: 0,
      stdout: `Big Film: ${state}\nBig Film: ${state}\n`,
    });
    expect(asked()).toEqual([`POST /api/v1/imports/a1/${verb}${query}`, `POST /api/v1/imports/b2/${verb}${query}`]);
  });

  test("goes on with the others when one import cannot be told, and fails in the end", async () => {
    server.on("POST /api/v1/imports/b2/retry", (_, res) => json(res, { ...RUNNING, state: "queued" }));
    expect(await newsreel("queue", "retry", "a1", "b2")).toMatchObject({
      code: 1,
      stdout: "Big Film: queued\n",
      stderr: "newsreel: a1: there is nothing here\n",
    });
  });

  test("forgets what is removed", async () => {
    server.on("DELETE /api/v1/imports/a1", (_, res) => json(res, { id: "a1" }));
    expect(await newsreel("queue", "rm", "a1")).toMatchObject({ code: 0, stdout: "a1: removed\n" });
    expect((await newsreel("queue", "rm", "a1", "--json")).stdout).toBe('{"id":"a1"}\n');
  });

  test("changes a priority", async () => {
    server.on("POST /api/v1/imports/a1/priority", (_, res) => json(res, { ...RUNNING, priority: "force" }));
    expect(await newsreel("queue", "priority", "a1", "force")).toMatchObject({
      code: 0,
      stdout: "Big Film: priority force\n",
    });
    expect(asked()).toEqual(["POST /api/v1/imports/a1/priority?value=force"]);
  });

  test.each([
    ["top", 0],
    ["1", 0],
    ["7", 6],
    ["bottom", 999_999_999],
  ])("moves an import to place %s, counted from 1 as people do", async (place, position) => {
    server.on("POST /api/v1/imports/a1/move", (_, res) => json(res, { ...RUNNING, position: Math.min(position, 9) }));
    expect((await newsreel("queue", "move", "a1", place)).stdout).toBe(
      `Big Film: number ${Math.min(position, 9) + 1} of the queue\n`,
    );
    expect(asked()).toEqual([`POST /api/v1/imports/a1/move?position=${position}`]);
  });

  test.each([
    [[]],
    [["empty"]],
    [["rm"]],
    [["cancel"]],
    [["ls", "a1"]],
    [["ls", "--limit", "0"]],
    [["rm", "../queue"]],
    [["pause", "a/b"]],
    [["priority", "a1"]],
    [["priority", "a1", "soon"]],
    [["move", "a1", "0"]],
    [["move", "a1", "2", "3"]],
    [["rm", "a1", "--password", "p"]],
  ])("cannot be called with %j", async (args) => {
    expect((await newsreel("queue", ...args)).code).toBe(2);
    expect(server.seen).toEqual([]);
  });
});
