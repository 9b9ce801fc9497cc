import { getEventListeners } from "node:events";
import { describe, expect, test } from "@jest/globals";
import { type VerifyFinding, type VerifyProgress, type VerifyReport, verify } from "../../src/health/verify.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import type { PostedFile } from "../../src/newsserver/posted-file.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import type { ArticleSource } from "../../src/nntp/article-source.ts";
import { type System, startSystem } from "../app/fixture.ts";
import { ListenerWatch } from "../app/listener-watch.ts";
import { until } from "../until.ts";

const PART = 1_000;
type Line = VerifyProgress | VerifyFinding | VerifyReport;

function check(system: System, path: string, signal = new AbortController().signal, source?: ArticleSource) {
  return verify({ catalog: system.app.catalog, source: source ?? system.app.pool }, path, { signal });
}

async function linesOf(lines: AsyncIterable<Line>): Promise<Line[]> {
  const all: Line[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

/** The library path of a film of so many articles, and its post. */
async function addFilm(system: System, articles: number): Promise<{ path: string; posted: PostedFile }> {
  const { path, posted } = await system.addPattern({ size: articles * PART, partSize: PART });
  for (const server of system.servers) server.counters.reset();
  return { path: decodeURIComponent(path.slice("/dav/library/".length)), posted };
}

const missing = (system: System, server: number, ids: readonly string[]) =>
  system.servers[server]?.behave({ faults: (id) => (ids.includes(id) ? "missing" : undefined) });

describe("verify, over the wire", () => {
  test("a file is healthy when every article is there; each is asked for once, and none is fetched", async () => {
    await using system = await startSystem();
    const { path } = await addFilm(system, 200);
    const lines = await linesOf(check(system, path));
    expect(lines.at(-1)).toEqual({ checked: 200, total: 200, missing: 0, unknown: 0, verdict: "healthy" });
    const [server] = system.servers;
    expect([...(server?.counters.stats.values() ?? [])]).toEqual(Array(200).fill(1));
    expect(server?.counters.bodies.size).toBe(0);
  });

  test("a sidecar among the files has no articles to ask for", async () => {
    await using system = await startSystem();
    const { path } = await addFilm(system, 20);
    const folder = path.slice(0, path.lastIndexOf("/"));
    using content = system.app.catalog.contents.begin();
    content.write(Buffer.from("plot: unknown"));
    system.app.catalog.putSidecar(`${folder}/film.nfo`, content);
    expect((await linesOf(check(system, folder))).at(-1)).toMatchObject({ checked: 20, total: 20, verdict: "healthy" });
    expect((await linesOf(check(system, `${folder}/film.nfo`))).at(-1)).toMatchObject({ total: 0, verdict: "healthy" });
  });

  test("progress is told on the way, and only grows", async () => {
    await using system = await startSystem();
    const { path } = await addFilm(system, 200);
    const lines = (await linesOf(check(system, path))) as VerifyProgress[];
    expect(lines.map(({ checked }) => checked)).toEqual([64, 128, 192, 200]);
    expect(new Set(lines.map(({ total }) => total))).toEqual(new Set([200]));
  });

  test("what one provider lacks and another has is healthy", async () => {
    await using system = await startSystem({ providers: [{}, { backup: true }] });
    const { path, posted } = await addFilm(system, 20);
    missing(system, 0, [posted.idOf(3), posted.idOf(9)]);
    expect((await linesOf(check(system, path))).at(-1)).toMatchObject({ missing: 0, verdict: "healthy" });
    expect(system.servers[1]?.counters.commands.STAT).toBe(2);
  });

  test("what no provider has is damage, told with the file", async () => {
    await using system = await startSystem({ providers: [{}, {}] });
    const { path, posted } = await addFilm(system, 20);
    for (const server of [0, 1]) missing(system, server, [posted.idOf(3), posted.idOf(9)]);
    expect(await linesOf(check(system, path))).toEqual([
      { file: `/library/${path}`, articles: 20, missing: 2, unknown: 0 },
      { checked: 20, total: 20, missing: 2, unknown: 0, verdict: "damaged" },
    ]);
  });

  test("a part that the NZB does not list is damage", async () => {
    await using system = await startSystem();
    const file = system.store.addFile({ name: "film.mkv", content: patternContent(1, 12 * PART), partSize: PART });
    const { subject, poster, postedAt, groups } = file;
    const segments = [...file.segments].filter(({ number }) => number !== 5);
    await system.ended(await system.submit("Film", toNzb([{ subject, poster, postedAt, groups, segments }])));
    const report = (await linesOf(check(system, "test/Film/film.mkv"))).at(-1);
    expect(report).toMatchObject({ total: 12, missing: 1, verdict: "damaged" });
  });

  test("a part is there when an alternate article of it is", async () => {
    await using system = await startSystem();
    const content = patternContent(1, 12 * PART);
    const [one, other] = ["one", "other"].map((idPrefix) =>
      system.store.addFile({ name: "film.mkv", content, partSize: PART, idPrefix }),
    ) as [PostedFile, PostedFile];
    const { subject, poster, postedAt, groups } = one;
    const segments = [...one.segments, ...other.segments];
    await system.ended(await system.submit("Film", toNzb([{ subject, poster, postedAt, groups, segments }])));
    missing(system, 0, [one.idOf(4), one.idOf(7), other.idOf(7)]);
    const report = (await linesOf(check(system, "test/Film/film.mkv"))).at(-1);
    expect(report).toMatchObject({ total: 12, missing: 1, verdict: "damaged" });
  });

  test("while a provider is down nothing is missing for certain: unknown", async () => {
    await using system = await startSystem({ providers: [{}, { timeoutMs: 150 }] });
    const { path, posted } = await addFilm(system, 20);
    missing(system, 0, [posted.idOf(3)]);
    system.servers[1]?.behave({ greetingFault: "closeBeforeGreeting" });
    system.servers[1]?.drop("all");
    expect((await linesOf(check(system, path))).at(-1)).toEqual({
      checked: 20,
      total: 20,
      missing: 0,
      unknown: 1,
      verdict: "unknown",
    });
  });

  test("a folder is all files beneath it; those that are not healthy are named", async () => {
    await using system = await startSystem();
    const films = await Promise.all(Array.from({ length: 5 }, (_, number) => addFilm(system, 30 + number)));
    const bad = films[2] as (typeof films)[number];
    missing(system, 0, [bad.posted.idOf(1), bad.posted.idOf(32)]);
    const total = 30 + 31 + 32 + 33 + 34;
    for (const folder of ["", "test"]) {
      const lines = await linesOf(check(system, folder));
      expect(lines.filter((line) => "file" in line)).toEqual([
        { file: `/library/${bad.path}`, articles: 32, missing: 2, unknown: 0 },
      ]);
      expect(lines.at(-1)).toEqual({ checked: total, total, missing: 2, unknown: 0, verdict: "damaged" });
    }
    const release = bad.path.slice(0, bad.path.lastIndexOf("/"));
    expect((await linesOf(check(system, release))).at(-1)).toMatchObject({ total: 32, missing: 2 });
  });

  test("nothing of this path is refused", async () => {
    await using system = await startSystem();
    await expect(linesOf(check(system, "movies/nothing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("asks no further than its reader reads", async () => {
    await using system = await startSystem();
    const { path } = await addFilm(system, 1_000);
    const lines = check(system, path);
    await lines.next();
    await until(() => system.app.pool.waiting === 0);
    expect(system.servers[0]?.counters.commands.STAT).toBeLessThanOrEqual(128);
    await lines.return();
  });
});

describe("verify and its end", () => {
  test("no signal gets more listeners than it allows, and none stays behind", async () => {
    await using system = await startSystem();
    const { path } = await addFilm(system, 300);
    const watch = new ListenerWatch();
    const { signal } = new AbortController();
    await linesOf(check(system, path, signal, watch.over(system.app.pool)));
    expect(watch.most).toBeGreaterThan(10);
    expect(watch.overfull).toBe(0);
    expect(watch.left()).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test.each(["aborts", "leaves"])("a reader that %s ends every question", async (way) => {
    await using system = await startSystem();
    const { path } = await addFilm(system, 500);
    const controller = new AbortController();
    const watch = new ListenerWatch();
    const lines = check(system, path, controller.signal, watch.over(system.app.pool));
    await lines.next();
    using gate = system.servers[0]?.hold(({ verb }) => verb === "STAT") as Disposable & { arrived(): Promise<void> };
    const next = lines.next();
    await gate.arrived();
    const reason = new Error("enough");
    if (way === "aborts") {
      controller.abort(reason);
      await expect(next).rejects.toBe(reason);
    } else {
      // A generator that waits can only be left once it has something to say.
      gate[Symbol.dispose]();
      await next;
      await lines.return();
    }
    expect(system.app.pool.waiting).toBe(0);
    expect(watch.left()).toBe(0);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });
});
