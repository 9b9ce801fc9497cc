import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addJob, endedJob, freshNzb, openSab, type SabHouse } from "./sab-house.ts";
import { misfits, SHAPES } from "./sab-shapes.ts";

let house: SabHouse;
let queued: string;

beforeAll(async () => {
  house = await openSab();
  await house.stopImports();
  endedJob(house, "done", "completed");
  endedJob(house, "bad", "failed");
  queued = await house.client.grab("Show", freshNzb());
  addJob(house, "paused", { isPaused: true });
  const { id } = addJob(house, "busy", { priority: "force" });
  house.jobs.claim();
  house.jobs.update(id, { progress: 0.123, reason: "2 of 3 volumes" });
  house.log.warn({ error: "no answer" }, "a provider is gone");
});
afterAll(async () => await house[Symbol.asyncDispose]());

describe("an answer", () => {
  test.each(Object.keys(SHAPES))("T11 to %s has whatever SABnzbd's has, of the same types", async (mode) => {
    const answer = await house.client.call(mode, mode === "get_files" ? { value: queued } : {});
    expect(misfits(answer, SHAPES[mode] ?? {})).toEqual([]);
  });

  test("T11 is not empty where the shapes look into lists", async () => {
    const answers = await Promise.all(
      ["queue", "history", "get_config", "warnings"].map((mode) => house.client.raw(mode)),
    );
    for (const { body } of answers) expect(body).not.toMatch(/"(?:slots|categories|warnings)":\[\]/);
  });

  test("T11 that lacks something, or has another type, is found out", () => {
    expect(misfits({ version: 4 }, SHAPES["version"] ?? {})).toEqual([".version: int instead of string"]);
    expect(misfits({}, SHAPES["version"] ?? {})).toEqual([".version: missing"]);
    expect(misfits({ files: [{ filename: 1.5 }] }, { files: [{ filename: "string" }] })).toEqual([
      ".files[0].filename: number instead of string",
    ]);
  });

  test("is sent as JSON in UTF-8 that nobody may keep", async () => {
    const { headers } = await fetch(`${house.origin}/api?mode=version`);
    expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect([headers.get("cache-control"), headers.get("pragma")]).toEqual(["no-store", "no-cache"]);
  });

  test("to HEAD is its header alone", async () => {
    const answer = await fetch(`${house.origin}/api?mode=version`, { method: "HEAD" });
    expect([answer.status, await answer.text()]).toEqual([200, ""]);
  });

  test("to get_config can be one section, or one keyword of it", async () => {
    const ask = (params: Readonly<Record<string, string>>) => house.client.call("get_config", params);
    expect(await ask({ section: "misc", keyword: "complete_dir" })).toEqual({
      config: { misc: { complete_dir: "/mnt/newsreel/completed" } },
    });
    expect(await ask({ section: "categories", keyword: "tv" })).toMatchObject({
      config: { categories: [{ dir: "tv" }] },
    });
    expect(await ask({ section: "rss" })).toEqual({ config: {} });
    expect(await ask({ section: "misc", keyword: "constructor" })).toEqual({ config: { misc: {} } });
  });

  test("to get_cats has the usual categories and those of the library", async () => {
    house.catalog.addRelease({ category: "anime", name: "Film", digest: "x", posts: [], files: [] });
    expect(await house.client.call("get_cats")).toEqual({
      categories: ["*", "movies", "tv", "music", "books", "anime"],
    });
  });

  test.each(["shutdown", "restart", "showlog"])("to %s is a refusal that says where to go instead", async (mode) => {
    await expect(house.client.call(mode)).rejects.toThrow(/not (?:stopped|restarted|shown)/);
  });
});
