import { describe, expect, test } from "@jest/globals";
import { type CategoryRule, categoryRules } from "../../src/import/category-rules.ts";
import { assertPayload } from "../../src/import/wanted-payload.ts";
import { anyWildcard } from "../../src/import/wildcard.ts";
import { type FileSpec, MKV, parts } from "./fake-usenet.ts";
import { rejection, rulesOf, Workshop } from "./workshop.ts";

const MB = 1_000_000;
const film: FileSpec = { name: "Film.2024.mkv", parts: parts(20, MB), head: MKV };
const small = (name: string, size = 50_000, head = Buffer.from("plain text")): FileSpec => ({
  name,
  parts: [size],
  head,
});

async function imported(rule: Partial<CategoryRule>, ...files: readonly FileSpec[]) {
  const shop = new Workshop({ rules: rulesOf(rule) });
  for (const file of files) shop.usenet.post(file);
  const { release, note } = await shop.import();
  return { shop, note, path: release.path, files: Object.keys(shop.files(release.path)).sort() };
}

async function refused(rule: Partial<CategoryRule>, ...files: readonly FileSpec[]) {
  using shop = new Workshop({ rules: rulesOf(rule) });
  for (const file of files) shop.usenet.post(file);
  const { code, message, hint } = await rejection(shop.import());
  expect(shop.catalog.stats()).toMatchObject({ releases: 0, files: 0, segments: 0 });
  return { code, message, hint };
}

describe("a pattern", () => {
  test.each([
    ["*.exe", "setup.exe", true],
    ["*.EXE", "Setup.exe", true],
    ["*.exe", "setup.exe.mkv", false],
    ["?at.mkv", "cat.mkv", true],
    ["?at.mkv", "at.mkv", false],
    ["a*b*c", "a--b--b-c", true],
    ["a*b*c", "a--c--b", false],
    ["extras/*", "Extras/deep/file.txt", true],
    ["*", "", true],
    ["?", "", false],
    ["a.c", "abc", false],
    ["É*", "e\u0301t\u00e9", true],
  ])("%s fits %s: %s", (pattern, text, fits) => {
    expect(anyWildcard([pattern])(text)).toBe(fits);
  });

  test("made to be slow is not", () => {
    expect(anyWildcard([`${"*a".repeat(200)}b*c`])(`${"a".repeat(5_000)}c`)).toBe(false);
  });
});

describe("what is excluded", () => {
  test("is no part of the release, by name or by path, and the note says so", async () => {
    const sample = { ...film, name: "film-sample.mkv", parts: [100_000] };
    const result = await imported(
      { exclude: ["*.exe", "sample/*"] },
      film,
      small("setup.exe"),
      small("film.nfo"),
      sample,
    );
    using _ = result.shop;
    expect(result.files).toEqual(["Film.2024.mkv", "film.nfo"]);
    expect(result.note).toBe("2 files left out by the rules of its category");
  });

  test("leaves no segments behind, and does not move those of others", async () => {
    const result = await imported(
      { exclude: ["a*", "*.txt"] },
      { ...film, name: "a.mkv" },
      small("b.txt"),
      film,
      small("c.nfo"),
    );
    using shop = result.shop;
    expect(shop.catalog.stats()).toMatchObject({ files: 2, segments: 21 });
    expect(shop.segments("movies/Film/Film.2024.mkv").map(([begin]) => begin)).toEqual(
      parts(20, MB).map((_, at) => at * MB),
    );
    expect(shop.segments("movies/Film/Film.2024.mkv")[19]?.[2]).toBe("f3p19@fake");
    expect(shop.segments("movies/Film/c.nfo")[0]?.[2]).toBe("f4p0@fake");
  });

  test("when it is everything fails the import, and says so", async () => {
    const error = await refused({ exclude: ["*"] }, film, small("film.nfo"));
    expect(error).toMatchObject({
      code: "PAYLOAD_UNWANTED",
      message: "nothing is left of the release: 2 files left out",
    });
    expect(error.hint).toMatch(/exclude or samples/);
  });
});

describe("samples", () => {
  const sample: FileSpec = { ...film, name: "film-sample.mkv", parts: [MB] };

  test("are left out where the rule says so", async () => {
    const result = await imported({ samples: "drop" }, film, sample);
    using _ = result.shop;
    expect([result.files, result.note]).toEqual([["Film.2024.mkv"], "1 sample left out"]);
  });

  test("are kept unless it does", async () => {
    const result = await imported({}, film, sample);
    using _ = result.shop;
    expect(result.files).toEqual(["Film.2024.mkv", "Sample/film-sample.mkv"]);
  });

  test("are no films or songs that are called so", async () => {
    const result = await imported({ samples: "drop" }, { ...film, name: "The Sample.mkv" });
    using _ = result.shop;
    expect(result.files).toEqual(["The Sample.mkv"]);
    const songs = [1, 2, 3, 4, 5, 6].map((track) =>
      small(`0${track} - ${track < 6 ? "A" : "Sample"} song.mp3`, 500_000),
    );
    const album = await imported({ samples: "drop", payload: "audio" }, ...songs);
    using _album = album.shop;
    expect(album.files).toHaveLength(6);
  });
});

describe("a category for one kind of payload", () => {
  test.each<[CategoryRule["payload"], FileSpec]>([
    ["video", film],
    ["video", small("00001.m2ts")],
    ["video", small("disc.iso")],
    ["video", { ...film, name: "b082fa0beaa644d3aa01045d5b8d0b36" }],
    ["audio", small("song.flac", 50_000, Buffer.from("fLaC"))],
    ["audio", small("b082fa0beaa644d3aa01045d5b8d0b36", 50_000, Buffer.from("fLaC"))],
    ["audio", { ...film, name: "song.mka" }],
    ["book", small("Book.EPUB")],
    ["book", small("Comic.cbr", 50_000, Buffer.from("Rar!\x1a\x07\x01\x00"))],
    ["book", small("Manual", 50_000, Buffer.from("%PDF-1.7"))],
    ["any", small("setup.exe")],
  ])("%s takes %j", async (payload, file) => {
    const result = await imported({ payload }, file, small("release.nfo"));
    using _ = result.shop;
    expect(result.note).toBeUndefined();
  });

  test.each<[CategoryRule["payload"], FileSpec[], string]>([
    ["video", [small("setup.exe"), small("a.txt", 10), small("b.nfo", 10)], "no video: 3 files, the largest setup.exe"],
    ["video", [small("song.mp3")], "no video: 1 file, the largest song.mp3"],
    [
      "video",
      [small("setup.exe", 9 * MB), { ...film, name: "sample.mkv", parts: [MB] }],
      "no video: 2 files, the largest setup.exe",
    ],
    ["audio", [{ ...film, name: "song.mp3" }], "no audio: 1 file, the largest song.mkv"],
    ["book", [film], "no book: 1 file, the largest Film.2024.mkv"],
  ])("%s refuses what holds none", async (payload, files, message) => {
    const error = await refused({ payload }, ...files);
    expect(error).toMatchObject({ code: "PAYLOAD_UNWANTED", message: `the release holds ${message}` });
    expect(error.hint).toBeDefined();
  });

  test("is not pleased with nothing at all", () => {
    const unwanted = expect.objectContaining({
      code: "PAYLOAD_UNWANTED",
      message: "the release holds no video: 0 files",
    });
    expect(() => assertPayload([], "video")).toThrow(unwanted);
  });

  test("looks at what is left when others are excluded, and before it asks for articles", async () => {
    using shop = new Workshop({ rules: rulesOf({ payload: "video", exclude: ["*.mkv"], check: "all" }) });
    shop.usenet.post(film).post(small("film.nfo"));
    expect((await rejection(shop.import())).message).toBe("the release holds no video: 1 file, the largest film.nfo");
    expect(shop.usenet.stats).toEqual([]);
  });
});

describe("a category's folder", () => {
  test("holds its releases; the job keeps its category", async () => {
    using shop = new Workshop({ rules: categoryRules([{ ...rulesOf().of("movies"), folder: "Filme" }]) });
    shop.usenet.post(film);
    const { release } = await shop.import();
    expect(release.path).toBe("Filme/Film");
    expect(shop.catalog.jobs.list({ limit: 1 })[0]).toMatchObject({ category: "movies", state: "completed" });
  });

  test("is that of the category which the job has at the end", async () => {
    using shop = new Workshop();
    shop.usenet.post(film);
    const { id } = await shop.queue();
    const job = shop.catalog.jobs.claim();
    if (job === undefined) throw new Error("nothing was queued");
    const run = shop.importer.run(job, { signal: new AbortController().signal, onProgress() {} });
    shop.catalog.jobs.setCategory(id, "tv");
    expect((await run).release.path).toBe("tv/Film");
  });

  test.each(["..", ".", "  ", "a.", "con"])("is a safe name whatever is configured: %j", (folder) => {
    const rules = categoryRules([{ ...rulesOf().of("x"), name: "tv", folder }]);
    expect(rules.of("tv").folder).toBe({ "a.": "a", con: "_con" }[folder] ?? "tv");
  });
});

test("the rules of a category are its own, or those of the star, or the usual ones", () => {
  const star = { ...rulesOf().of("*"), name: "*", folder: "everything", check: "all" } as const;
  const tv = { ...star, name: "tv", folder: "", check: "none" } as const;
  const rules = categoryRules([{ ...tv, name: "zoo" }, star, tv, { ...tv, check: "all" }]);
  expect(rules.of("tv")).toMatchObject({ name: "tv", folder: "tv", check: "none" });
  expect(rules.of("movies")).toMatchObject({ name: "movies", folder: "movies", check: "all" });
  expect(categoryRules([]).of("movies")).toMatchObject({ check: "sampled", leastPercent: 90, payload: "any" });
  expect(rules.names).toEqual(["zoo", "tv", "default", "movies", "music", "books"]);
});

test("a release that others must be told of is not ready until they were", async () => {
  using shop = new Workshop({ mustAnnounce: () => true });
  shop.usenet.post(film);
  await shop.import();
  expect(shop.catalog.completed.unready(10)).toMatchObject([{ category: "movies", name: "Film", isReady: false }]);
  using other = new Workshop();
  other.usenet.post(film);
  await other.import();
  expect(other.catalog.completed.unready(10)).toEqual([]);
});
