import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import type { ByteRange } from "../../src/base/byte-range.ts";
import { ArticleError } from "../../src/base/errors.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Extent, ExtentMap, FileCipher } from "../../src/catalog/catalog.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import type { Damage } from "../../src/reader/damage.ts";
import { filler } from "../../src/reader/filler.ts";
import { Reader } from "../../src/reader/reader.ts";
import { SegmentCache } from "../../src/reader/segment-cache.ts";
import { capacityFor } from "../../src/reader/slots.ts";
import type { Wait } from "../../src/reader/wait.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../random.ts";
import { FakeSource, settle } from "./fake-source.ts";

const never = new AbortController().signal;
const SEGMENT = 5_003;
/** Large enough to be given piece by piece as it arrives. */
const LARGE = 40_009;
/** What lies before and behind the bytes of the file in each segment. */
const HEAD = 41;
const SIZE = 120_011;
const KEY = Buffer.alloc(32, 7);
const IV = Buffer.alloc(16, 9);

type Mode = "cbc" | "ctr";

/** ZIP's CTR, a block at a time. */
function zipCtr(plain: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < plain.length; at += 16) {
    const counter = Buffer.alloc(16);
    counter.writeUInt32LE(at / 16 + 1);
    blocks.push(createCipheriv("aes-256-ctr", KEY, counter).update(plain.subarray(at, at + 16)));
  }
  return Buffer.concat(blocks);
}

/** A file encrypted over segments of an odd size, with something else around its bytes in each of them. */
function start({ mode = "cbc", skip = 0, segment = SEGMENT }: { mode?: Mode; skip?: number; segment?: number } = {}) {
  const stream = patternContent(5, skip + SIZE).read(0, skip + SIZE);
  const padded = Buffer.concat([stream, Buffer.alloc((16 - (stream.length % 16)) % 16)]);
  const packed =
    mode === "ctr" ? zipCtr(stream) : createCipheriv("aes-256-cbc", KEY, IV).setAutoPadding(false).update(padded);
  const count = Math.ceil(packed.length / segment);
  const id = (index: number) => `part${index}@test` as MessageId;
  const contents = new Map(
    Array.from({ length: count }, (_, index) => {
      const own = packed.subarray(index * segment, (index + 1) * segment);
      return [id(index) as string, Buffer.concat([Buffer.alloc(HEAD, 1), own, Buffer.alloc(HEAD, 2)])] as const;
    }),
  );
  const cipher: FileCipher = {
    ...(mode === "ctr" ? { mode, iv: Buffer.alloc(0) } : { iv: IV }),
    key: KEY,
    size: SIZE,
    skip,
  };
  const map: ExtentMap = {
    size: packed.length,
    cipher,
    at(offset): Extent {
      const index = Math.floor(offset / segment);
      const size = (contents.get(id(index)) as Buffer).length;
      const article = { id: id(index), alternates: [], begin: index * 99_999, size, encodedSize: size };
      return { start: index * segment, end: index * segment + size - 2 * HEAD, skip: HEAD, segment: article };
    },
  };
  const source = new FakeSource(contents);
  const clock = new ManualClock();
  const cache = new SegmentCache({ source, budgetBytes: 64 * capacityFor(segment + 2 * HEAD), clock });
  const reader = new Reader({ cache, readAheadBytes: 2 ** 20, clock });
  return { bytes: stream.subarray(skip), count, packed, map, source, cache, clock, reader, id };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) {
    expect(chunk.length).toBeGreaterThan(0);
    parts.push(Buffer.from(chunk));
  }
  return Buffer.concat(parts);
}

function randomRange(random: () => number, edges: readonly number[]): ByteRange {
  const place = () => {
    const near = edges[Math.floor(random() * edges.length)] as number;
    return random() < 0.5
      ? Math.min(SIZE, Math.max(0, near + Math.floor(random() * 40) - 20))
      : Math.floor(random() * SIZE);
  };
  const [a, b] = [place(), place()];
  return { start: Math.min(a, b), end: Math.max(a, b) };
}

const KINDS = [
  { mode: "cbc" as const, skip: 0 },
  { mode: "cbc" as const, skip: 21 },
  { mode: "ctr" as const, skip: 0 },
];

describe.each(KINDS)("a file in AES-$mode that begins $skip bytes after its stream does", ({ mode, skip }) => {
  test("gives any range of its plaintext, and is as long as that", async () => {
    const { reader, map, bytes, source, cache, count } = start({ mode, skip });
    source.isOpen = true;
    const file = reader.open(map);
    expect(file.size).toBe(SIZE);
    const random = seededRandom(11);
    const edges = Array.from({ length: count }, (_, index) => index * SEGMENT - skip);
    for (let n = 0; n < 200; n += 1) {
      const range = randomRange(random, edges);
      const got = await collect(file.read(range, { signal: never }));
      expect(got.equals(bytes.subarray(range.start, range.end))).toBe(true);
    }
    const whole = await collect(file.read({ start: 0, end: SIZE + 500 }, { signal: never }));
    expect(whole.equals(bytes)).toBe(true);
    expect([...source.fetched.values()]).toEqual(Array(count).fill(1));
    expect(cache.stats().pinnedSlots).toBe(0);
  });

  test("is decrypted as its articles arrive, however the bytes come", async () => {
    const { reader, map, bytes, source } = start({ mode, skip, segment: LARGE });
    const chunks: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of reader.open(map).read({ start: 5, end: SIZE }, { signal: never })) {
        chunks.push(Buffer.from(chunk));
      }
    })();
    await settle();
    for (let filled = 1; filled < LARGE; filled += 333) {
      source.calls[0]?.progress(filled);
      await settle();
    }
    // Before its first article is complete.
    expect(chunks.length).toBeGreaterThan(20);
    source.isOpen = true;
    for (const call of source.calls) call.finish();
    await reading;
    expect(Buffer.concat(chunks).equals(bytes.subarray(5))).toBe(true);
  });

  test("whose articles are missing is filled with what stands for its plaintext: the same bytes in every read", async () => {
    const { reader, map, bytes, source, count, id } = start({ mode, skip });
    source.isOpen = true;
    const gone = new Set([0, 3, 7, 8, 14, count - 1]);
    const holes = [...gone].map((index) => map.at(index * SEGMENT));
    // Of CBC each block that has a byte in a hole is lost, and the one behind, whose IV it is.
    const isLost = (offset: number) => {
      const block = Math.floor((offset + skip) / 16) * 16;
      if (mode === "ctr") return holes.some(({ start, end }) => offset >= start && offset < end);
      return holes.some(({ start, end }) => block + 16 > start && block - 16 < end);
    };
    const fill = Buffer.concat([...filler("blu-ray-stream", { start: 0, end: SIZE })]);
    const expected = Buffer.from(bytes);
    for (let at = 0; at < SIZE; at += 1) if (isLost(at)) expected[at] = fill[at] as number;
    const told = new Map<number, number>();
    const damage: Damage = {
      fill(extent, wanted) {
        told.set(extent.start, extent.end);
        return filler("blu-ray-stream", wanted);
      },
      sound() {},
    };
    lacks(source, [...gone].map(id));
    const file = reader.open(map, { damage });
    const whole = await collect(file.read({ start: 0, end: SIZE }, { signal: never }));
    expect(whole.equals(expected)).toBe(true);
    expect([...told]).toEqual(holes.map(({ start, end }) => [start, end]));
    const random = seededRandom(12);
    const edges = holes.flatMap(({ start, end }) => [start - skip, end - skip]);
    for (let n = 0; n < 300; n += 1) {
      const range = randomRange(random, edges);
      const got = await collect(file.read(range, { signal: never }));
      expect(got.equals(expected.subarray(range.start, range.end))).toBe(true);
    }
  });
});

/** From now on nobody has these articles. */
function lacks(source: FakeSource, gone: readonly string[]): void {
  const body = source.body.bind(source);
  source.body = (id, into, options) =>
    gone.includes(id)
      ? Promise.reject(new ArticleError("ARTICLE_MISSING", "no provider has it"))
      : body(id, into, options);
}

describe("an encrypted file", () => {
  test.each([
    ["inside of an article", 7 * SEGMENT + 100, 1, [7]],
    ["in the first block of the file", 3, 1, [0]],
    ["in the first whole block of an article", 7 * SEGMENT + 12, 1, [6, 7]],
    ["in a block over two articles", 7 * SEGMENT - 1, 1, [6, 7]],
    ["up to the end of the file", SIZE - 1, 1, [23]],
    ["over several", 7 * SEGMENT + 100, 2 * SEGMENT, [7, 8, 9]],
  ])("is read %s from the articles that hold it and no other", async (_where, at, length, articles) => {
    const { reader, map, bytes, source, id } = start();
    source.isOpen = true;
    const got = await collect(reader.open(map).read({ start: at, end: at + length }, { signal: never }));
    expect(got.equals(bytes.subarray(at, at + length))).toBe(true);
    expect([...source.fetched]).toEqual(articles.map((index) => [id(index), 1]));
  });

  test("without bytes is read without a fetch", async () => {
    const { reader, source, map } = start();
    const empty: ExtentMap = { size: 0, cipher: { key: KEY, iv: IV, size: 0 }, at: map.at };
    expect(await collect(reader.open(empty).read({ start: 0, end: 100 }, { signal: never }))).toHaveLength(0);
    expect(await collect(reader.open(map).read({ start: 50, end: 50 }, { signal: never }))).toHaveLength(0);
    expect(source.calls).toEqual([]);
  });

  test("fails where an article is missing and nothing may stand for it, also where that holds only the block before", async () => {
    const { reader, map, source, cache, id } = start();
    source.isOpen = true;
    lacks(source, [id(6)]);
    const file = reader.open(map);
    for (const range of [
      { start: 6 * SEGMENT, end: 6 * SEGMENT + 1 },
      { start: 7 * SEGMENT + 12, end: 7 * SEGMENT + 13 },
    ]) {
      await expect(collect(file.read(range, { signal: never }))).rejects.toMatchObject({ code: "ARTICLE_MISSING" });
    }
    const sound = await collect(file.read({ start: 7 * SEGMENT + 40, end: 8 * SEGMENT }, { signal: never }));
    expect(sound.length).toBe(SEGMENT - 40);
    expect(cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });

  test("breaks off when an article of which something was given turns out bad", async () => {
    const { reader, map, source } = start({ segment: LARGE });
    const damage: Damage = { fill: (_extent, wanted) => filler("zeros", wanted), sound() {} };
    const read = reader.open(map, { damage }).read({ start: 0, end: SIZE }, { signal: never });
    const first = read.next();
    await settle();
    source.calls[0]?.progress(30_000);
    expect((await first).done).toBe(false);
    const second = read.next();
    await settle();
    source.calls[0]?.fail(new ArticleError("ARTICLE_CORRUPT", "its checksum is wrong"));
    await expect(second).rejects.toMatchObject({ code: "ARTICLE_CORRUPT" });
  });

  test("that waits for the block before its range and then for the range has waited for its first bytes twice", async () => {
    const { reader, map, source, clock } = start();
    const waits: Wait[] = [];
    const observer = { waited: (wait: Wait) => void waits.push(wait) };
    const read = reader.open(map, { observer }).read({ start: 7 * SEGMENT + 12, end: 9 * SEGMENT }, { signal: never });
    const first = read.next();
    for (let article = 0; article < 2; article += 1) {
      await settle();
      clock.advance(10);
      source.calls[article]?.finish();
    }
    await first;
    await read.return();
    expect(waits.map(({ isFirst }) => isFirst)).toEqual([true, true]);
  });

  test.each(["leaves", "aborts"])("leaves nothing behind when its reader %s", async (how) => {
    const { reader, map, source, cache } = start();
    const controller = new AbortController();
    const read = reader.open(map).read({ start: 0, end: SIZE }, { signal: controller.signal });
    const first = read.next();
    await settle();
    source.calls[0]?.finish();
    await first;
    if (how === "leaves") await read.return();
    else {
      const next = read.next().then(() => read.next());
      controller.abort(new Error("client left"));
      await expect(next).rejects.toThrow("client left");
    }
    await settle();
    expect(source.running).toBe(0);
    expect(reader.activeReads).toBe(0);
    expect(cache.stats()).toMatchObject({ flights: 0, pinnedSlots: 0 });
  });
});
