import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { memberFile } from "../../src/archive/member-file.ts";
import { readSevenZip, type SevenZipOptions } from "../../src/archive/seven-zip.ts";
import { SevenZipKeys } from "../../src/archive/seven-zip-keys.ts";
import { sevenZipSize } from "../../src/archive/seven-zip-start.ts";
import { bytesOf, cancel, fixture, generousBudget, memoryVolumes, sha256Of } from "./seven-zip-fixtures.ts";
import { join, number, withStart, writeSevenZip } from "./seven-zip-writer.ts";

const FILM = {
  "film.mkv": "90acc253c9b6ff3926b73cc0c774fe8ae82af284eac73e83c0fd536238f3a052",
  "film.nfo": "1ee4a9377e8e95a21beb1d340cb30e867720eeddfd1a2bf0f83b7552fac66ee7",
  "sub/ünïcode ☃.srt": "2f7519161258d06bfa39aab7e66579b4b526ad39c22af138a5e640580e98c8ad",
};

function options(passwords: readonly string[] = [], keys = new SevenZipKeys()): SevenZipOptions {
  return { ...cancel, passwords, keys, budget: generousBudget() };
}

function cut(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

describe("a 7z archive with an encrypted header", () => {
  const bytes = fixture("made-7z/header-encrypted.7z");

  test("is served with the right one of several passwords, in three reads and one key each", async () => {
    const cost = { reads: 0, bytes: 0 };
    const volumes = memoryVolumes([bytes], cost);
    const keys = new SevenZipKeys();
    const map = await readSevenZip(volumes, options(["wrong", "pässwörd ☃", "never tried"], keys));
    expect(map).toMatchObject({ refused: [], password: "pässwörd ☃", passwordIsCertain: true });
    expect([cost.reads, keys.derivations]).toEqual([3, 2]);
    const sums = await Promise.all(map.stored.map(async (member) => [member.path, await sha256Of(member, volumes)]));
    expect(Object.fromEntries(sums)).toEqual(FILM);
  });

  test("is refused as encrypted without the right password, and says how many were tried", async () => {
    await expect(readSevenZip(memoryVolumes([bytes]), options(["a", "b"]))).rejects.toMatchObject({
      code: "ARCHIVE_ENCRYPTED",
      message: expect.stringContaining("none of the 2 known passwords"),
    });
    await expect(readSevenZip(memoryVolumes([bytes]), options())).rejects.toMatchObject({
      code: "ARCHIVE_ENCRYPTED",
      message: expect.stringContaining("there is no password for it"),
    });
  });

  test("never shows a password in what it throws", async () => {
    const error = await readSevenZip(memoryVolumes([bytes]), options(["hunter2"])).catch((reason) => reason);
    expect(JSON.stringify([error.message, error.hint, String(error.cause), error.stack])).not.toContain("hunter2");
  });
});

describe("a split 7z archive", () => {
  test("is read whatever its pieces cut through: member, block, header or start", async () => {
    const bytes = fixture("made-7z/header-encrypted.7z");
    const keys = new SevenZipKeys();
    for (const size of [7, 31, 100, 1001, 2048, bytes.length - 250, bytes.length - 1]) {
      const volumes = memoryVolumes(cut(bytes, size));
      const map = await readSevenZip(volumes, options(["pässwörd ☃"], keys));
      for (const member of map.stored) {
        expect([size, member.path, await sha256Of(member, volumes)]).toEqual([
          size,
          member.path,
          FILM[member.path as keyof typeof FILM],
        ]);
      }
    }
    expect(keys.derivations).toBe(1);
  });

  test("without its last piece is incomplete, after one read", async () => {
    const cost = { reads: 0, bytes: 0 };
    const pieces = cut(fixture("made-7z/header-encrypted.7z"), 1000).slice(0, -1);
    await expect(readSevenZip(memoryVolumes(pieces, cost), options())).rejects.toMatchObject({
      code: "ARCHIVE_INCOMPLETE",
    });
    expect(cost).toEqual({ reads: 1, bytes: 32 });
  });

  test("tells the size of the whole in its first 32 bytes", () => {
    const bytes = fixture("made-7z/header-encrypted.7z");
    expect(sevenZipSize(bytes.subarray(0, 32))).toBe(bytes.length);
    expect(sevenZipSize(bytes.subarray(0, 31))).toBeUndefined();
    expect(sevenZipSize(Buffer.alloc(32))).toBeUndefined();
  });
});

describe("an encrypted 7z archive with an open header", () => {
  test("has its password proven by the zeros at the end of one stream, with one more read", async () => {
    const cost = { reads: 0, bytes: 0 };
    const volumes = memoryVolumes([fixture("made-7z/encrypted.7z")], cost);
    const map = await readSevenZip(volumes, options(["Secret", "secret"]));
    expect(map).toMatchObject({ password: "secret", passwordIsCertain: true });
    expect(cost.reads).toBe(4);
    const sums = await Promise.all(map.stored.map(async (member) => [member.path, await sha256Of(member, volumes)]));
    expect(Object.fromEntries(sums)).toEqual(FILM);
  });

  test("lists its members as refused, by name and size, when no password fits", async () => {
    const map = await readSevenZip(memoryVolumes([fixture("made-7z/encrypted.7z")]), options(["Secret"]));
    expect(map).toMatchObject({ stored: [], password: undefined });
    expect(map.refused.map(({ path, size, code }) => [path, size, code]).sort()).toEqual([
      ["film.mkv", 5003, "ARCHIVE_ENCRYPTED"],
      ["film.nfo", 321, "ARCHIVE_ENCRYPTED"],
      ["sub/ünïcode ☃.srt", 1600, "ARCHIVE_ENCRYPTED"],
    ]);
  });

  test("without any padding is proven by the checksum of a small member", async () => {
    const bytes = writeSevenZip([{ files: [{ name: "a", bytes: Buffer.alloc(160, 1) }], password: "right" }]);
    const map = await readSevenZip(memoryVolumes([bytes]), options(["wrong", "right"]));
    expect([map.password, map.passwordIsCertain]).toEqual(["right", true]);
  });

  test("without anything that proves a password takes the first, and says that it is not certain", async () => {
    const files = [{ name: "a", bytes: Buffer.alloc(100_000, 1) }];
    const cost = { reads: 0, bytes: 0 };
    const volumes = memoryVolumes([writeSevenZip([{ files, password: "right" }])], cost);
    const map = await readSevenZip(volumes, options(["wrong", "right"]));
    expect([map.password, map.passwordIsCertain]).toEqual(["wrong", false]);
    expect(cost.reads).toBe(2);
    const [member] = map.stored;
    expect(member && crc32(await bytesOf(memberFile(member, volumes)))).not.toBe(member?.crc32);
  });
});

describe("many members in one 7z stream", () => {
  const files = [5, 16, 11, 1, 47, 33, 160].map((size, index) => ({
    name: `${index}.bin`,
    bytes: Buffer.alloc(size, 65 + index),
  }));

  test.each([
    ["plain", {}],
    ["encrypted", { password: "pw" }],
  ])("are each read on their own, %s", async (_, secret) => {
    const bytes = writeSevenZip([{ files, ...secret }, { files: [{ name: "z", bytes: Buffer.from("zz") }] }]);
    const volumes = memoryVolumes(cut(bytes, 50));
    const map = await readSevenZip(volumes, options(["pw"]));
    expect(map.refused).toEqual([]);
    const read = await Promise.all(map.stored.map((member) => bytesOf(memberFile(member, volumes))));
    expect(read.map((content) => content.toString())).toEqual([
      ...files.map(({ bytes: content }) => content.toString()),
      "zz",
    ]);
  });

  test("take along no more than two blocks of their neighbours", async () => {
    const map = await readSevenZip(memoryVolumes([writeSevenZip([{ files, password: "pw" }])]), options(["pw"]));
    for (const { size, pieces } of map.stored) {
      expect(pieces.reduce((sum, { start, end }) => sum + end - start, 0)).toBeLessThanOrEqual(size + 16 + 15 + 15);
    }
  });
});

test("links are left out of a 7z archive, but not what is too long to be one", async () => {
  const link = ((0o120777 << 16) | 0x8020) >>> 0;
  const entries = [
    { name: "film.mkv", bytes: Buffer.from("film"), attribute: ((0o100644 << 16) | 0x8020) >>> 0 },
    { name: "unix", bytes: Buffer.from("film.mkv"), attribute: link },
    { name: "windows", bytes: Buffer.from("film.mkv"), attribute: 0x420 },
    { name: "deduplicated", bytes: Buffer.alloc(20_000, 1), attribute: 0x420 },
    // Without the bit that says so, the high half is no mode.
    { name: "film.srt", bytes: Buffer.from("text"), attribute: (link & ~0x8000) >>> 0 },
  ];
  const bytes = writeSevenZip([{ files: entries }]);
  const packed = entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
  const attributes = entries.map(({ attribute }) => {
    const field = Buffer.alloc(4);
    field.writeUInt32LE(attribute);
    return field;
  });
  const header = join([bytes.subarray(32 + packed, -2), 0x15, 2 + 4 * entries.length, 1, 0, ...attributes, 0, 0]);
  const volumes = memoryVolumes([withStart(bytes.subarray(32, 32 + packed), header)]);
  const map = await readSevenZip(volumes, options());
  expect(map.refused).toEqual([]);
  const sums = map.stored.map(async (member) => [member.path, crc32(await bytesOf(memberFile(member, volumes)))]);
  const wanted = entries.filter(({ name }) => name !== "unix" && name !== "windows");
  expect(await Promise.all(sums)).toEqual(wanted.map((entry) => [entry.name, crc32(entry.bytes)]));
});

describe("a large 7z header", () => {
  test("packed with LZMA2 in several runs gives all 4000 members", async () => {
    const cost = { reads: 0, bytes: 0 };
    const volumes = memoryVolumes([fixture("made-7z/lzma2-header.7z")], cost);
    const map = await readSevenZip(volumes, options());
    expect([map.stored.length, cost.reads]).toEqual([4000, 3]);
    for (const index of [0, 1, 6, 7, 3999]) {
      const member = map.stored[index];
      const content = member && (await bytesOf(memberFile(member, volumes)));
      expect(content).toEqual(Buffer.alloc((index % 7) + 1, index & 255));
      expect(member?.crc32).toBe(content && crc32(content));
    }
  });
});

describe("a hostile 7z archive", () => {
  const read = (header: Buffer, data = Buffer.alloc(64)) =>
    readSevenZip(memoryVolumes([withStart(data, header)]), options(["pw"]));

  test.each([
    [
      "a password stretched 2^25 times",
      writeSevenZip([{ files: [{ name: "a", bytes: Buffer.from("a") }], password: "x", power: 0 }]),
      25,
    ],
    [
      "a password stretched 2^62 times",
      writeSevenZip([{ files: [{ name: "a", bytes: Buffer.from("a") }], password: "x", power: 0 }]),
      62,
    ],
  ])("with %s is refused before any of the work", async (_, bytes, power) => {
    const header = Buffer.from(bytes.subarray(48));
    const at = header.indexOf(Buffer.from("06f10701", "hex")) + 5;
    header[at] = 0xc0 | power;
    const keys = new SevenZipKeys();
    const hostile = withStart(bytes.subarray(32, 48), header);
    await expect(readSevenZip(memoryVolumes([hostile]), options(["pw"], keys))).rejects.toMatchObject({
      code: "ARCHIVE_MALFORMED",
    });
    expect(keys.derivations).toBe(0);
  });

  test("whose streams want a key each is refused when that becomes too much work", async () => {
    const keys = new SevenZipKeys({ maxRounds: 100 });
    const iv = Buffer.alloc(16);
    const get = (salt: number) => keys.get("pw", { power: 5, salt: Buffer.from([salt]), iv }, cancel);
    expect(await get(1)).toEqual(await get(1));
    await get(2);
    await get(3);
    await expect(get(4)).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
  });

  test.each([
    ["2^53 files", join([1, 5, Buffer.from("ffffffffffffff1f00", "hex"), 0, 0])],
    ["a billion folders", join([1, 4, 7, 0x0b, number(1e9), 0, 0, 0])],
    ["a billion packed streams", join([1, 4, 6, 0, number(1e9), 9, 0])],
    [
      "a billion members in a folder",
      join([1, 4, 6, 0, 1, 9, 5, 0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c, 5, 0, 8, 0x0d, number(1e9), 9, 0]),
    ],
    ["a coder of a million streams", join([1, 4, 7, 0x0b, 1, 0, 1, 0x11, 0, number(1e6), number(1e6), 0])],
    [
      "a member larger than the archive",
      join([1, 4, 6, 0, 1, 9, number(1e12), 0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c, number(1e12), 0, 0, 5, 1, 0, 0]),
    ],
    ["a member before its beginning", join([1, 4, 6, Buffer.from("ffffffffffffffffff", "hex"), 1, 9, 5, 0, 0, 0])],
    [
      "a packed header of a gigabyte",
      join([0x17, 6, 0, 1, 9, 20, 0, 7, 0x0b, 1, 0, 1, 0x21, 0x21, 1, 24, 0x0c, number(2 ** 30), 0, 0]),
    ],
    ["a part that is there twice", join([1, 4, 6, 0, 0, 0, 6, 0, 0, 0, 0, 0])],
    ["33 coders in a folder", join([1, 4, 7, 0x0b, 1, 0, 33, Buffer.alloc(200)])],
    [
      "coders in a circle",
      join([1, 4, 6, 0, 1, 9, 5, 0, 7, 0x0b, 1, 0, 2, 1, 0, 1, 0, 0, 0, 0x0c, 5, 5, 0, 0, 5, 1, 0, 0]),
    ],
  ])("with %s is refused", async (_, header) => {
    const outcome = await read(header).catch((error) => error);
    expect(outcome.code ?? outcome.refused[0]?.code).toMatch(/^ARCHIVE_(MALFORMED|COMPRESSED)$/);
    expect(outcome.stored ?? []).toEqual([]);
  });

  test("whose header packs itself again is refused after four layers", async () => {
    const again = join([0x17, 6, 0, 1, 9, number(27), 0, 7, 0x0b, 1, 0, 1, 1, 0, 0x0c, number(27), 0, 0]);
    const cost = { reads: 0, bytes: 0 };
    const padded = Buffer.concat([again, Buffer.alloc(27)]).subarray(0, 27);
    const bytes = withStart(padded, again);
    await expect(readSevenZip(memoryVolumes([bytes], cost), options())).rejects.toMatchObject({
      code: "ARCHIVE_MALFORMED",
    });
    expect(cost.reads).toBeLessThanOrEqual(6);
  });

  test("runs into the budget for headers", async () => {
    const bytes = fixture("made-7z/lzma2-header.7z");
    const small = { ...options(), budget: { bytes: 10_000, reads: 100 } };
    await expect(readSevenZip(memoryVolumes([bytes]), small)).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
  });
});

test("a reader that leaves gets its own reason", async () => {
  const leaving = new AbortController();
  const reason = new Error("nobody waits any more");
  const reading = readSevenZip(memoryVolumes([fixture("made-7z/header-encrypted.7z")]), {
    ...options(["wrong"]),
    signal: leaving.signal,
  });
  leaving.abort(reason);
  await expect(reading).rejects.toBe(reason);
});
