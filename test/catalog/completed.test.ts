import { describe, expect, test } from "@jest/globals";
import type { CompletedFolder } from "../../src/catalog/completed.ts";
import type { JobId, NewJob } from "../../src/catalog/jobs.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import {
  countOf,
  fileOf,
  idOf,
  jobOf,
  type Library,
  library,
  openRows,
  purgeAll,
  put,
  releaseOf,
  wholePost,
} from "./fixture.ts";

const RELEASE = releaseOf();
const whole = wholePost(RELEASE.posts, 0);
/** Two films, one in a folder, and a subtitle that was unpacked beside it. */
const FILES = [
  fileOf("film.mkv", [whole]),
  fileOf("extras/more/short.mkv", [whole]),
  { path: "extras/short.srt", runs: [], content: Buffer.from("text"), modifiedAt: 0 },
];

interface Import {
  readonly job?: Partial<NewJob>;
  readonly mustAnnounce?: true;
}

function imported(catalog: SqliteCatalog, { job = {}, ...rest }: Import = {}): JobId {
  const { id } = catalog.jobs.add(jobOf({ whenCompleted: "a new job", ...job })).job;
  catalog.jobs.update(id, { state: "importing" });
  catalog.addRelease({ ...RELEASE, files: FILES, job: id, ...rest });
  return id;
}

function filesOf(catalog: SqliteCatalog, job: JobId): (readonly [string, string | undefined])[] {
  return catalog.completed.files(job).map(({ path, file }) => [path, file?.libraryPath]);
}

function at(catalog: SqliteCatalog, job: JobId, path = ""): string[] {
  return catalog.completed.entries(job, path, undefined, 100).map((entry) => entry.path);
}

const ALL = [
  ["film.mkv", "movies/Film/film.mkv"],
  ["extras/short.srt", "movies/Film/extras/short.srt"],
  ["extras/more/short.mkv", "movies/Film/extras/more/short.mkv"],
];

describe("the folder of a completed job", () => {
  test("appears with its completion, and refers to every file below the release's folder", () => {
    using shelf = library();
    const catalog = shelf.open();
    const job = imported(catalog, { job: { category: "tv", name: "The Job" } });
    const folder: CompletedFolder = {
      job,
      category: "tv",
      name: "The Job",
      createdAt: shelf.clock.wall(),
      isReady: true,
    };
    const { completed } = shelf.reopen();
    expect(completed.ofJob(job)).toEqual(folder);
    expect(completed.find("tv", "The Job")).toEqual(folder);
    expect(completed.categories()).toEqual(["tv"]);
    const reopened = shelf.reopen();
    expect(filesOf(reopened, job)).toEqual(ALL);
    expect([
      at(reopened, job),
      at(reopened, job, "extras"),
      at(reopened, job, "extras/more"),
      at(reopened, job, "no"),
    ]).toEqual([["extras", "film.mkv"], ["extras/more", "extras/short.srt"], ["extras/more/short.mkv"], []]);
    for (const [path, isSidecar] of [
      ["film.mkv", false],
      ["extras/short.srt", true],
    ] as const) {
      const { id, size, createdAt, modifiedAt, contentTag } = reopened.find(`movies/Film/${path}`) ?? {};
      const libraryPath = `movies/Film/${path}`;
      const file = { id, size, createdAt, modifiedAt, contentTag, isSidecar, libraryPath };
      expect(reopened.completed.entry(job, path)).toEqual({ path, file });
    }
    expect(reopened.completed.entry(job, "extras")).toEqual({ path: "extras", file: undefined });
    expect(reopened.completed.entry(job, "")).toEqual({ path: "", file: undefined });
    for (const path of ["nope", "extras/nope", "film.mkv/x"]) {
      expect(reopened.completed.entry(job, path)).toBeUndefined();
    }
    expect(reopened.completed.entry("nope" as JobId, "")).toBeUndefined();
  });

  test("does not appear when the release fails, or when there is no job", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog } = rows;
    const { id } = catalog.jobs.add(jobOf()).job;
    catalog.jobs.claim();
    const broken = fileOf("x.mkv", [{ post: 9, start: 0, end: 1 }]);
    expect(() => catalog.addRelease({ ...RELEASE, files: [...FILES, broken], job: id })).toThrow(RangeError);
    catalog.addRelease({ ...RELEASE, files: FILES });
    expect([countOf(rows.db, "completed"), countOf(rows.db, "completed_entry")]).toEqual([0, 0]);
  });

  test("of a release that is there already has what stands in its folder by now, whoever put it there", () => {
    using shelf = library();
    const catalog = shelf.open();
    imported(catalog);
    catalog.move("movies/Film", "movies/Renamed");
    catalog.remove("movies/Renamed/extras/more");
    put(catalog, "movies/Renamed/film.nfo", "text");
    const second = imported(catalog, { job: { category: "tv" } });
    expect(filesOf(catalog, second)).toEqual([
      ["film.mkv", "movies/Renamed/film.mkv"],
      ["film.nfo", "movies/Renamed/film.nfo"],
      ["extras/short.srt", "movies/Renamed/extras/short.srt"],
    ]);
  });

  test("of a release whose folder is gone has its posted files by their names, copies once", () => {
    using shelf = library();
    const catalog = shelf.open();
    imported(catalog);
    catalog.move("movies/Film/film.mkv", "one.mkv");
    catalog.makeFolder("deep");
    catalog.move("movies/Film/extras/more/short.mkv", "deep/one.mkv");
    catalog.copy("one.mkv", "deep/copy.mkv", "0");
    catalog.makeFolder("again");
    catalog.copy("deep/one.mkv", "again/one.mkv", "0");
    catalog.remove("movies/Film");
    const second = imported(catalog, { job: { category: "tv" } });
    expect(filesOf(catalog, second)).toEqual([
      ["copy.mkv", "deep/copy.mkv"],
      ["one.mkv", "one.mkv"],
    ]);
  });

  test("takes the first free name of its category, case by case, and one that can be stored", () => {
    using shelf = library();
    const catalog = shelf.open();
    const names = (category: string) => catalog.completed.list(category, undefined, 99).map(({ name }) => name);
    const ids = [1, 2, 3].map(() => imported(catalog));
    imported(catalog, { job: { category: "tv" } });
    expect([names("movies"), names("tv")]).toEqual([["Film", "Film (2)", "Film (3)"], ["Film"]]);
    catalog.completed.remove(ids[1] as JobId);
    imported(catalog);
    expect(names("movies")).toEqual(["Film", "Film (2)", "Film (3)"]);
    for (const name of ["a/b\u0000c", "..", "e\u0301", "x".repeat(3000)])
      imported(catalog, { job: { name, category: "odd/one" } });
    expect(catalog.completed.categories()).toEqual(["movies", "odd_one", "tv"]);
    const odd = names("odd_one");
    expect(odd).toHaveLength(4);
    expect(odd).toEqual(expect.arrayContaining(["a_b_c", "\u00e9", "x".repeat(1008)]));
  });

  test("is ready at once unless somebody must be told of it first", () => {
    using shelf = library();
    const catalog = shelf.open();
    const first = imported(catalog, { mustAnnounce: true });
    shelf.clock.advance(5);
    imported(catalog);
    const third = imported(catalog, { mustAnnounce: true });
    const { completed } = catalog;
    expect(completed.unready(9).map(({ job, isReady }) => [job, isReady])).toEqual([
      [first, false],
      [third, false],
    ]);
    expect(completed.unready(1).map(({ job }) => job)).toEqual([first]);
    completed.setReady(first);
    expect([completed.ofJob(first)?.isReady, completed.unready(9).map(({ job }) => job)]).toEqual([true, [third]]);
    completed.setReady("nope" as JobId);
  });
});

describe("the files of a completed job", () => {
  test("are told where they stand at this moment", () => {
    using shelf = library();
    const catalog = shelf.open();
    const job = imported(catalog);
    catalog.move("movies", "films");
    catalog.move("films/Film/film.mkv", "renamed.mkv");
    catalog.makeFolder("other");
    catalog.copy("renamed.mkv", "other/copy.mkv", "0");
    expect(filesOf(catalog, job)).toEqual([
      ["film.mkv", "renamed.mkv"],
      ["extras/short.srt", "films/Film/extras/short.srt"],
      ["extras/more/short.mkv", "films/Film/extras/more/short.mkv"],
    ]);
    put(catalog, "films/Film/extras/short.srt", "other text");
    expect(catalog.completed.entry(job, "extras/short.srt")?.file).toMatchObject({ size: 10 });
  });

  test("are hidden while they are in the trash, and gone when that is emptied; their folders stay", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog } = rows;
    const job = imported(catalog);
    catalog.remove("movies/Film/film.mkv");
    expect(filesOf(catalog, job)).toEqual(ALL.slice(1));
    shelf.clock.advance(1);
    catalog.remove("movies/Film");
    expect(filesOf(catalog, job)).toEqual([]);
    expect([at(catalog, job), at(catalog, job, "extras")]).toEqual([["extras"], ["extras/more"]]);
    expect(catalog.completed.entry(job, "film.mkv")).toBeUndefined();
    const [item] = catalog.trash.list({ limit: 1 });
    catalog.trash.restore(item?.id as never);
    expect(filesOf(catalog, job)).toEqual(ALL.slice(1));
    catalog.remove("movies/Film");
    purgeAll(catalog);
    expect(at(catalog, job)).toEqual(["extras"]);
    expect(rows.db.prepare("SELECT count(*) FROM completed_entry WHERE entry IS NOT NULL").pluck().get()).toBe(0);
  });

  test("are paged by name, each once, past what is hidden", () => {
    using shelf = library();
    const catalog = shelf.open();
    const names = Array.from({ length: 60 }, (_, index) => `${index}.mkv`);
    const { id } = catalog.jobs.add(jobOf()).job;
    catalog.jobs.claim();
    catalog.addRelease({ ...RELEASE, files: names.map((name) => fileOf(name, [whole])), job: id });
    for (const name of names.filter((_, index) => index % 3 > 0)) catalog.remove(`movies/Film/${name}`);
    const wanted = names.filter((_, index) => index % 3 === 0).toSorted();
    for (const limit of [1, 7, 100]) {
      const seen: string[] = [];
      for (;;) {
        const page = catalog.completed.entries(id, "", seen.at(-1), limit);
        seen.push(...page.map(({ path }) => path));
        if (page.length < limit) break;
      }
      expect(seen).toEqual(wanted);
    }
    expect(catalog.completed.entries(id, "", undefined, 0)).toEqual([]);
  });
});

describe("what is removed from it", () => {
  test.each<[string, string, string[]]>([
    ["a file", "extras/short.srt", ["extras", "extras/more", "extras/more/short.mkv", "film.mkv"]],
    ["a folder", "extras", ["film.mkv"]],
    ["a folder in it", "extras/more", ["extras", "extras/short.srt", "film.mkv"]],
  ])("%s goes with all below, from here alone, once", (_, path, left) => {
    using shelf = library();
    const catalog = shelf.open();
    const [job, other] = [imported(catalog), imported(catalog)];
    const everything = () => {
      const walk = (folder: string): string[] =>
        catalog.completed.entries(job, folder, undefined, 99).flatMap((entry) => [entry.path, ...walk(entry.path)]);
      return walk("");
    };
    const before = catalog.stats();
    const { completed } = catalog;
    expect([completed.removeEntry(job, path), completed.removeEntry(job, path)]).toEqual([true, false]);
    expect(everything()).toEqual(left);
    expect(filesOf(catalog, other)).toEqual(ALL);
    expect(catalog.stats()).toEqual(before);
    expect(idOf(catalog, "movies/Film/film.mkv")).toBeDefined();
  });

  test("is nothing beside it whose name begins alike", () => {
    using shelf = library();
    const catalog = shelf.open();
    const { id } = catalog.jobs.add(jobOf()).job;
    catalog.jobs.claim();
    const paths = ["a/x", "a/b/x", "a.b/x", "a-b/x", "a0/x", "ab/x"];
    catalog.addRelease({ ...RELEASE, files: paths.map((path) => fileOf(path, [whole])), job: id });
    catalog.completed.removeEntry(id, "a");
    expect(filesOf(catalog, id).map(([path]) => path)).toEqual(["a-b/x", "a.b/x", "a0/x", "ab/x"]);
  });

  test("is the folder itself, and then its job is in history as before", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog } = rows;
    const job = imported(catalog);
    const { completed } = catalog;
    expect([completed.remove(job), completed.remove(job), completed.removeEntry(job, "film.mkv")]).toEqual([
      true,
      false,
      false,
    ]);
    expect([completed.ofJob(job), completed.find("movies", "Film"), completed.categories()]).toEqual([
      undefined,
      undefined,
      [],
    ]);
    expect(catalog.jobs.get(job)).toMatchObject({ state: "completed", isArchived: false });
    expect(countOf(rows.db, "completed_entry")).toBe(0);
    expect(catalog.find("movies/Film/film.mkv")).toBeDefined();
    const again = imported(catalog);
    expect([completed.removeEntry(again, ""), completed.ofJob(again)]).toEqual([true, undefined]);
  });
});

test("folders are paged by name, and categories are those that have one", () => {
  using shelf: Library = library();
  const catalog = shelf.open();
  const names = Array.from({ length: 25 }, (_, index) => `Job ${index}`);
  for (const name of names) imported(catalog, { job: { name, category: name.length > 5 ? "tv" : "movies" } });
  expect(catalog.completed.categories()).toEqual(["movies", "tv"]);
  const seen: string[] = [];
  for (;;) {
    const page = catalog.completed.list("tv", seen.at(-1), 4);
    seen.push(...page.map(({ name }) => name));
    if (page.length < 4) break;
  }
  expect(seen).toEqual(names.filter((name) => name.length > 5).toSorted());
  expect(catalog.completed.list("none", undefined, 9)).toEqual([]);
});
