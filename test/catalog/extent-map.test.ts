import { statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { Extent, NewPost } from "../../src/catalog/catalog.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import {
  evenPost,
  fileOf,
  type Library,
  library,
  plainExtents,
  releaseOf,
  seeded,
  segmentList,
  thrownBy,
  unevenPost,
  walk,
  wholePost,
} from "./fixture.ts";

function mapOf(catalog: SqliteCatalog, path: string) {
  const entry = catalog.find(path);
  if (entry === undefined) throw new Error(`${path} is not there`);
  return catalog.extents(entry.id);
}

/** As toEqual would say, but quick enough for hundreds of thousands. */
function differ(a: Extent, b: Extent): boolean {
  const of = ({ start, end, skip, segment: { id, alternates, begin, size, encodedSize } }: Extent) =>
    `${start} ${end} ${skip} ${id} ${alternates} ${begin} ${size} ${encodedSize}`;
  return of(a) !== of(b);
}

describe("a file of 100 000 segments", () => {
  const SEGMENTS = 100_000;
  const posts = { even: evenPost(seeded(7), SEGMENTS), uneven: unevenPost(seeded(8), SEGMENTS) };
  let shelf: Library;

  beforeAll(() => {
    shelf = library();
    const catalog = shelf.open();
    for (const [name, post] of Object.entries(posts)) {
      catalog.addRelease(
        releaseOf({ name, digest: name, posts: [post], files: [fileOf("film.mkv", [wholePost([post], 0)])] }),
      );
    }
  });
  afterAll(() => shelf[Symbol.dispose]());

  test.each(["even", "uneven"] as const)(
    "%s parts: every extent equals the plain array's, at every border and between",
    (name) => {
      const map = mapOf(shelf.reopen(), `movies/${name}/film.mkv`);
      const oracle = plainExtents([posts[name]], fileOf("film.mkv", [wholePost([posts[name]], 0)]));
      expect(oracle).toHaveLength(SEGMENTS);
      const random = seeded(9);
      const wrong = oracle.filter((extent) => {
        const inside = extent.start + random.below(extent.end - extent.start);
        return [extent.start, inside, extent.end - 1].some((offset) => differ(map.at(offset), extent));
      });
      expect(wrong).toEqual([]);
      expect(map.size).toBe(posts[name].size);
    },
  );

  test.each(["even", "uneven"] as const)(
    "%s parts: the first byte unpacks one chunk, the whole map each chunk once",
    (name) => {
      const catalog = shelf.reopen();
      const map = mapOf(catalog, `movies/${name}/film.mkv`);
      expect(catalog.mapStats().decodes).toBe(0);
      map.at(0);
      expect(catalog.mapStats().decodes).toBe(1);
      for (let offset = 0; offset < map.size; offset = map.at(offset).end);
      expect(catalog.mapStats().decodes).toBe(Math.ceil(SEGMENTS / 1024));
    },
  );

  test("a second open is the same map and unpacks nothing", () => {
    const catalog = shelf.reopen();
    const map = mapOf(catalog, "movies/even/film.mkv");
    map.at(0);
    map.at(map.size - 1);
    const { decodes } = catalog.mapStats();
    const again = mapOf(catalog, "movies/even/film.mkv");
    expect(again).toBe(map);
    again.at(0);
    again.at(map.size - 1);
    expect(catalog.mapStats().decodes).toBe(decodes);
  });

  test("random seeks unpack at most one chunk each", () => {
    const catalog = shelf.reopen();
    const map = mapOf(catalog, "movies/uneven/film.mkv");
    const random = seeded(10);
    for (let seek = 1; seek <= 20; seek++) {
      map.at(random.below(map.size));
      expect(catalog.mapStats().decodes).toBeLessThanOrEqual(seek);
    }
  });

  test("takes at most 32 bytes a segment on disk", () => {
    using alone = library();
    const empty = alone.open();
    empty[Symbol.dispose]();
    const before = statSync(alone.path).size;
    const catalog = alone.open();
    catalog.addRelease(releaseOf({ posts: [posts.even], files: [fileOf("film.mkv", [wholePost([posts.even], 0)])] }));
    catalog[Symbol.dispose]();
    expect((statSync(alone.path).size - before) / SEGMENTS).toBeLessThanOrEqual(32);
  });
});

describe("the memory of maps", () => {
  test("stays within its bound when more segments are read than fit", () => {
    using shelf = library();
    const catalog = shelf.open();
    const list = SegmentList.from(
      Array.from({ length: 500_000 }, (_, index) => ({
        id: `${index}@a-name-as-long-as-that-of-a-real-article.test` as MessageId,
        encodedSize: 100,
      })),
    );
    const post: NewPost = { segments: list, size: 500_000, partSize: 1 };
    catalog.addRelease(releaseOf({ posts: [post], files: [fileOf("film.mkv", [wholePost([post], 0)])] }));
    const map = mapOf(catalog, "movies/Film/film.mkv");
    for (let offset = 0; offset < map.size; offset += 1024) map.at(offset);
    expect(catalog.mapStats().decodes).toBe(489);
    expect(catalog.mapStats().bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(catalog.mapStats().bytes).toBeGreaterThan(12 * 1024 * 1024);
    map.at(0);
    expect(catalog.mapStats().decodes).toBe(490);
  });
});

describe("runs", () => {
  test("of a thousand volumes are one array of extents, clipped where a run begins or ends inside a segment", () => {
    using shelf = library();
    const random = seeded(11);
    const posts = Array.from({ length: 1000 }, (_, index) =>
      index % 2 === 0 ? evenPost(random, 20, 1000) : unevenPost(random, 20),
    );
    const runs = posts.map(({ size }, post) => ({ post, start: 120, end: size - 21 }));
    const file = fileOf("film.mkv", runs);
    const catalog = shelf.open();
    catalog.addRelease(releaseOf({ posts, files: [file] }));
    const map = mapOf(shelf.reopen(), "movies/Film/film.mkv");
    expect(walk(map)).toEqual(plainExtents(posts, file));
    expect(map.size).toBe(runs.reduce((size, { start, end }) => size + end - start, 0));
  });

  test("may lie in one segment, overlap, repeat a post, go back, and be empty", () => {
    using shelf = library();
    const posts = [evenPost(seeded(12), 3, 100), evenPost(seeded(13), 2500, 100)];
    const file = fileOf("odd.bin", [
      { post: 1, start: 150_030, end: 150_031 },
      { post: 0, start: 50, end: 50 },
      { post: 0, start: 199, end: 201 },
      { post: 1, start: 10, end: 240_000 },
      { post: 0, start: 0, end: 201 },
      { post: 0, start: 0, end: 201 },
    ]);
    shelf.open().addRelease(releaseOf({ posts, files: [file] }));
    expect(walk(mapOf(shelf.reopen(), "movies/Film/odd.bin"))).toEqual(plainExtents(posts, file));
  });

  test("reach beyond 4 GiB", () => {
    using shelf = library();
    const partEnds = Float64Array.from([2 ** 32 - 1, 2 ** 32, 2 ** 33 - 1]);
    const posts: NewPost[] = [{ segments: segmentList(seeded(14), 3), size: 2 ** 33 - 1, partEnds }];
    const file = fileOf("big.bin", [{ post: 0, start: 2 ** 32 - 1, end: 2 ** 33 - 1 }]);
    shelf.open().addRelease(releaseOf({ posts, files: [file] }));
    expect(walk(mapOf(shelf.reopen(), "movies/Film/big.bin"))).toEqual(plainExtents(posts, file));
  });

  test("an empty file has a map of no bytes", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf({ posts: [], files: [fileOf("empty.nfo", [])] }));
    const map = mapOf(catalog, "movies/Film/empty.nfo");
    expect(map.size).toBe(0);
    expect(() => map.at(0)).toThrow(RangeError);
  });

  test("bytes outside the file are refused", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf());
    const map = mapOf(catalog, "movies/Film/film.mkv");
    for (const offset of [-1, map.size, Number.NaN]) expect(() => map.at(offset)).toThrow(RangeError);
  });

  test("only files have a map", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.addRelease(releaseOf());
    const folder = catalog.find("movies/Film");
    expect(thrownBy(() => catalog.extents(folder?.id ?? (0 as never))).code).toBe("PATH_MISSING");
    expect(thrownBy(() => catalog.extents(999 as never)).code).toBe("PATH_MISSING");
  });
});

describe("segments", () => {
  test("keep holes, alternates and the sizes of the NZB", () => {
    using shelf = library();
    const random = seeded(15);
    const { ids, idEnds, encodedSizes } = segmentList(random, 3000).packed;
    // Segments 5 and 1024 are holes: their ids are taken out of the bytes.
    const bounds = Array.from(idEnds, (end, index) => [index === 0 ? 0 : (idEnds[index - 1] as number), end] as const);
    const kept = bounds.map(([start, end], index) =>
      index === 5 || index === 1024 ? "" : Buffer.from(ids).toString("latin1", start, end),
    );
    let end = 0;
    encodedSizes[7] = 0xffffffff;
    encodedSizes[8] = 0;
    const segments = new SegmentList({
      ids: Buffer.from(kept.join(""), "latin1"),
      idEnds: Uint32Array.from(kept, (id) => (end += id.length)),
      encodedSizes,
      alternates: [
        [2047, "c@x"],
        [0, "a@x"],
        [2048, "d@x"],
        [0, "b@x"],
        [5, "only@x"],
      ],
    });
    const post: NewPost = { segments, size: 3000 * 10, partSize: 10 };
    const file = fileOf("film.mkv", [wholePost([post], 0)]);
    shelf.open().addRelease(releaseOf({ posts: [post], files: [file] }));
    const extents = walk(mapOf(shelf.reopen(), "movies/Film/film.mkv"));
    expect(extents).toEqual(plainExtents([post], file));
    expect([extents[5], extents[1024]].map((extent) => (extent as Extent).segment.id)).toEqual([undefined, undefined]);
    expect((extents[0] as Extent).segment.alternates).toEqual(["a@x", "b@x"]);
  });

  test("keep the first eight alternates of a part", () => {
    using shelf = library();
    const alternates = Array.from({ length: 5000 }, (_, index) => [0, `alternate${index}@x`] as const);
    const segments = new SegmentList({ ...segmentList(seeded(16), 1).packed, alternates });
    const catalog = shelf.open();
    catalog.addRelease(
      releaseOf({ posts: [{ segments, size: 9 }], files: [fileOf("a.bin", [{ post: 0, start: 0, end: 9 }])] }),
    );
    expect(mapOf(catalog, "movies/Film/a.bin").at(0).segment.alternates).toEqual(
      alternates.slice(0, 8).map(([, id]) => id),
    );
  });

  test("with ids of every legal length come back as they were", () => {
    using shelf = library();
    const random = seeded(17);
    const segments = SegmentList.from(
      Array.from({ length: 248 }, (_, index) => ({ id: random.text(index + 1) as MessageId, encodedSize: index })),
    );
    const post: NewPost = { segments, size: 248, partSize: 1 };
    const file = fileOf("film.mkv", [wholePost([post], 0)]);
    shelf.open().addRelease(releaseOf({ posts: [post], files: [file] }));
    expect(walk(mapOf(shelf.reopen(), "movies/Film/film.mkv"))).toEqual(plainExtents([post], file));
  });
});
