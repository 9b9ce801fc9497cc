import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import { rejection } from "../import/workshop.ts";
import { nzb, Shelf } from "./shelf.ts";

const PROGRESS = "/nzbs/tv/a.nzb.progress.txt";
const ERROR = "/nzbs/tv/a.nzb.error.txt";

async function dropped(): Promise<Shelf> {
  const shelf = await Shelf.open();
  await shelf.put("/nzbs/tv/a.nzb", nzb(1));
  return shelf;
}

describe("the text beside an NZB", () => {
  test("tells of its import in plain words, and is another one when that has changed", async () => {
    await using shelf = await dropped();
    expect(await shelf.text(PROGRESS)).toBe(
      "state: queued: it is imported when its turn comes\ndone: 0 %\n" +
        "since: 2026-01-01T00:00:00.000Z\nlast change: 2026-01-01T00:00:00.000Z\n",
    );
    const before = shelf.find(PROGRESS);
    expect(before).toMatchObject({ kind: "resource", modifiedAt: shelf.clock.wall(), contentType: /^text\/plain/ });
    shelf.clock.advance(60_000);
    expect(shelf.find(PROGRESS)).toEqual(before);
    const job = shelf.catalog.jobs.claim();
    shelf.catalog.jobs.update(job?.id as never, { progress: 0.429, reason: "reading the first articles" });
    expect(await shelf.text(PROGRESS)).toMatch(/^state: importing\ndone: 42 %\nreason: reading the first articles\n/);
    const after = shelf.find(PROGRESS);
    expect(after?.modifiedAt).toBe(shelf.clock.wall());
    expect(after?.etag).not.toBe(before?.etag);
    shelf.catalog.jobs.update(job?.id as never, { progress: 0.5 });
    expect(shelf.find(PROGRESS)?.etag).not.toBe(after?.etag);
  });

  test("says what a job waits for, and until when", async () => {
    await using shelf = await dropped();
    const [job] = shelf.jobs();
    const reason = "somebody is watching";
    shelf.catalog.jobs.update(job?.id as never, { state: "waiting", reason, notBefore: shelf.clock.wall() + 5000 });
    expect(await shelf.text(PROGRESS)).toMatch(
      /^state: waiting: .+\n.+\nreason: somebody is watching\n(?:.+\n){2}next try: 2026-01-01T00:00:05\.000Z\n$/,
    );
  });

  test("is gone when the import is done", async () => {
    await using shelf = await dropped();
    shelf.completeNext();
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb"]);
    expect(shelf.find(PROGRESS)).toBeUndefined();
  });

  test("says why the import failed and what to do; deleted, it does not come back, not even after a restart", async () => {
    await using shelf = await dropped();
    shelf.failNext("the archive is compressed", "ask for another post");
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.error.txt"]);
    expect(await shelf.text(ERROR)).toMatch(
      /could not be imported\.\nthe archive is compressed\nask for another post\n/,
    );
    shelf.setProperty("/nzbs/tv/a.nzb", "a", "1");
    shelf.remove(ERROR);
    await shelf.reopen();
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb"]);
    expect(shelf.find(ERROR)).toBeUndefined();
    expect(shelf.find("/nzbs/tv/a.nzb")?.properties).toHaveLength(1);
    // Another try may fail as well, and then says so.
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    shelf.failNext("again", "give up");
    expect(await shelf.text(ERROR)).toContain("again");
  });

  test("cannot be changed in any way", async () => {
    await using shelf = await dropped();
    await shelf.put("/nzbs/tv/text", "text");
    for (const attempt of [
      () => shelf.put(PROGRESS, "mine"),
      () => shelf.move(PROGRESS, "/nzbs/tv/b.txt"),
      () => shelf.move("/nzbs/tv/text", PROGRESS),
      () => shelf.copy("/nzbs/tv/text", PROGRESS),
      async () => shelf.setProperty(PROGRESS, "a", "1"),
      async () => shelf.remove(PROGRESS),
    ]) {
      expect(await rejection(attempt())).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.progress.txt", "text"]);
  });

  test("may be a file of one's own where there is nothing to tell", async () => {
    await using shelf = await Shelf.open();
    await shelf.put(PROGRESS, "mine");
    expect(await shelf.text(PROGRESS)).toBe("mine");
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.progress.txt"]);
    expect(await shelf.text(PROGRESS)).toBe("mine");
    shelf.remove(PROGRESS);
    expect(await shelf.text(PROGRESS)).toContain("state: queued");
  });

  test("is not there for a name so long that nobody could ask for it", async () => {
    await using shelf = await Shelf.open();
    const name = `${"n".repeat(251)}.nzb`;
    await shelf.put(`/nzbs/tv/${name}`, nzb(1));
    expect(shelf.names("/nzbs/tv")).toEqual([name]);
  });

  test("reads any part of it", async () => {
    await using shelf = await dropped();
    const chunks: Buffer[] = [];
    for await (const chunk of shelf.read(PROGRESS, 7, 13)) chunks.push(Buffer.from(chunk));
    expect(Buffer.concat(chunks).toString()).toBe("queued");
    await expect(shelf.read(ERROR, 0, 1).next()).rejects.toMatchObject({ code: "PATH_MISSING" });
  });
});

describe("a folder with texts in it", () => {
  /** Names between an NZB and its text, in the order of bytes, and texts of more than one NZB after them. */
  const NAMES = [
    "a.nzb",
    "a.nzb 2.nzb",
    "a.nzb-x",
    "a.nzb.gz",
    "a.nzb.gz.nzb",
    "a.nzb.aaa",
    "a.nzb.zzz",
    "a.nzb\u{1f600}.nzb",
  ];

  test("lists each once and in order, whatever the page size", async () => {
    await using shelf = await Shelf.open();
    for (const [number, name] of NAMES.entries()) await shelf.put(`/nzbs/tv/${name}`, nzb(number));
    const texts = NAMES.filter((name) => /\.nzb(\.gz)?$/.test(name)).map((name) => `${name}.progress.txt`);
    const expected = [...NAMES, ...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    for (let limit = 1; limit <= expected.length + 1; limit += 1)
      expect(shelf.paged("/nzbs/tv", limit)).toEqual(expected);
    for (const name of expected) {
      const [listed] = shelf.tree.list(["nzbs", "tv"], undefined, 100).filter((entry) => entry.name === name);
      expect(shelf.find(`/nzbs/tv/${name}`)).toEqual(listed);
    }
  });

  test("of thousands of NZBs asks the catalog for no more than a page of them at a time", async () => {
    await using shelf = await Shelf.open();
    const { drops, contents, jobs } = shelf.catalog;
    drops.makeFolder("tv");
    for (let number = 0; number < 5_000; number += 1) {
      const name = `tv/${String(number).padStart(5, "0")}.nzb`;
      using content = contents.begin();
      drops.putSidecar(name, content);
      const digest = String(number);
      drops.setJob(
        name,
        jobs.add({ name, category: "tv", digest, passwords: [], nzb: Buffer.alloc(0), bytes: 0 }).job.id,
      );
    }
    let [listed, found, asked] = [0, 0, 0];
    const { list, find } = drops;
    const { get } = jobs;
    Object.assign(drops, {
      list: (...call: Parameters<typeof list>) => {
        const page = list(...call);
        listed += page.length;
        return page;
      },
      find: (path: string) => {
        found += 1;
        return find(path);
      },
    });
    Object.assign(jobs, {
      get: (id: string) => {
        asked += 1;
        return get(id);
      },
    });
    const page = shelf.tree.list(["nzbs", "tv"], "03000.nzb", 250);
    expect([page[0]?.name, page[1]?.name, page[249]?.name]).toEqual([
      "03000.nzb.progress.txt",
      "03001.nzb",
      "03125.nzb",
    ]);
    expect([listed, found, asked]).toEqual([250, 1, 251]);
    expect(errorCode(await rejection(shelf.put("/nzbs/tv/03000.nzb.progress.txt", "x")))).toBe("FORBIDDEN");
  });
});
