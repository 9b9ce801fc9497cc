import { describe, expect, test } from "@jest/globals";
import type { MessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import { isHole, withGaps } from "../../src/import/holes.ts";
import type { PartFacts, PartMap } from "../../src/import/part-map.ts";
import { PartMapper } from "../../src/import/part-mapper.ts";
import { seededRandom } from "../random.ts";
import { parts } from "./fake-usenet.ts";

interface Made {
  readonly sizes: readonly number[];
  readonly facts?: (index: number) => Partial<PartFacts>;
  readonly absent?: readonly number[];
  readonly unnamed?: readonly number[];
  readonly encoded?: (index: number) => number;
}

function segmentsOf({ sizes, unnamed = [], encoded = (index) => Math.round((sizes[index] as number) * 1.03) }: Made) {
  return SegmentList.from(
    sizes.map((_, index) => ({
      id: unnamed.includes(index) ? undefined : (`p${index}@x` as MessageId),
      encodedSize: encoded(index),
    })),
  );
}

/** Runs a mapper to its end against made-up articles; counts rounds and articles. */
function run(made: Made) {
  const ends = trueEnds(made.sizes);
  const fileSize = ends.at(-1) as number;
  const mapper = new PartMapper(segmentsOf(made));
  const asked: number[] = [];
  let rounds = 0;
  for (let wanted = mapper.wanted(); wanted.length > 0; wanted = mapper.wanted()) {
    rounds += 1;
    for (const index of wanted) {
      asked.push(index);
      const facts = {
        size: made.sizes[index] as number,
        begin: (ends[index] as number) - (made.sizes[index] as number),
        partNumber: index + 1,
        totalParts: made.sizes.length,
        fileSize,
        ...made.facts?.(index),
      };
      mapper.learn(index, made.absent?.includes(index) ? undefined : facts);
    }
  }
  return { map: mapper.map(), asked, rounds };
}

function endsOf(map: PartMap | undefined, count: number): number[] {
  if (map?.partEnds !== undefined) return [...map.partEnds];
  return Array.from({ length: count }, (_, index) =>
    Math.min(map?.size as number, (index + 1) * (map?.partSize as number)),
  );
}

function trueEnds(sizes: readonly number[]): number[] {
  let end = 0;
  return sizes.map((size) => {
    end += size;
    return end;
  });
}

function codeOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

describe("a regular post", () => {
  test("of one part costs one article", () => {
    const { map, asked } = run({ sizes: [1234], facts: () => ({ partNumber: undefined, totalParts: undefined }) });
    expect(asked).toEqual([0]);
    expect(map).toMatchObject({ size: 1234, partSize: 1234, partEnds: undefined, isSizeExact: true });
  });

  test("of 35 000 parts costs its first and its last article, in one round", () => {
    const { map, asked, rounds } = run({ sizes: parts(35_000, 716_800, 12_345) });
    expect([...asked].sort((a, b) => a - b)).toEqual([0, 34_999]);
    expect(rounds).toBe(1);
    expect(map).toMatchObject({ size: 34_999 * 716_800 + 12_345, partSize: 716_800, isSizeExact: true });
  });

  test("takes its size from the last part, whatever decoy headers say of size and total", () => {
    const random = seededRandom(7);
    const decoy = () => Math.floor(random() * 1e9);
    const { map, asked } = run({
      sizes: parts(100, 1000, 300),
      facts: () => ({ fileSize: decoy(), totalParts: decoy() }),
    });
    expect(asked).toHaveLength(2);
    expect(map).toMatchObject({ size: 99_300, partSize: 1000, gaps: [] });
  });

  test("whose headers do not say where a part begins is placed by arithmetic", () => {
    const { map, asked } = run({ sizes: parts(50, 1000, 1), facts: () => ({ begin: undefined }) });
    expect(asked).toHaveLength(2);
    expect(map).toMatchObject({ size: 49_001, partSize: 1000 });
  });

  test("whose every article claims to be a whole file at byte 0 is placed by arithmetic", () => {
    const { map } = run({ sizes: parts(5, 1000, 10), facts: () => ({ begin: 0, partNumber: undefined }) });
    expect(map).toMatchObject({ size: 4_010, partSize: 1000 });
  });

  test("with one segment of suspicious encoded size costs one article more", () => {
    const { map, asked } = run({ sizes: parts(100, 1000), encoded: (index) => (index === 40 ? 1200 : 1030) });
    expect([...asked].sort((a, b) => a - b)).toEqual([0, 40, 99]);
    expect(map?.partSize).toBe(1000);
  });

  test("with nonsense for encoded sizes costs at most four articles more", () => {
    const { asked } = run({ sizes: parts(100, 1000), encoded: (index) => (index * 7919) % 5000 });
    expect(asked.length).toBeLessThanOrEqual(6);
  });
});

describe("an irregular post", () => {
  test("is mapped exactly where the part size changes once, in about two articles per halving", () => {
    const sizes = [...parts(300, 1000), ...parts(700, 640, 5)];
    const { map, asked } = run({ sizes, encoded: () => 0 });
    expect(endsOf(map, 1000)).toEqual(trueEnds(sizes));
    expect(asked.length).toBeLessThan(30);
  });

  test("is mapped exactly when every part has another size", () => {
    const random = seededRandom(3);
    const sizes = Array.from({ length: 120 }, () => 1 + Math.floor(random() * 5000));
    const { map } = run({ sizes, encoded: () => 0 });
    expect(endsOf(map, 120)).toEqual(trueEnds(sizes));
  });

  test("is mapped exactly for any mix of runs (seeded)", () => {
    const random = seededRandom(11);
    for (let round = 0; round < 60; round++) {
      const sizes: number[] = [];
      const runs = 1 + Math.floor(random() * 4);
      // Sizes that no sum of few can imitate, so that bisection cannot be fooled.
      for (let at = 0; at < runs; at++)
        sizes.push(...parts(1 + Math.floor(random() * 40), [1009, 1511, 2503, 4001][at] as number));
      sizes.push(1 + Math.floor(random() * 900));
      const { map } = run({ sizes, encoded: () => 0 });
      expect(endsOf(map, sizes.length)).toEqual(trueEnds(sizes));
    }
  });

  test("whose last part is longer than the others keeps exact ends", () => {
    const { map } = run({ sizes: [100, 100, 100, 350] });
    expect([...(map?.partEnds ?? [])]).toEqual([100, 200, 300, 650]);
  });

  test("of very many sizes is refused after 2 000 articles instead of being downloaded", () => {
    const sizes = Array.from({ length: 5000 }, (_, index) => 1000 + ((index * 7919) % 613));
    expect(codeOf(() => run({ sizes, encoded: () => 0 }))).toBe("YENC_MALFORMED");
  });
});

describe("a damaged post", () => {
  test("without its first article is mapped by the second", () => {
    const { map, asked } = run({ sizes: parts(100, 1000, 7), absent: [0] });
    expect(asked).toEqual([0, 99, 1]);
    expect(map).toMatchObject({ size: 99_007, partSize: 1000 });
  });

  test("without its last article has the size that the headers agree on, if it can be", () => {
    const { map } = run({ sizes: parts(100, 1000, 7), absent: [99] });
    expect(map).toMatchObject({ size: 99_007, partSize: 1000, isSizeExact: true });
  });

  test("without its last article and with decoy headers has a size by the NZB, and says so", () => {
    const { map } = run({
      sizes: parts(100, 1000, 500),
      absent: [99],
      facts: (index) => ({ fileSize: 5 + index, totalParts: 3 + index }),
    });
    expect(map).toMatchObject({ partSize: 1000, isSizeExact: false });
    expect(Math.abs((map?.size as number) - 99_500)).toBeLessThan(20);
  });

  test("of which only the last article is left is mapped when it comes out even", () => {
    const { map } = run({ sizes: parts(6, 1000, 7), absent: [0, 1, 2, 3, 4] });
    expect(map).toMatchObject({ size: 5_007, partSize: 1000 });
  });

  test("asks for at most six articles at each end, then gives up", () => {
    const { map, asked } = run({ sizes: parts(1000, 1000), absent: Array.from({ length: 1000 }, (_, index) => index) });
    expect(map).toBeUndefined();
    expect(asked).toHaveLength(12);
  });

  test("with a hole in the NZB keeps every later part in its place, without asking for the hole", () => {
    const { map, asked } = run({ sizes: parts(10, 1000, 3), unnamed: [0, 4] });
    expect(asked).not.toContain(0);
    expect(map).toMatchObject({ size: 9_003, partSize: 1000, gaps: [] });
  });

  test("whose NZB leaves out a part and renumbers the rest gets the hole back, where it is", () => {
    const listed = [0, 1, 2, 4, 5, 6, 7];
    const sizes = parts(7, 1000);
    const { map } = run({
      sizes,
      facts: (index) => ({ begin: (listed[index] as number) * 1000, fileSize: 8000, totalParts: 8 }),
    });
    expect(map).toMatchObject({ size: 8000, partSize: 1000, gaps: [{ at: 3, parts: 1 }] });
  });

  test("whose NZB leaves out the last parts is as long as the headers agree that it is", () => {
    const { map } = run({ sizes: parts(8, 1000), facts: () => ({ fileSize: 9_500, totalParts: 10 }) });
    expect(map).toMatchObject({ size: 9_500, partSize: 1000, gaps: [{ at: 8, parts: 2 }], isSizeExact: true });
  });

  test("whose NZB lists 3 of 100 parts is refused", () => {
    const made = { sizes: parts(3, 1000), facts: () => ({ fileSize: 99_500, totalParts: 100 }) };
    expect(codeOf(() => run(made))).toBe("NZB_MALFORMED");
  });

  test("with articles that contradict each other is refused", () => {
    expect(codeOf(() => run({ sizes: parts(9, 1000), facts: (index) => (index === 8 ? { begin: 3 } : {}) }))).toBe(
      "YENC_MALFORMED",
    );
    const far = { sizes: parts(9, 1000), facts: (index: number) => (index === 8 ? { begin: 2 ** 52 } : {}) };
    expect(codeOf(() => run(far))).toBe("YENC_MALFORMED");
    expect(codeOf(() => run({ sizes: [1000], facts: () => ({ begin: 5_000_000 }) }))).toBe("YENC_MALFORMED");
  });

  test("with an empty part among others is refused", () => {
    expect(codeOf(() => run({ sizes: [100, 100, 0] }))).toBe("YENC_MALFORMED");
  });
});

describe("holes", () => {
  test("are put in without moving ids, sizes or alternates from their parts", () => {
    const list = segmentsOf({ sizes: [1, 2, 3] });
    const withAlternate = new SegmentList({ ...list.packed, alternates: [[2, "other@x"]] });
    const gapped = withGaps(withAlternate, [
      { at: 0, parts: 1 },
      { at: 2, parts: 2 },
      { at: 3, parts: 1 },
    ]);
    expect(Array.from({ length: gapped.length }, (_, index) => gapped.idAt(index))).toEqual([
      undefined,
      "p0@x",
      "p1@x",
      undefined,
      undefined,
      "p2@x",
      undefined,
    ]);
    expect(gapped.alternatesAt(5)).toEqual(["other@x"]);
    expect(gapped.encodedSizeAt(5)).toBe(list.encodedSizeAt(2));
    expect([0, 1, 2, 3, 4, 5, 6].map((index) => isHole(gapped, index))).toEqual([
      true,
      false,
      false,
      true,
      true,
      false,
      true,
    ]);
  });
});
