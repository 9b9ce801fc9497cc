import { describe, expect, test } from "@jest/globals";
import { parseMessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { seededRandom } from "../random.ts";
import { library } from "./fixture.ts";

const PART = 100_000;

interface Post {
  readonly name: string;
  readonly parts: number;
  readonly partSize?: number;
  /** Numbers of parts without an article. */
  readonly holes?: readonly number[];
}

function add(catalog: Catalog, { name, parts, partSize = PART, holes = [] }: Post) {
  const size = parts * partSize;
  const segments = Array.from({ length: parts }, (_, part) => ({
    id: holes.includes(part) ? undefined : parseMessageId(`${part}@${name}`),
    encodedSize: partSize,
  }));
  catalog.addRelease({
    category: "test",
    name,
    digest: name,
    posts: [{ segments: SegmentList.from(segments), size, partSize }],
    files: [{ path: `${name}.mkv`, runs: [{ post: 0, start: 0, end: size }], modifiedAt: 0 }],
  });
}

describe("a sample of segments", () => {
  test("an empty library has none", () => {
    using here = library();
    expect(here.open().sampleSegments(10, Math.random)).toEqual([]);
  });

  test("holds different segments, as the catalog knows them", () => {
    using here = library();
    const catalog = here.open();
    add(catalog, { name: "film", parts: 3_000 });
    const sample = catalog.sampleSegments(64, seededRandom(1));
    expect(sample).toHaveLength(64);
    expect(new Set(sample.map(({ id }) => id)).size).toBe(64);
    const map = catalog.extents(catalog.find("test/film/film.mkv")?.id as Parameters<Catalog["extents"]>[0]);
    for (const { id, begin, size } of sample) {
      expect(map.at(begin).segment).toMatchObject({ id, begin, size: PART });
      expect(size).toBe(PART);
    }
  });

  test("comes from everywhere, large files more often", () => {
    using here = library();
    const catalog = here.open();
    add(catalog, { name: "small", parts: 500 });
    add(catalog, { name: "large", parts: 9 * 1024 });
    const random = seededRandom(2);
    const drawn = Array.from({ length: 100 }, () => catalog.sampleSegments(16, random)).flat();
    const small = drawn.filter(({ id }) => id?.endsWith("@small")).length;
    // One chunk of ten.
    expect(small / drawn.length).toBeGreaterThan(0.04);
    expect(small / drawn.length).toBeLessThan(0.2);
    const chunks = new Set(
      drawn.map(({ id }) => `${id?.split("@")[1]} ${Math.floor(Number.parseInt(id ?? "", 10) / 1024)}`),
    );
    expect(chunks.size).toBe(10);
  });

  test("leaves out parts without an article and parts that are too small", () => {
    using here = library();
    const catalog = here.open();
    add(catalog, { name: "holes", parts: 20, holes: Array.from({ length: 19 }, (_, part) => part) });
    add(catalog, { name: "tiny", parts: 20, partSize: 1_000 });
    const random = seededRandom(3);
    const drawn = Array.from({ length: 50 }, () => catalog.sampleSegments(32, random)).flat();
    expect([...new Set(drawn.map(({ id }) => id))]).toEqual(["19@holes"]);
  });

  test("gives what there is when it is less than was asked for, in bounded time", () => {
    using here = library();
    const catalog = here.open();
    add(catalog, { name: "short", parts: 10 });
    const sample = catalog.sampleSegments(1_000, seededRandom(4));
    expect(sample.length).toBeGreaterThan(5);
    expect(sample.length).toBeLessThanOrEqual(10);
  });
});
