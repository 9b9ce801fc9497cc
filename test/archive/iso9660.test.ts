import { describe, expect, test } from "@jest/globals";
import { CountedImage, discContent, loadImage, open, sha256, sums, TREE } from "./iso-fixture.ts";

const MODIFIED_AT = 1_700_000_000_000;
const DEEP = "a/b/c/d/e/f/g/h/i/deep file with a rather long name.mkv";

/** What every file of the tree must be, by the names that `rename` gives them. */
function expectedSums(rename: (path: string) => string = (path) => path): Record<string, string> {
  return Object.fromEntries([...TREE].map(([path, size]) => [rename(path), sha256(discContent(path, size))]));
}

describe("ISO 9660", () => {
  test("Rock Ridge gives whole names, moved folders their places, and links are left out", async () => {
    const image = new CountedImage(loadImage("rockridge.iso"));
    const { stored, refused, feature } = await open(image);
    expect(await sums(image, stored)).toEqual(expectedSums());
    expect(refused).toEqual([]);
    expect(feature).toBeUndefined();
    expect(new Set(stored.map(({ modifiedAt }) => modifiedAt))).toEqual(new Set([MODIFIED_AT]));
  });

  test("Joliet names are read where there is no Rock Ridge", async () => {
    const image = new CountedImage(loadImage("joliet.iso"));
    const { stored } = await open(image);
    // Joliet cuts names at 103 characters.
    const rename = (path: string) => path.replace(/n{180}\.nfo/, "n".repeat(103));
    expect(await sums(image, stored)).toEqual(expectedSums(rename));
  });

  test("plain names lose their version and the dot of an empty extension", async () => {
    const image = new CountedImage(loadImage("plain.iso"));
    const { stored } = await open(image);
    const found = await sums(image, stored);
    expect(Object.keys(found)).toHaveLength(TREE.size - 1);
    expect(found["README.TXT"]).toBe(sha256(discContent("readme.txt", 1234)));
    expect(found["__N__COD/FILM____.MKV"]).toBe(sha256(discContent("Ünïcode 日本/Film – 2024.mkv", 9000)));
    expect(found["A/B/MANY039.SRT"]).toBe(sha256(discContent("a/b/many039.srt", 49)));
    expect(stored.filter(({ path }) => /[;.]$|;/.test(path))).toEqual([]);
  });

  test("an empty file is served without pieces", async () => {
    const { stored } = await open(new CountedImage(loadImage("rockridge.iso")));
    expect(stored.find(({ path }) => path === "empty.dat")).toMatchObject({ size: 0, pieces: [] });
  });

  test("a file above 4 GiB is one piece, joined from its extents, and what follows it is found", async () => {
    const image = new CountedImage(loadImage("big.iso.head"), 6 * 2 ** 30);
    const { stored } = await open(image);
    expect(stored.map(({ path, size, pieces }) => ({ path, size, pieces: pieces.length }))).toEqual([
      { path: "big.bin", size: 5 * 2 ** 30, pieces: 1 },
      { path: "z.txt", size: 6, pieces: 1 },
    ]);
    const [big, small] = stored;
    expect(small?.pieces[0]?.start).toBe(big?.pieces[0]?.end);
    expect(image.bytesRead).toBeLessThanOrEqual(131_072);
  });

  test("a file whose bytes are not all in the image is refused, and the others are served", async () => {
    const whole = loadImage("big.iso.head");
    const { stored, refused } = await open(new CountedImage(whole, 3 * 2 ** 30));
    expect(stored).toEqual([]);
    expect(refused.map(({ path, code }) => [path, code])).toEqual([
      ["big.bin", "ARCHIVE_INCOMPLETE"],
      ["z.txt", "ARCHIVE_INCOMPLETE"],
    ]);
    const cut = loadImage("rockridge.iso").subarray(0, 100_000);
    const found = await open(new CountedImage(cut));
    expect(found.stored.length).toBeGreaterThan(0);
    expect(found.refused.length).toBeGreaterThan(0);
    expect(found.stored.length + found.refused.length).toBe(TREE.size);
  });

  test("a file that zisofs compressed is refused as compressed", async () => {
    const image = new CountedImage(loadImage("zisofs.iso"));
    const { stored, refused } = await open(image);
    expect(stored.map(({ path }) => path)).toEqual(["plain.txt"]);
    expect(refused).toMatchObject([{ path: "zeros.txt", code: "ARCHIVE_COMPRESSED" }]);
    expect(refused[0]?.message).toContain("zisofs");
  });

  test("reads directories, in a few windows of 32 KiB", async () => {
    const image = new CountedImage(loadImage("rockridge.iso"));
    await open(image);
    // Seventeen folders and the descriptors lie within the first 100 KB.
    expect(image.reads.length).toBeLessThanOrEqual(3);
    expect(image.bytesRead).toBeLessThanOrEqual(3 * 32_768);
  });
});

/** Where a directory record of this name begins. */
function recordOf(image: Buffer, name: string): number {
  const root = image.readUInt32LE(32_768 + 158) * 2048;
  return image.indexOf(Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1")]), root) - 32;
}

describe("a hostile ISO 9660 image", () => {
  test("a folder that contains itself is refused", async () => {
    const bytes = loadImage("plain.iso");
    const folder = recordOf(bytes, "A");
    const root = bytes.subarray(32_768 + 156);
    root.copy(bytes, folder + 2, 2, 18);
    const image = new CountedImage(bytes);
    await expect(open(image)).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
    expect(image.reads.length).toBeLessThan(10);
  });

  test("a folder of 4 GiB is refused before it is read", async () => {
    const bytes = loadImage("plain.iso");
    bytes.writeUInt32LE(0xffff_ffff, recordOf(bytes, "A") + 10);
    for (const size of [bytes.length, 8 * 2 ** 30]) {
      const image = new CountedImage(bytes, size);
      await expect(open(image)).rejects.toMatchObject({
        code: expect.stringMatching(/^ARCHIVE_(MALFORMED|INCOMPLETE)$/),
      });
      expect(image.bytesRead).toBeLessThan(300_000);
    }
  });

  test("a record that crosses the end of its sector is refused", async () => {
    const bytes = loadImage("plain.iso");
    bytes[recordOf(bytes, "MANY039.SRT;1")] = 255;
    await expect(open(new CountedImage(bytes))).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
  });

  test("a file in parts without a last part is refused", async () => {
    const bytes = loadImage("plain.iso");
    const last = recordOf(bytes, "README.TXT;1");
    bytes[last + 25] = 0x80;
    const after = last + (bytes[last] as number);
    // What follows in the folder is cut off, so that nothing continues the file.
    bytes.fill(0, after, after - (after % 2048) + 2048);
    await expect(open(new CountedImage(bytes))).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
  });

  test("a Rock Ridge entry that continues in itself runs into the bound, not for ever", async () => {
    const bytes = loadImage("rockridge.iso");
    const continuation = bytes.indexOf(Buffer.from([0x43, 0x45, 28, 1]), recordOf(bytes, "NNNNNNNN.NFO;1"));
    expect(continuation).toBeGreaterThan(0);
    const block = bytes.length / 2048 - 1;
    for (const at of [block * 2048, continuation]) {
      bytes.write("CE", at, "latin1");
      bytes.set([28, 1], at + 2);
      for (const [field, value] of [
        [4, block],
        [12, 0],
        [20, 2048],
      ] as const)
        bytes.writeUInt32LE(value, at + field);
    }
    const image = new CountedImage(bytes);
    await expect(open(image)).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
    expect(image.reads.length).toBeLessThan(10);
  });

  test("an interleaved file is refused, and the others are served", async () => {
    const bytes = loadImage("plain.iso");
    bytes[recordOf(bytes, "README.TXT;1") + 26] = 1;
    const { stored, refused } = await open(new CountedImage(bytes));
    expect(refused).toMatchObject([{ path: "README.TXT", code: "ARCHIVE_MALFORMED" }]);
    expect(stored.length).toBe(TREE.size - 2);
  });

  test("an image that ends within its directories is refused as incomplete", async () => {
    const bytes = loadImage("rockridge.iso").subarray(0, 53_000);
    await expect(open(new CountedImage(bytes))).rejects.toMatchObject({ code: "ARCHIVE_INCOMPLETE" });
  });

  test("a budget that is used up ends the reading", async () => {
    const image = new CountedImage(loadImage("rockridge.iso"));
    await expect(open(image, { bytes: 1 << 20, reads: 1 })).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
    expect(image.reads).toHaveLength(1);
  });

  test("names cannot add folders to a path", async () => {
    const bytes = loadImage("rockridge.iso");
    const at = bytes.indexOf("deep file", 0, "latin1");
    bytes.write("../../x/y", at, "latin1");
    const { stored } = await open(new CountedImage(bytes));
    expect(stored.map(({ path }) => path)).toContain(DEEP.replace("deep file", ".._.._x_y"));
  });
});
