import { describe, expect, test } from "@jest/globals";
import { fileKind } from "../../src/import/magic.ts";
import { seededRandom } from "../random.ts";
import { CountedImage, discContent, loadImage, open, sha256, sums, TREE } from "./iso-fixture.ts";
import { type UdfFile, type UdfOptions, writeUdf } from "./udf-writer.ts";

const MODIFIED_AT = 1_700_000_000_000;
const MALFORMED = { code: "ARCHIVE_MALFORMED" };

function file(path: string, size: number, how: Partial<UdfFile> = {}): UdfFile {
  return { path, bytes: discContent(path, size), ...how };
}

/** One file of each kind of allocation. */
const KINDS: readonly UdfFile[] = [
  file("readme.txt", 1234),
  file("empty.dat", 0),
  file("a/in entry.txt", 250, { form: "entry" }),
  file("a/b/long.bin", 9000, { form: "long", runs: 3 }),
  file("a/b/extended.bin", 9001, { form: "extended", runs: 2 }),
  file("日本/chain.bin", 20_000, { form: "long", runs: 5, isChained: true }),
  file("Ünï/plain.bin", 5000, { isPlain: true }),
];

function expectedSums(files: readonly UdfFile[]): Record<string, string> {
  return Object.fromEntries(files.map(({ path, bytes }) => [path, sha256(bytes)]));
}

describe("UDF", () => {
  test("of a bridge disc comes before ISO 9660, and gives every file whole", async () => {
    const bytes = loadImage("bridge.iso");
    expect(fileKind(bytes.subarray(0, 40_000))?.extension).toBe("iso");
    const image = new CountedImage(bytes);
    const { stored, refused } = await open(image);
    const found = await sums(image, stored);
    for (const [path, size] of TREE) {
      // This writer cuts names at 103 characters, as those of Joliet.
      expect(found[path.replace(/n{180}\.nfo/, "n".repeat(103))]).toBe(sha256(discContent(path, size)));
    }
    // UDF 1.02 has no links: the writer made an empty file of it, and ISO 9660 with Rock Ridge would have none.
    expect(Object.keys(found)).toHaveLength(TREE.size + 1);
    expect(found["link.txt"]).toBe(sha256(Buffer.alloc(0)));
    expect(refused).toEqual([]);
  });

  test("that cannot be read leaves the files to ISO 9660 on a bridge disc", async () => {
    const bytes = loadImage("bridge.iso");
    const anchors = [256, bytes.length / 2048 - 1, bytes.length / 2048 - 257];
    for (const block of anchors) bytes.fill(0, block * 2048, (block + 1) * 2048);
    const image = new CountedImage(bytes);
    const expected = [...TREE].map(([path, size]) => [path, sha256(discContent(path, size))]);
    expect(await sums(image, (await open(image)).stored)).toEqual(Object.fromEntries(expected));
  });

  test.each<[string, UdfOptions]>([
    ["blocks of 2048 bytes", {}],
    ["blocks of 512 bytes", { blockSize: 512 }],
    ["blocks of 4096 bytes", { blockSize: 4096 }],
    ["a metadata partition in two runs", { hasMetadata: true }],
    ["only the last anchor", { anchor: "last" }],
    ["only the anchor 256 blocks before the last", { anchor: "last-256", hasMetadata: true }],
  ])("with %s: every kind of allocation gives the right bytes", async (_, options) => {
    const bytes = writeUdf(KINDS, options);
    expect(fileKind(bytes)?.extension).toBe("iso");
    const image = new CountedImage(bytes);
    const { stored, refused } = await open(image);
    expect(await sums(image, stored)).toEqual(expectedSums(KINDS));
    expect(refused).toEqual([]);
    expect(new Set(stored.map(({ modifiedAt }) => modifiedAt))).toEqual(new Set([MODIFIED_AT]));
  });

  test.each(["udf-hd.img", "udf-dvd.img"])("%s, which has no files, is read as empty", async (name) => {
    const { stored, refused } = await open(new CountedImage(loadImage(name)));
    expect([...stored, ...refused]).toEqual([]);
  });

  test.each([
    ["udf-cdrw.img", "*UDF Sparable Partition"],
    ["udf-cdr.img", "*UDF Virtual Partition"],
  ])("%s is refused with the true reason", async (name, reason) => {
    await expect(open(new CountedImage(loadImage(name)))).rejects.toMatchObject({
      ...MALFORMED,
      message: expect.stringContaining(reason),
    });
  });

  test("the metadata file's mirror is used when the file's entry is damaged", async () => {
    const bytes = writeUdf(KINDS, { hasMetadata: true });
    bytes.fill(0, 320 * 2048, 321 * 2048);
    const image = new CountedImage(bytes);
    expect(await sums(image, (await open(image)).stored)).toEqual(expectedSums(KINDS));
  });

  test("the reserve sequence is used when the main one is damaged", async () => {
    const bytes = writeUdf(KINDS);
    bytes.fill(0, 96 * 2048, 104 * 2048);
    const image = new CountedImage(bytes);
    expect(await sums(image, (await open(image)).stored)).toEqual(expectedSums(KINDS));
  });

  test("a file of 3 GiB is joined from extents of less than 1 GiB each", async () => {
    const most = 2 ** 30 - 2048;
    const blocks = most / 2048;
    const allocations = [0, 1, 2].map((n) => [most, 5000 + n * blocks] as const);
    const bytes = writeUdf([file("film.m2ts", 0, { size: 3 * most - 100, allocations, form: "long" })]);
    const { stored } = await open(new CountedImage(bytes, 4 * 2 ** 30));
    const start = (320 + 5000) * 2048;
    expect(stored).toMatchObject([
      { path: "film.m2ts", size: 3 * most - 100, pieces: [{ volume: 0, start, end: start + 3 * most - 100 }] },
    ]);
  });

  test("a file with parts that were never recorded is refused, and the others are served", async () => {
    const image = new CountedImage(writeUdf([file("hole.bin", 9000, { runs: 3, hasHole: true }), ...KINDS]));
    const { stored, refused } = await open(image);
    expect(refused).toMatchObject([{ path: "hole.bin", code: "ARCHIVE_MALFORMED", size: 9000 }]);
    expect(await sums(image, stored)).toEqual(expectedSums(KINDS));
  });

  test("a file that is longer than its extents, or lies beyond the end, is refused", async () => {
    const { refused } = await open(
      new CountedImage(
        writeUdf([
          file("long.bin", 3000, { size: 2 ** 40 }),
          file("entry.bin", 100, { size: 3000, form: "entry" }),
          file("far.bin", 0, { size: 2048, allocations: [[2048, 0xffff_fff0]] }),
        ]),
      ),
    );
    expect(refused.map(({ path, code }) => [path, code])).toEqual([
      ["long.bin", "ARCHIVE_MALFORMED"],
      ["entry.bin", "ARCHIVE_MALFORMED"],
      ["far.bin", "ARCHIVE_INCOMPLETE"],
    ]);
  });

  test("two names of one file are two files", async () => {
    const image = new CountedImage(writeUdf([...KINDS, file("a/again.txt", 0, { sameAs: "readme.txt" })]));
    const found = await sums(image, (await open(image)).stored);
    expect(found["a/again.txt"]).toBe(found["readme.txt"]);
  });

  test("reads file entries and folders by windows, whatever the files' sizes", async () => {
    const many = Array.from({ length: 400 }, (_, n) => file(`BDMV/CLIPINF/${n}.clpi`, 3000));
    const image = new CountedImage(writeUdf(many, { hasMetadata: true }));
    const { stored } = await open(image);
    expect(stored).toHaveLength(400);
    // 400 entries of 2 KiB are 25 windows; the folder, the anchor and the sequence a few more.
    expect(image.reads.length).toBeLessThanOrEqual(34);
  });
});

describe("a hostile UDF image", () => {
  test("a folder that contains the root is refused", async () => {
    const image = new CountedImage(writeUdf([...KINDS, file("a/loop", 0, { sameAs: "" })]));
    await expect(open(image)).rejects.toMatchObject(MALFORMED);
    expect(image.reads.length).toBeLessThan(20);
  });

  test("allocation descriptors that continue in themselves run into the bound, not for ever", async () => {
    const bytes = writeUdf([file("x.bin", 9000, { form: "long", runs: 3, isChained: true, size: 2 ** 40 })]);
    const last = lastTag(bytes, 258);
    // The last block of descriptors gets a continuation to itself in place of its extent.
    bytes.writeUInt32LE(2048 + 3 * 2 ** 30, last + 24);
    bytes.writeUInt32LE(last / 2048 - 320, last + 28);
    const image = new CountedImage(bytes);
    await expect(open(image)).rejects.toMatchObject(MALFORMED);
    expect(image.reads.length).toBeLessThan(20);
  });

  test("a folder of a terabyte is refused before it is read", async () => {
    const bytes = writeUdf(KINDS);
    const root = (320 + 2) * 2048;
    bytes.writeBigUInt64LE(2n ** 40n, root + 56);
    bytes.writeUInt32LE(2 ** 30 - 2048, root + 216);
    for (const size of [bytes.length, 2 ** 41]) {
      const image = new CountedImage(bytes, size);
      await expect(open(image)).rejects.toMatchObject({ code: expect.stringMatching(/^ARCHIVE_/) });
      expect(image.bytesRead).toBeLessThan(1 << 20);
    }
  });

  test("volume descriptors that point to themselves end", async () => {
    const bytes = writeUdf(KINDS);
    for (const block of [96, 128]) {
      const at = block * 2048;
      bytes.writeUInt16LE(3, at);
      bytes[at + 4] = (bytes[at + 4] as number) + 2;
      bytes.writeUInt32LE(2048, at + 20);
      bytes.writeUInt32LE(block, at + 24);
    }
    const image = new CountedImage(bytes);
    await expect(open(image)).rejects.toMatchObject(MALFORMED);
    expect(image.reads.length).toBeLessThan(20);
  });

  test("a metadata file that lies within itself is refused", async () => {
    const bytes = writeUdf(KINDS, { hasMetadata: true });
    // Both maps claim that their file is where a plain file's entry lies.
    for (const block of [320, 321]) bytes[block * 2048 + 27] = 5;
    await expect(open(new CountedImage(bytes))).rejects.toMatchObject(MALFORMED);
  });

  test("an image that is cut anywhere is refused, or serves only what is whole", async () => {
    const files = [file("first.bin", 30_000), file("last.bin", 30_000)];
    const bytes = writeUdf(files, { hasMetadata: true });
    for (let length = 0; length < bytes.length; length += 20_011) {
      const image = new CountedImage(bytes.subarray(0, length));
      const map = await open(image).catch((error: { code: string }) => error.code);
      if (typeof map === "string") expect(map).toMatch(/^ARCHIVE_(MALFORMED|INCOMPLETE)$/);
      else {
        const found = await sums(image, map.stored);
        for (const { path, bytes } of files) expect([undefined, sha256(bytes)]).toContain(found[path]);
        expect(map.stored.length + map.refused.length).toBe(2);
      }
    }
  });
});

function lastTag(bytes: Buffer, tag: number): number {
  for (let at = bytes.length - 2048; at >= 0; at -= 2048) {
    if (bytes.readUInt16LE(at) === tag && bytes.readUInt16LE(at + 2) === 3) return at;
  }
  throw new Error(`no descriptor ${tag}`);
}

describe("damage in a disc image", () => {
  /** Where the headers of each lie. */
  const IMAGES: readonly [string, () => Buffer, number, number][] = [
    ["rockridge.iso", () => loadImage("rockridge.iso"), 32_768, 90_000],
    ["joliet.iso", () => loadImage("joliet.iso"), 32_768, 120_000],
    ["bridge.iso", () => loadImage("bridge.iso"), 32_768, 700_000],
    ["a UDF volume with a metadata partition", () => writeUdf(KINDS, { hasMetadata: true }), 320 * 2048, 440 * 2048],
    ["a UDF volume", () => writeUdf(KINDS), 96 * 2048, 340 * 2048],
  ];

  test.each(IMAGES)(
    "in %s is refused, or leaves a map within the image, in bounded reads",
    async (_, load, from, to) => {
      const clean = load();
      let refusals = 0;
      for (let seed = 1; seed <= 80; seed += 1) {
        const random = seededRandom(seed);
        const bytes = damaged(clean, { from, to, random });
        const image = new CountedImage(bytes, random() < 0.5 ? bytes.length : 2 ** 40);
        try {
          const { stored, feature } = await open(image);
          for (const { size, pieces } of feature ? [...stored, feature] : stored) {
            expect(pieces.every(({ start, end }) => start >= 0 && start < end && end <= image.size)).toBe(true);
            expect(pieces.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(size);
          }
        } catch (error) {
          refusals += 1;
          expect(`seed ${seed}: ${(error as { code?: string }).code}`).toMatch(/: ARCHIVE_(MALFORMED|INCOMPLETE)$/);
        }
        expect(image.bytesRead).toBeLessThanOrEqual(8 << 20);
        expect(image.reads.length).toBeLessThanOrEqual(2000);
      }
      // Seeds that damage nothing of interest would prove nothing, nor would those that never get past the first header.
      expect(refusals).toBeGreaterThan(0);
      expect(refusals).toBeLessThan(78);
    },
  );
});

/** With up to fifty bytes or numbers changed, most of them where something is written. */
function damaged(clean: Buffer, { from, to, random }: { from: number; to: number; random: () => number }): Buffer {
  const bytes = Buffer.from(clean);
  for (let left = 1 + Math.floor(random() * 50); left > 0; ) {
    const at = from + Math.floor(random() * (to - from - 4));
    if (bytes[at] === 0 && random() < 0.98) continue;
    left -= 1;
    if (random() < 0.5) bytes[at] = Math.floor(random() * 256);
    else bytes.writeUInt32LE(random() < 0.5 ? 0xffff_ffff : Math.floor(random() * 1000), at);
  }
  return bytes;
}
