import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { JobId } from "../../src/catalog/jobs.ts";
import { until } from "../until.ts";
import { Desk } from "./desk.ts";

const HOUR_MS = 60 * 60 * 1000;

function open(): { readonly desk: Desk; readonly strmFolder: string } {
  const desk = new Desk();
  const strmFolder = join(desk.folder, "strm");
  mkdirSync(strmFolder);
  return { desk, strmFolder };
}

function names(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
}

describe("style strm", () => {
  test("writes one file for each film, with the URL of what the library has, readable by everybody", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    const before = process.umask(0o077);
    const job = desk.complete({ name: "Show é", files: ["a #1.mkv", "a.nfo", "extras/b.mp4"] });
    desk.start({ strmFolder });
    await desk.ready(job).finally(() => process.umask(before));
    const top = join(strmFolder, "tv/Show é");
    expect(names(top)).toEqual([".newsreel", "a #1.mkv.strm", "extras", "extras/b.mp4.strm"]);
    expect(readFileSync(join(top, "a #1.mkv.strm"), "utf8")).toBe(
      "http://me:pw@nas:8119/news/dav/library/tv/Show%20%C3%A9/a%20%231.mkv\n",
    );
    expect(statSync(join(top, "a #1.mkv.strm")).mode & 0o777).toBe(0o644);
    expect(desk.trouble()).toEqual([]);
  });

  test("waits for a disk that is not there, longer and longer, and says so once; then goes on", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    renameSync(strmFolder, `${strmFolder}-away`);
    const job = desk.complete();
    desk.start({ strmFolder });
    for (const ms of [1_000, 2_000, 4_000, 8_000]) {
      await until(() => desk.clock.waits.includes(ms));
      desk.clock.advance(ms);
    }
    await until(() => desk.clock.waits.includes(16_000));
    expect(desk.isReady(job)).toBe(false);
    expect(desk.trouble()).toHaveLength(1);
    expect(desk.trouble()[0]).toContain("ENOENT");
    renameSync(`${strmFolder}-away`, strmFolder);
    desk.clock.advance(16_000);
    await desk.ready(job);
    await until(() => desk.logged.at(-1)?.message === ".strm files can be written again");
  });

  test("one job that cannot be written does not hold up the others", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    writeFileSync(join(strmFolder, "blocked"), "a file where a folder should be");
    const blocked = desk.complete({ category: "blocked" });
    const other = desk.complete();
    desk.start({ strmFolder });
    await desk.ready(other);
    expect(desk.isReady(blocked)).toBe(false);
    await until(() => desk.clock.waits.includes(1_000));
    desk.clock.advance(1_000);
    await until(() => desk.clock.waits.includes(2_000));
    // Others that are written do not mean that all is well again.
    expect(desk.logged).toHaveLength(1);
  });

  test("leaves out a file whose name the disk cannot hold", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    const job = desk.complete({ files: [`${"n".repeat(251)}.mkv`, "b.mkv"] });
    desk.start({ strmFolder });
    await desk.ready(job);
    expect(names(join(strmFolder, "tv/Show S01E01"))).toEqual([".newsreel", "b.mkv.strm"]);
    expect(desk.trouble()).toHaveLength(1);
  });

  test("replaces what an earlier try has left, whole or broken off", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    const top = join(strmFolder, "tv/Show S01E01");
    mkdirSync(top, { recursive: true });
    writeFileSync(join(top, "Show S01E01.mkv.strm"), "http://");
    const job = desk.complete();
    desk.start({ strmFolder });
    await desk.ready(job);
    expect(readFileSync(join(top, "Show S01E01.mkv.strm"), "utf8")).toContain("/dav/library/tv/");
  });
});

describe("what is removed", () => {
  test("leaves the disk within an hour, if nothing but what was written here is left of it", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    const [kept, gone, mixed] = ["Kept", "Gone", "Mixed"].map((name) =>
      desk.complete({ name, files: ["a.mkv", "extras/b.mkv"] }),
    ) as [ReturnType<Desk["complete"]>, ReturnType<Desk["complete"]>, ReturnType<Desk["complete"]>];
    mkdirSync(join(strmFolder, "tv/Somebody else's"), { recursive: true });
    writeFileSync(join(strmFolder, "tv/Somebody else's/c.mkv.strm"), "http://");
    desk.start({ strmFolder });
    await desk.ready(kept, gone, mixed);
    writeFileSync(join(strmFolder, "tv/Mixed/extras/mine.txt"), "mine");
    desk.catalog.jobs.archive(gone);
    desk.catalog.completed.remove(mixed);
    desk.clock.advance(HOUR_MS);
    await until(() => !existsSync(join(strmFolder, "tv/Gone")));
    await desk.stop();
    expect(names(join(strmFolder, "tv")).filter((name) => !name.includes("/"))).toEqual([
      "Kept",
      "Mixed",
      "Somebody else's",
    ]);
    expect(names(join(strmFolder, "tv/Mixed"))).toEqual([
      ".newsreel",
      "a.mkv.strm",
      "extras",
      "extras/b.mkv.strm",
      "extras/mine.txt",
    ]);
    expect(desk.trouble()).toEqual([]);
  });

  test.each<[string, (desk: Desk, job: JobId) => unknown]>([
    ["archived", ({ catalog }, job) => catalog.jobs.archive(job)],
    ["removed", ({ catalog }, job) => catalog.jobs.remove(job)],
    ["taken away by a client", ({ catalog }, job) => catalog.completed.removeEntry(job, "")],
  ])("leaves the disk a second after its job was %s, and nobody looks where nothing was", async (_, forget) => {
    const { desk, strmFolder } = open();
    await using _desk = desk;
    const [gone, kept] = [desk.complete({ name: "Gone" }), desk.complete({ name: "Kept" })];
    desk.start({ strmFolder });
    await desk.ready(gone, kept);
    desk.sweepSoon();
    expect(desk.clock.waits).toEqual([]);
    forget(desk, gone);
    for (let times = 0; times < 3; times += 1) desk.sweepSoon();
    expect(desk.clock.waits).toEqual([1_000]);
    desk.clock.advance(1_000);
    await until(() => !existsSync(join(strmFolder, "tv/Gone")));
    expect(names(join(strmFolder, "tv"))).toEqual(["Kept", "Kept/.newsreel", "Kept/Show S01E01.mkv.strm"]);
    desk.sweepSoon();
    expect(desk.clock.waits).toEqual([]);
    // What was removed is told of as soon as the next one may be looked for.
    forget(desk, kept);
    desk.sweepSoon();
    desk.clock.advance(1_000);
    await until(() => !existsSync(join(strmFolder, "tv/Kept")));
    expect(desk.trouble()).toEqual([]);
  });

  test("leaves the disk at the next start too", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    const job = desk.complete();
    desk.start({ strmFolder });
    await desk.ready(job);
    await desk.stop();
    desk.catalog.jobs.archive(job);
    desk.start({ strmFolder });
    await until(() => readdirSync(join(strmFolder, "tv")).length === 0);
  });

  test("is what a client may have removed from the disk itself", async () => {
    const { desk, strmFolder } = open();
    await using _ = desk;
    const job = desk.complete({ files: ["a.mkv", "extras/b.mkv"] });
    desk.start({ strmFolder });
    await desk.ready(job);
    execFileSync("rm", ["-r", join(strmFolder, "tv/Show S01E01")]);
    desk.catalog.jobs.archive(job);
    desk.clock.advance(HOUR_MS);
    await desk.stop();
    expect(desk.trouble()).toEqual([]);
  });
});
