import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import type { JobState } from "../../src/catalog/jobs.ts";
import { rejection, settle } from "../import/workshop.ts";
import { nzb, Shelf } from "./shelf.ts";

const states = (shelf: Shelf): readonly JobState[] => shelf.jobs().map(({ state }) => state);
const DAY = 24 * 60 * 60 * 1000;

function codeOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
}

async function submit(shelf: Shelf, bytes: Uint8Array): Promise<void> {
  const body = (async function* () {
    yield bytes;
  })();
  const { signal } = new AbortController();
  await shelf.intake.submit({ body, fileName: "api.nzb", category: "tv", signal });
}

describe("the folder that takes NZBs", () => {
  test("has the configured categories and those of the library, each once, in order", async () => {
    await using shelf = await Shelf.open({ categories: ["tv", "default", "movies", "music"] });
    shelf.addFilm("tv");
    shelf.addFilm("anime");
    shelf.addFilm("\u{ff5e}");
    shelf.addFilm("\u{1f600}");
    const all = ["anime", "default", "movies", "music", "tv", "\u{ff5e}", "\u{1f600}"];
    expect(shelf.names("/nzbs")).toEqual(all);
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.put("/nzbs/b.nzb", nzb(2));
    const more = ["anime", "b.nzb", "b.nzb.progress.txt", ...all.slice(1)];
    for (const limit of [1, 2, 3, 100]) expect(shelf.paged("/nzbs", limit)).toEqual(more);
    expect(shelf.find("/nzbs/anime")).toMatchObject({ kind: "collection", name: "anime" });
  });

  test("any other folder has to be made, and goes again", async () => {
    await using shelf = await Shelf.open();
    expect(shelf.find("/nzbs/new")).toBeUndefined();
    expect(await rejection(shelf.put("/nzbs/new/a.nzb", nzb(1)))).toMatchObject({ code: "PARENT_MISSING" });
    shelf.make("/nzbs/new");
    expect(codeOf(() => shelf.make("/nzbs/new"))).toBe("PATH_TAKEN");
    await shelf.put("/nzbs/new/a.nzb", nzb(1));
    expect(shelf.jobs()).toMatchObject([{ category: "new" }]);
    shelf.remove("/nzbs/new");
    expect(shelf.find("/nzbs/new")).toBeUndefined();
  });

  test("keeps its categories whatever is done to them", async () => {
    await using shelf = await Shelf.open();
    shelf.addFilm("anime");
    shelf.make("/nzbs/mine");
    for (const category of ["tv", "anime"]) {
      expect(codeOf(() => shelf.remove(`/nzbs/${category}`))).toBe("FORBIDDEN");
      expect(codeOf(() => shelf.make(`/nzbs/${category}`))).toBe("PATH_TAKEN");
      expect(await rejection(shelf.move(`/nzbs/${category}`, "/nzbs/x"))).toMatchObject({ code: "FORBIDDEN" });
      expect(await rejection(shelf.move("/nzbs/mine", `/nzbs/${category}`))).toMatchObject({ code: "FORBIDDEN" });
    }
    expect(shelf.names("/nzbs")).toEqual(["anime", "mine", "movies", "tv"]);
  });

  test("a file that was there first is no category of the library", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/anime", "text");
    shelf.addFilm("anime");
    expect(shelf.find("/nzbs/anime")?.kind).toBe("resource");
    shelf.remove("/nzbs/anime");
    expect(shelf.find("/nzbs/anime")?.kind).toBe("collection");
  });

  test("has the time of its content, not of the process", async () => {
    await using shelf = await Shelf.open();
    const times = () => ["/", "/nzbs", "/nzbs/tv"].map((path) => shelf.find(path)?.modifiedAt);
    const before = times();
    shelf.clock.advance(DAY);
    await shelf.reopen();
    expect(times()).toEqual(before);
    shelf.addFilm("anime");
    const now = shelf.clock.wall();
    expect(times()).toEqual([now, now, before[2]]);
    shelf.clock.advance(DAY);
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    const then = shelf.clock.wall();
    expect(times()).toEqual([then, then, then]);
  });
});

describe("an NZB that is put", () => {
  test.each<[string, string, (bytes: Buffer) => Buffer]>([
    ["/nzbs/tv/A Film.nzb", "tv", (bytes) => bytes],
    ["/nzbs/tv/A Film.NZB", "tv", (bytes) => bytes],
    ["/nzbs/movies/A Film.nzb.gz", "movies", (bytes) => gzipSync(bytes)],
    ["/nzbs/A Film.nzb", "default", (bytes) => bytes],
    ["/nzbs/tv/some/folder/A Film.nzb", "tv", (bytes) => bytes],
  ])("at %s is imported into %s and kept as it came", async (path, category, pack) => {
    await using shelf = await Shelf.open();
    shelf.make("/nzbs/tv/some");
    shelf.make("/nzbs/tv/some/folder");
    const bytes = pack(nzb(1));
    expect(await shelf.put(path, bytes, bytes.length)).toBe("created");
    expect(shelf.jobs()).toMatchObject([{ state: "queued", category, name: "A Film" }]);
    const chunks: Buffer[] = [];
    for await (const chunk of shelf.read(path, 0, bytes.length)) chunks.push(Buffer.from(chunk));
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(shelf.find(path)).toMatchObject({ kind: "resource", size: bytes.length });
  });

  test("is one import however often it is put, at once or one after the other", async () => {
    await using shelf = await Shelf.open();
    const put = () => shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await Promise.all([put(), put(), shelf.put("/nzbs/tv/b.nzb", nzb(1))]);
    expect(await put()).toBe("replaced");
    expect(states(shelf)).toEqual(["queued"]);
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.progress.txt", "b.nzb", "b.nzb.progress.txt"]);
  });

  test("in place of another takes over: the other is not imported if that has not begun", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.put("/nzbs/tv/a.nzb", nzb(2));
    expect(states(shelf)).toEqual(["cancelled", "queued"]);
  });

  test("that is refused is not kept; a text says why, until another one is put there", async () => {
    await using shelf = await Shelf.open();
    expect(await rejection(shelf.put("/nzbs/tv/a.nzb", "no NZB at all"))).toMatchObject({ code: "NZB_MALFORMED" });
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb.error.txt"]);
    expect(await shelf.text("/nzbs/tv/a.nzb.error.txt")).toMatch(/^a\.nzb was not imported, and is not kept\.\n.+\n/);
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.progress.txt"]);
  });

  test.each<[string, string, Buffer, number | undefined, string, string]>([
    ["too large, announced", "/nzbs/tv/a.nzb", Buffer.alloc(0), 5000, "BODY_TOO_LARGE", "imports.maxNzbBytes"],
    ["too large, chunked", "/nzbs/tv/a.nzb", Buffer.alloc(5000, "<nzb>"), undefined, "BODY_TOO_LARGE", "gzip"],
    ["in a folder that cannot be one", "/nzbs/a:b/a.nzb", nzb(1), undefined, "BAD_REQUEST", "one name without slashes"],
  ])("that is %s is refused with a text that says what to do", async (_what, path, bytes, length, code, hint) => {
    await using shelf = await Shelf.open({ maxNzbBytes: 4000 });
    shelf.make("/nzbs/a:b");
    const error = await rejection(shelf.put(path, bytes, length));
    expect(error).toMatchObject({ code, hint: expect.stringContaining(hint) });
    expect(await shelf.text(`${path}.error.txt`)).toContain(hint);
    expect(shelf.find(path)).toBeUndefined();
    expect(shelf.jobs()).toEqual([]);
  });

  test("that is too large by what is announced is refused before a byte of it is read", async () => {
    await using shelf = await Shelf.open({ maxNzbBytes: 4000 });
    let wasRead = false;
    const body = (function* () {
      wasRead = true;
      yield nzb(1);
    })();
    await rejection(shelf.put("/nzbs/tv/a.nzb", body, 4001));
    await rejection(shelf.put("/nzbs/tv/a.partial", body, 4001));
    expect(wasRead).toBe(false);
  });

  test("whose sender leaves is neither kept nor imported nor blamed", async () => {
    await using shelf = await Shelf.open();
    const leaving = new AbortController();
    const body = (async function* () {
      yield nzb(1).subarray(0, 100);
      leaving.abort(new Error("left"));
      yield nzb(1).subarray(100);
    })();
    const put = shelf.tree.put(["nzbs", "tv", "a.nzb"], { body, length: undefined, signal: leaving.signal });
    expect(await rejection(put)).toMatchObject({ message: "left" });
    expect([shelf.names("/nzbs/tv"), shelf.jobs()]).toEqual([[], []]);
  });

  test("whose place goes while it comes is not imported", async () => {
    await using shelf = await Shelf.open();
    shelf.make("/nzbs/new");
    const body = (function* () {
      yield nzb(1).subarray(0, 100);
      shelf.remove("/nzbs/new");
      yield nzb(1).subarray(100);
    })();
    expect(await rejection(shelf.put("/nzbs/new/a.nzb", body))).toMatchObject({ code: "PARENT_MISSING" });
    expect(states(shelf)).toEqual(["cancelled"]);
  });
});

describe("a file under another name", () => {
  test("may be anything, and is imported when it is renamed", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb.partial", nzb(1));
    expect(shelf.jobs()).toEqual([]);
    await shelf.move("/nzbs/tv/a.nzb.partial", "/nzbs/tv/a.nzb");
    expect(shelf.jobs()).toMatchObject([{ state: "queued", category: "tv", name: "a" }]);
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.progress.txt"]);
    expect(await shelf.text("/nzbs/tv/a.nzb")).toBe(nzb(1).toString());
  });

  test("stays where it was when it is no NZB, and so does what it would have replaced", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.put("/nzbs/tv/tmp", "no NZB");
    expect(await rejection(shelf.move("/nzbs/tv/tmp", "/nzbs/tv/a.nzb"))).toMatchObject({ code: "NZB_MALFORMED" });
    expect(shelf.names("/nzbs/tv")).toEqual(["a.nzb", "a.nzb.error.txt", "a.nzb.progress.txt", "tmp"]);
    expect(await shelf.text("/nzbs/tv/a.nzb.error.txt")).toContain("not imported");
    expect(states(shelf)).toEqual(["queued"]);
  });

  test("that changes while it is being imported is not renamed, and not imported", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/tmp", nzb(1));
    const move = shelf.move("/nzbs/tv/tmp", "/nzbs/tv/a.nzb");
    shelf.remove("/nzbs/tv/tmp");
    await shelf.put("/nzbs/tv/tmp", nzb(2));
    expect(await rejection(move)).toMatchObject({ code: expect.stringMatching("CONFLICT|PATH_MISSING") });
    expect(shelf.names("/nzbs/tv")).toEqual(["tmp"]);
    expect(states(shelf).filter((state) => state !== "cancelled")).toEqual([]);
  });

  test("an NZB that is moved to another category is imported there instead", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.move("/nzbs/tv/a.nzb", "/nzbs/movies/a.nzb");
    expect(shelf.jobs()).toMatchObject([
      { state: "cancelled", category: "tv" },
      { state: "queued", category: "movies" },
    ]);
    expect(shelf.names("/nzbs/tv")).toEqual([]);
  });

  test("an NZB that is renamed is the import that it was", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.move("/nzbs/tv/a.nzb", "/nzbs/tv/b.nzb");
    expect(states(shelf)).toEqual(["queued"]);
    expect(shelf.names("/nzbs/tv")).toEqual(["b.nzb", "b.nzb.progress.txt"]);
  });

  test("a copy of an NZB and the removal of the first are no end of the import", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.copy("/nzbs/tv/a.nzb", "/nzbs/tv/b.nzb");
    shelf.remove("/nzbs/tv/a.nzb");
    expect(states(shelf)).toEqual(["queued"]);
    expect(shelf.names("/nzbs/tv")).toEqual(["b.nzb", "b.nzb.progress.txt"]);
  });

  test("the copy of a folder imports nothing again", async () => {
    await using shelf = await Shelf.open();
    shelf.make("/nzbs/mine");
    await shelf.put("/nzbs/mine/a.nzb", nzb(1));
    await shelf.copy("/nzbs/mine", "/nzbs/other");
    await shelf.copy("/nzbs/movies", "/nzbs/empty");
    expect(states(shelf)).toEqual(["queued"]);
    expect(shelf.names("/nzbs/other")).toEqual(["a.nzb"]);
    expect(shelf.names("/nzbs/empty")).toEqual([]);
  });
});

describe("what a client deletes", () => {
  test.each<[JobState, JobState]>([
    ["queued", "cancelled"],
    ["waiting", "cancelled"],
    ["paused", "cancelled"],
    ["importing", "cancelled"],
    ["completed", "completed"],
    ["failed", "failed"],
  ])("while its import is %s leaves that %s", async (before, after) => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    const [job] = shelf.jobs();
    if (before === "completed") shelf.completeNext();
    else if (before === "importing") shelf.catalog.jobs.claim();
    else if (before === "failed") shelf.failNext("broken", "try another");
    else if (before !== "queued") shelf.catalog.jobs.update(job?.id as never, { state: before });
    shelf.remove("/nzbs/tv/a.nzb");
    expect(states(shelf)).toEqual([after]);
    expect(shelf.names("/nzbs/tv")).toEqual([]);
  });

  test("with a folder takes all imports in it along, however many, a few in each turn", async () => {
    await using shelf = await Shelf.open();
    shelf.make("/nzbs/mine");
    shelf.make("/nzbs/mine/inner");
    for (let number = 0; number < 30; number += 1) {
      await shelf.put(`/nzbs/mine/${number % 2 ? "inner/" : ""}${number}.nzb`, nzb(number));
    }
    shelf.remove("/nzbs/mine");
    expect(states(shelf).filter((state) => state === "cancelled")).toHaveLength(20);
    await settle();
    expect(states(shelf).filter((state) => state === "cancelled")).toHaveLength(30);
  });

  test("is no end of an import that another dropped file asked for, over a restart too", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.put("/nzbs/tv/b.nzb", nzb(1));
    await shelf.reopen();
    shelf.remove("/nzbs/tv/a.nzb");
    expect(states(shelf)).toEqual(["queued"]);
    shelf.remove("/nzbs/tv/b.nzb");
    expect(states(shelf)).toEqual(["cancelled"]);
  });

  test("with a folder is no end of an import that a file elsewhere asked for", async () => {
    await using shelf = await Shelf.open();
    shelf.make("/nzbs/tv/mine");
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await shelf.put("/nzbs/tv/mine/a.nzb", nzb(1));
    shelf.remove("/nzbs/tv/mine");
    expect(states(shelf)).toEqual(["queued"]);
  });

  test.each<["file" | "request" | "restart", ...("file" | "request" | "restart")[]]>([
    ["request", "file"],
    ["request", "restart", "file"],
    ["file", "request"],
    ["file", "restart", "request"],
    ["file", "request", "restart"],
    ["file", "request", "file", "restart"],
  ])("is not the import of somebody else, who came in this order: %s, %s %s %s", async (...steps) => {
    await using shelf = await Shelf.open();
    for (const step of steps) {
      if (step === "restart") await shelf.reopen();
      else if (step === "file") await shelf.put("/nzbs/tv/a.nzb", nzb(1));
      else await submit(shelf, nzb(1));
    }
    shelf.remove("/nzbs/tv/a.nzb");
    expect(states(shelf)).toEqual(["queued"]);
  });

  test("is the end of an import that only dropped files asked for, whatever else somebody asked for", async () => {
    await using shelf = await Shelf.open();
    await shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await submit(shelf, nzb(2));
    await shelf.reopen();
    shelf.remove("/nzbs/tv/a.nzb");
    expect(states(shelf)).toEqual(["cancelled", "queued"]);
  });
});

describe("what is carried over from the library", () => {
  test("is imported when it is an NZB; moved, it goes to the trash there", async () => {
    await using shelf = await Shelf.open();
    shelf.make("/library/tv");
    await shelf.put("/library/tv/a.nzb", nzb(1));
    await shelf.copy("/library/tv/a.nzb", "/nzbs/tv/a.nzb");
    expect(shelf.find("/library/tv/a.nzb")).toBeDefined();
    await shelf.move("/library/tv/a.nzb", "/nzbs/movies/b.nzb");
    expect(shelf.find("/library/tv/a.nzb")).toBeUndefined();
    expect(shelf.catalog.trash.list({ limit: 10 })).toMatchObject([{ path: "tv/a.nzb" }]);
    expect(shelf.jobs()).toMatchObject([{ category: "tv" }, { category: "movies" }]);
  });

  test("stays there when it is refused", async () => {
    await using shelf = await Shelf.open();
    shelf.make("/library/tv");
    await shelf.put("/library/tv/a.nzb", "no NZB");
    expect(await rejection(shelf.move("/library/tv/a.nzb", "/nzbs/tv/a.nzb"))).toMatchObject({ code: "NZB_MALFORMED" });
    expect(await shelf.text("/library/tv/a.nzb")).toBe("no NZB");
  });

  test("cannot be a folder or a posted file, nor go the other way", async () => {
    await using shelf = await Shelf.open();
    const film = shelf.addFilm();
    await shelf.put("/nzbs/tv/a.txt", "text");
    for (const [from, to] of [
      [film, "/nzbs/tv/film.mkv"],
      ["/library/movies", "/nzbs/mine"],
      ["/nzbs/tv/a.txt", "/library/movies/a.txt"],
    ] as const) {
      const refusal = { code: "FORBIDDEN", hint: expect.stringContaining("put it where it is to be") };
      expect(await rejection(Promise.resolve().then(() => shelf.move(from, to)))).toMatchObject(refusal);
      expect(await rejection(Promise.resolve().then(() => shelf.copy(from, to)))).toMatchObject(refusal);
    }
  });
});
