import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ArrSettings } from "./arr-client.ts";
import { COMPLETE, openSab, type SabHouse } from "./sab-house.ts";
import { SHAPES } from "./sab-shapes.ts";

const LOGIN = { apiKey: "", user: "tester", password: "secret" } as const;

/** For tests that only look. */
let shared: SabHouse;
beforeAll(async () => {
  shared = await openSab();
});
afterAll(async () => await shared[Symbol.asyncDispose]());

describe("the Test button", () => {
  test.each<readonly [string, Partial<ArrSettings>]>([
    ["the API key", {}],
    ["ma_username and ma_password", LOGIN],
    ["no category", { category: "" }],
    ["movies, as Radarr", { category: "movies", kind: "movies" }],
  ])("T1 is content with %s", async (_, settings) => {
    const house = shared;
    expect(await house.arr(settings).test()).toEqual([]);
  });

  test.each<readonly [string, Partial<ArrSettings>, string]>([
    ["a wrong key", { apiKey: "wrong" }, "API Key Incorrect"],
    ["neither key nor login", { apiKey: "" }, "API Key Required"],
    ["a wrong password", { ...LOGIN, password: "guessed" }, "API Key Incorrect"],
    ["an unknown user", { ...LOGIN, user: "nobody" }, "API Key Incorrect"],
  ])("T1 says what is wrong with %s", async (_, settings, failure) => {
    await using house = await openSab();
    expect(await house.arr(settings).test()).toEqual([failure]);
  });

  test("T1 is warned of a category that is not there", async () => {
    const house = shared;
    expect(await house.arr({ category: "TV" }).test()).toEqual(["Category does not exist"]);
  });

  test("T1 makes the requests that they make, in this order", async () => {
    const house = shared;
    const { client } = house;
    await client.test();
    expect(client.asked).toEqual(["GET version", "GET get_config", "GET get_config", "GET get_config"]);
  });

  test("T1 finds the folder of each category, and nothing to warn of", async () => {
    const house = shared;
    expect(await house.client.health()).toEqual({ roots: [`${COMPLETE}/tv`], removesCompleted: false });
    expect(await house.arr({ category: "" }).health()).toEqual({ roots: [COMPLETE], removesCompleted: false });
  });

  test.each([
    [{ style: "strm", strmFolder: "/srv/strm" }, "/srv/strm/tv"],
    [{ style: "strm", strmFolder: "/srv/strm", strmSeenAs: "/data/strm" }, "/data/strm/tv"],
    [{ style: "files", mountPath: "/mnt/usenet" }, "/mnt/usenet/completed/tv"],
  ] as const)("T1 is told where to look with %j", async (completed, root) => {
    await using house = await openSab({ completed });
    expect((await house.client.health()).roots).toEqual([root]);
  });

  test("is told the whole path of a folder that is given from here", async () => {
    await using house = await openSab({ completed: { style: "strm", strmFolder: "strm" } });
    expect((await house.client.config()).completeDir).toBe(resolve("strm"));
    expect(house.client.asked).toEqual(["GET get_config"]);
  });

  test("is told the path of a mount on Windows in its own spelling", async () => {
    await using house = await openSab({ completed: { mountPath: "N:" } });
    expect((await house.client.config()).completeDir).toBe("N:\\completed");
  });
});

describe("a key or login", () => {
  test("is refused with 403 and plain text where JSON was not asked for", async () => {
    const house = shared;
    const answers = await Promise.all(
      ["mode=queue&apikey=wrong", "mode=queue", "mode=nonsense"].map((query) => fetch(`${house.origin}/api?${query}`)),
    );
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(texts).toEqual(["API Key Incorrect", "API Key Required", "API Key Required"]);
  });

  test("that is wrong again and again does not keep the right one out", async () => {
    await using house = await openSab();
    const wrong = house.arr({ apiKey: "wrong" });
    for (let poll = 0; poll < 100; poll++) {
      await expect(wrong.queue()).rejects.toThrow("API Key Incorrect");
    }
    expect((await house.client.queue()).items).toEqual([]);
  });

  test("cannot be guessed at will, and is taken again after a while", async () => {
    await using house = await openSab();
    const guess = (key: string) => house.arr({ apiKey: key }).raw("queue");
    const guesses = [];
    for (let count = 0; count < 12; count++) guesses.push(await guess(`guess ${count}`));
    expect(guesses.filter(({ body }) => body.includes("API Key Incorrect"))).toHaveLength(10);
    expect(guesses.at(-1)?.body).toContain("wait 15 s");
    house.clock.advance(60_000);
    expect((await house.client.queue()).items).toEqual([]);
  });

  test.each(["GET", "POST"])("is not taken from what a browser remembers, for any mode, with %s", async (method) => {
    const house = shared;
    const headers = { Authorization: `Basic ${btoa("tester:secret")}`, "X-Api-Key": "k3y", Cookie: "apikey=k3y" };
    const modes = ["queue", "pause", "queue&name=delete&value=all", "addurl&name=http://a.example/", "retry_all", "x"];
    for (const mode of modes) {
      const init = method === "GET" ? { headers } : { method, headers, body: new URLSearchParams({ a: "b" }) };
      const answer = await fetch(`${house.origin}/api?output=json&mode=${mode}`, init);
      expect([mode, await answer.json()]).toEqual([mode, { status: false, error: "API Key Required" }]);
    }
    expect(house.queue.isPaused).toBe(false);
  });

  test("is in no answer and no line of the log", async () => {
    await using house = await openSab();
    const modes = [...Object.keys(SHAPES), "qstatus", "nonsense", "addfile", "retry"];
    for (const settings of [{}, LOGIN, { apiKey: "gu3ss" }, { ...LOGIN, password: "gu3ss" }]) {
      for (const mode of modes) {
        const { body } = await house.arr(settings).raw(mode, { name: "", value: "x" });
        expect([mode, /k3y|secret|gu3ss/.test(body)]).toEqual([mode, false]);
      }
    }
    expect(JSON.stringify([house.lines, house.warnings.list()])).not.toMatch(/k3y|secret|gu3ss/);
  });

  test("of an app password that may only read lets look and not touch", async () => {
    await using house = await openSab();
    const { secret: password } = house.appPasswords.add({ name: "kodi", mayWrite: false });
    const reader = house.arr({ apiKey: "", user: "tester", password });
    expect(await reader.test()).toEqual([]);
    await expect(reader.call("pause")).rejects.toThrow("this login may only read");
    await expect(reader.grab("Show", "<nzb/>")).rejects.toThrow("this login may only read");
    expect(house.queue.isPaused).toBe(false);
  });

  test("may stand in a form", async () => {
    const house = shared;
    const form = new URLSearchParams({ mode: "queue", name: "pause", apikey: "k3y", output: "json", value: "none" });
    const answer = await fetch(`${house.origin}/api`, { method: "POST", body: form });
    expect(await answer.json()).toEqual({ status: false, nzo_ids: [] });
  });

  test("is asked about by auth, which needs none", async () => {
    const house = shared;
    const ask = async (query: string) => await (await fetch(`${house.origin}/api?mode=auth${query}`)).json();
    expect(await ask("")).toEqual({ auth: "apikey" });
    expect(await ask("&key=k3y")).toEqual({ auth: "apikey" });
    expect(await ask("&key=wrong")).toEqual({ auth: "badkey" });
  });
});

describe("the addresses", () => {
  test.each(["/api", "/api/", "/sabnzbd/api", "/sabnzbd/api/"])("%s is ours", async (path) => {
    const house = shared;
    const answer = await fetch(`${house.origin}${path}?mode=version`);
    expect(await answer.json()).toEqual({ version: "4.5.1" });
  });

  test.each(["/", "/api/v1/imports", "/sabnzbd", "/sabnzbd/", "/apix?mode=version", "/sabnzbd/api/v1"])(
    "%s is somebody else's",
    async (path) => {
      const house = shared;
      expect((await fetch(house.origin + path)).status).toBe(418);
    },
  );

  test("take GET and POST alone", async () => {
    const house = shared;
    const answer = await fetch(`${house.origin}/api?mode=version`, { method: "DELETE" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });

  test("are closed to modes that there are not", async () => {
    const house = shared;
    const { status, body } = await house.client.raw("eueuq");
    expect([status, JSON.parse(body)]).toEqual([200, { status: false, error: "not implemented" }]);
  });
});
