import { describe, expect, test } from "@jest/globals";
import type { NewPost, NewRelease } from "../../src/catalog/catalog.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import type { Job } from "../../src/catalog/jobs.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import {
  evenPost,
  fileOf,
  jobOf,
  library,
  releaseOf,
  seeded,
  segmentList,
  thrownBy,
  unevenPost,
  wholePost,
} from "./fixture.ts";

function claimed(catalog: SqliteCatalog, change: Parameters<typeof jobOf>[0] = {}): Job {
  catalog.jobs.add(jobOf(change));
  const job = catalog.jobs.claim();
  if (job === undefined) throw new Error("nothing to claim");
  return job;
}

function twoFiles(): NewRelease {
  const posts = [evenPost(seeded(1), 5), unevenPost(seeded(2), 5)];
  return releaseOf({
    posts,
    files: [fileOf("a.mkv", [wholePost(posts, 0)]), fileOf("sub/b.mkv", [wholePost(posts, 1)])],
  });
}

describe("addRelease", () => {
  test("makes every file appear, counts it, and says where its folder stands", () => {
    using shelf = library();
    const catalog = shelf.open();
    const release = twoFiles();
    const added = catalog.addRelease(release);
    expect(added).toEqual({ id: expect.any(Number), path: "movies/Film", isNew: true });
    const sizes = release.posts.map(({ size }) => size);
    expect(catalog.releaseFiles(added.id)).toEqual([
      { path: "movies/Film/a.mkv", size: sizes[0] },
      { path: "movies/Film/sub/b.mkv", size: sizes[1] },
    ]);
    const bytes = (sizes[0] as number) + (sizes[1] as number);
    expect(catalog.stats()).toEqual({ files: 2, releases: 1, segments: 10, bytes });
    expect(catalog.releaseFiles(77 as never)).toEqual([]);
  });

  test("completes its job in the same transaction", () => {
    using shelf = library();
    const catalog = shelf.open();
    const job = claimed(catalog);
    catalog.jobs.update(job.id, { progress: 0.4, reason: "mapping archives" });
    const added = catalog.addRelease(releaseOf({ job: job.id }));
    expect(catalog.jobs.get(job.id)).toMatchObject({
      state: "completed",
      progress: 1,
      release: added.id,
      reason: undefined,
    });
    expect(catalog.jobs.counts()).toMatchObject({ importing: 0, completed: 1 });
  });

  test("adds nothing for a job that was cancelled meanwhile, or that there never was", () => {
    using shelf = library();
    const catalog = shelf.open();
    const job = claimed(catalog);
    catalog.jobs.update(job.id, { state: "cancelled" });
    expect(thrownBy(() => catalog.addRelease(releaseOf({ job: job.id }))).code).toBe("CONFLICT");
    expect(thrownBy(() => catalog.addRelease(releaseOf({ job: "none" as never }))).code).toBe("NOT_FOUND");
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.stats().releases).toBe(0);
  });

  test("of the same digest is one release, whatever its name and category, and completes the second job too", () => {
    using shelf = library();
    const catalog = shelf.open();
    const first = catalog.addRelease(releaseOf({ job: claimed(catalog).id }));
    const before = catalog.stats();
    const job = claimed(catalog, { category: "tv" });
    const second = catalog.addRelease(releaseOf({ job: job.id, category: "tv", name: "Other" }));
    expect(second).toEqual({ id: first.id, path: "movies/Film", isNew: false });
    expect(catalog.stats()).toEqual(before);
    expect(catalog.find("tv")).toBeUndefined();
    expect(catalog.jobs.get(job.id)).toMatchObject({ state: "completed", release: first.id });
  });

  const posts = [evenPost(seeded(3), 3000), evenPost(seeded(4), 3)];
  const size = posts[0]?.size as number;
  const list = segmentList(seeded(5), 3);
  const good = { posts, files: [fileOf("good.mkv", [wholePost(posts, 0)])] };
  const badRun = (post: number, start: number, end: number) => ({
    ...good,
    files: [...good.files, fileOf("bad.mkv", [wholePost(posts, 1), { post, start, end }])],
  });
  const badPost = (post: NewPost) => ({ ...good, posts: [...posts, post] });

  test.each([
    ["points to a missing post", badRun(2, 0, 1)],
    ["points past the end of a post", badRun(0, size - 1, size + 1)],
    ["points before its begin", badRun(0, -1, 1)],
    ["ends before it starts", badRun(0, 2, 1)],
    ["splits a byte", badRun(0, 0.5, 1)],
    ["has no layout", badPost({ segments: list, size: 30 })],
    ["has parts larger than the post", badPost({ segments: list, size: 20, partSize: 10 })],
    ["has parts of no bytes", badPost({ segments: list, size: 20, partEnds: Float64Array.of(10, 10, 20) })],
    [
      "has ends that do not meet its size",
      badPost({ segments: list, size: 21, partEnds: Float64Array.of(10, 15, 20) }),
    ],
    ["has fewer ends than parts", badPost({ segments: list, size: 20, partEnds: Float64Array.of(10, 20) })],
    ["has bytes without segments", badPost({ segments: segmentList(seeded(6), 0), size: 1, partSize: 1 })],
    ["has a part of more than 4 GiB", badPost({ segments: list, size: 2 ** 40, partSize: 10 })],
    ["is larger than a safe number", badPost({ segments: list, size: 2 ** 60, partSize: 2 ** 59 })],
  ])("whose last part %s throws, and nothing of the whole remains", (_, change) => {
    using shelf = library();
    const catalog = shelf.open();
    const job = claimed(catalog);
    catalog.addRelease(releaseOf({ name: "Before", digest: "before" }));
    const before = [catalog.stats(), catalog.list("movies", undefined, 10), catalog.jobs.get(job.id)];
    shelf.clock.advance(1000);
    expect(() => catalog.addRelease(releaseOf({ ...change, job: job.id }))).toThrow(RangeError);
    expect([catalog.stats(), catalog.list("movies", undefined, 10), catalog.jobs.get(job.id)]).toEqual(before);
    catalog[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    const rows = (table: string) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
    expect(["entry", "release", "post", "segment_chunk"].map(rows)).toEqual([6, 1, 1, 1]);
    db.close();
  });

  test("that the database itself refuses half-way leaves nothing behind", () => {
    using shelf = library();
    shelf.open()[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    db.exec(
      "CREATE TRIGGER fault BEFORE INSERT ON entry WHEN NEW.name = 'b.mkv' BEGIN SELECT raise(ABORT, 'fault'); END",
    );
    db.close();
    const catalog = shelf.open();
    expect(thrownBy(() => catalog.addRelease(twoFiles())).message).toBe("fault");
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.stats()).toEqual({ files: 0, releases: 0, segments: 0, bytes: 0 });
    catalog[Symbol.dispose]();
    const repaired = openDatabase(shelf.path);
    repaired.exec("DROP TRIGGER fault");
    repaired.close();
    expect(shelf.open().addRelease(twoFiles()).isNew).toBe(true);
  });

  test("keeps bytes that come with it as a sidecar, and forgets them with a release that fails", () => {
    using shelf = library();
    const catalog = shelf.open();
    const text = Buffer.from("subtitles".repeat(20_000));
    const { posts, files } = twoFiles();
    const note = { path: "sub/b.srt", runs: [], content: text, modifiedAt: 0 };
    const broken = fileOf("c.mkv", [{ post: 0, start: 0, end: Number.MAX_SAFE_INTEGER }]);
    expect(() => catalog.addRelease(releaseOf({ posts, files: [note, broken] }))).toThrow(RangeError);
    expect(catalog.stats()).toMatchObject({ files: 0, bytes: 0 });
    const { id } = catalog.addRelease(releaseOf({ posts, files: [...files, note] }));
    const entry = catalog.find("movies/Film/sub/b.srt");
    expect(entry).toMatchObject({ kind: "file", size: text.length, isSidecar: true });
    const range = { start: 0, end: text.length };
    expect(Buffer.concat([...catalog.contents.read(entry?.id as never, range)]).equals(text)).toBe(true);
    const paths = catalog.releaseFiles(id).map(({ path }) => path);
    expect(paths).toEqual([...files, note].map(({ path }) => `movies/Film/${path}`));
    catalog[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    expect(db.prepare("SELECT count(*) FROM content").pluck().get()).toBe(1);
    db.close();
  });

  test("takes a post of no bytes and a post that no file uses", () => {
    using shelf = library();
    const catalog = shelf.open();
    const unused = [evenPost(seeded(1), 2), { segments: segmentList(seeded(2), 1), size: 0, partSize: 0 }];
    catalog.addRelease(releaseOf({ posts: unused, files: [fileOf("empty.nfo", [wholePost(unused, 1)])] }));
    expect(catalog.find("movies/Film/empty.nfo")).toMatchObject({ kind: "file", size: 0 });
    expect(catalog.stats()).toEqual({ files: 1, releases: 1, segments: 3, bytes: 0 });
  });
});

describe("the content tag", () => {
  const tagsOf = (change: Partial<NewRelease>) => {
    using shelf = library();
    const catalog = shelf.open();
    const { path } = catalog.addRelease(releaseOf(change));
    return catalog.list(path, undefined, 10).map(({ contentTag }) => contentTag);
  };
  const posts = [evenPost(seeded(1), 3), evenPost(seeded(2), 3)];

  test("is the same for the same bytes in another library, under another name", () => {
    const files = (name: string) => [fileOf(name, [wholePost(posts, 0), wholePost(posts, 1)])];
    const [tag] = tagsOf({ posts, files: files("a.mkv") });
    expect(tag).toMatch(/^[A-Za-z0-9_-]{20}$/);
    expect(tagsOf({ posts, files: files("b.mkv"), name: "Other", category: "tv" })).toEqual([tag]);
  });

  test("differs between other runs, another order of them, and another digest", () => {
    const whole = [wholePost(posts, 0), wholePost(posts, 1)];
    const files = [
      whole,
      whole.slice(0, 1),
      whole.slice(1),
      whole.toReversed(),
      [{ post: 0, start: 0, end: 9 }],
      [],
    ].map((runs, index) => fileOf(`${index}.bin`, runs));
    const tags = [...tagsOf({ posts, files }), ...tagsOf({ posts, files, digest: "d2" })];
    expect(new Set(tags).size).toBe(files.length * 2);
  });

  test("is empty for a folder", () => {
    expect(tagsOf({ posts, files: [fileOf("sub/a.bin", [])] })).toEqual([""]);
  });
});
