import { crc32, inflateRawSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { memberFile } from "../../src/archive/member-file.ts";
import { readZip } from "../../src/archive/zip.ts";
import { findZipSpans } from "../../src/archive/zip-spans.ts";
import { bytesOf, cancel, fixture, fixtureRows, generousBudget, memoryVolumes, sha256 } from "./seven-zip-fixtures.ts";
import { writeZip } from "./zip-writer.ts";

function options(passwords: readonly string[] = []) {
  return { ...cancel, passwords, budget: generousBudget() };
}

async function contents(volumes: ReturnType<typeof memoryVolumes>, passwords: readonly string[] = []) {
  const map = await readZip(volumes, options(passwords));
  const read = map.stored.map(async (member) => [member.path, (await bytesOf(memberFile(member, volumes))).toString()]);
  return Object.fromEntries(await Promise.all(read));
}

describe("a byte-split zip archive", () => {
  test("is read whatever its pieces cut through", async () => {
    const bytes = writeZip([
      { name: "a.srt", bytes: Buffer.from("first") },
      { name: "b/c.srt", bytes: Buffer.from("second one") },
    ]);
    for (let size = 5; size < bytes.length; size += 3) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(await contents(memoryVolumes(pieces))).toEqual({ "a.srt": "first", "b/c.srt": "second one" });
    }
  });

  test("without its last piece is incomplete", async () => {
    const bytes = writeZip([{ name: "a", bytes: Buffer.alloc(1000, 1) }]);
    await expect(readZip(memoryVolumes([bytes.subarray(0, 900)]), options())).rejects.toMatchObject({
      code: "ARCHIVE_INCOMPLETE",
    });
  });
});

describe("a spanned zip archive", () => {
  test("has its disks put in order by their names", () => {
    expect(findZipSpans(["x.zip", "film.z02", "FILM.ZIP", "film.z01", "film.nfo"])).toEqual([
      { name: "film.zip", disks: [3, 1, 2], trouble: undefined },
    ]);
    expect(findZipSpans(["a.zx02", "a.zx01", "a.zipx"])[0]).toMatchObject({ disks: [1, 0, 2], trouble: undefined });
  });

  test.each([
    [["film.z01", "film.z03", "film.zip"], "film.z02"],
    [["film.z02", "film.zip"], "film.z01"],
    [["film.z01", "film.z02"], "film.zip"],
  ])("of %j names the missing %s", (names, missing) => {
    const [span] = findZipSpans(names);
    expect(span?.trouble).toMatchObject({
      code: "ARCHIVE_INCOMPLETE",
      message: expect.stringContaining(`"${missing}"`),
    });
  });

  test("with a disk too few is incomplete, by what its end says", async () => {
    const last = fixture("sharpcompress-7z-zip/WinZip26.nocomp.multi.zip");
    await expect(readZip(memoryVolumes([last]), options())).rejects.toMatchObject({
      code: "ARCHIVE_INCOMPLETE",
      message: "the zip archive has 2 volumes, of which 1 are there",
    });
  });
});

describe("reading a zip archive", () => {
  test("costs one read for its end and directory, and one for all local headers within 64 KiB", async () => {
    const cost = { reads: 0, bytes: 0 };
    const small = Array.from({ length: 50 }, (_, i) => ({ name: `${i}.srt`, bytes: Buffer.from(`subtitle ${i}`) }));
    await readZip(memoryVolumes([writeZip(small)], cost), options());
    expect(cost.reads).toBe(2);
    const large = Array.from({ length: 5 }, (_, i) => ({ name: `${i}.mkv`, bytes: Buffer.alloc(200_000, i) }));
    cost.reads = 0;
    cost.bytes = 0;
    await readZip(memoryVolumes([writeZip(large)], cost), options());
    expect(cost.reads).toBe(6);
    expect(cost.bytes).toBeLessThan(16 * 1024);
  });

  test("never reads the data of stored members", async () => {
    const cost = { reads: 0, bytes: 0 };
    const bytes = writeZip([{ name: "film.mkv", bytes: Buffer.alloc(5_000_000) }], { comment: 0 });
    const map = await readZip(memoryVolumes([bytes], cost), options());
    expect([map.stored.length, cost.reads, cost.bytes < 16 * 1024]).toEqual([1, 2, true]);
  });

  test("finds the end before a comment of 65,535 bytes, with two more reads", async () => {
    const cost = { reads: 0, bytes: 0 };
    const bytes = writeZip([{ name: "a", bytes: Buffer.from("x") }], { comment: 65_535 });
    await readZip(memoryVolumes([bytes], cost), options());
    expect(cost.reads).toBe(4);
    expect(await contents(memoryVolumes([bytes]))).toEqual({ a: "x" });
  });

  test("goes by ZIP64 fields, where the plain ones are all ones", async () => {
    const bytes = writeZip(
      [
        { name: "a", bytes: Buffer.from("wide") },
        { name: "b", bytes: Buffer.from("too") },
      ],
      { isWide: true },
    );
    expect(await contents(memoryVolumes([bytes]))).toEqual({ a: "wide", b: "too" });
  });

  test("leaves out symbolic links, and only those that Unix made", async () => {
    const bytes = writeZip([
      { name: "film.mkv", bytes: Buffer.from("film"), mode: 0o100644 },
      { name: "link.mkv", bytes: Buffer.from("film.mkv"), mode: 0o120777 },
      { name: "film.srt", bytes: Buffer.from("text") },
    ]);
    const map = await readZip(memoryVolumes([bytes]), options());
    expect([map.stored.map(({ path }) => path), map.refused]).toEqual([["film.mkv", "film.srt"], []]);
    const entry = bytes.lastIndexOf("link.mkv") - 46;
    bytes.writeUInt8(10, entry + 5);
    expect(await contents(memoryVolumes([bytes]))).toEqual({
      "film.mkv": "film",
      "link.mkv": "film.mkv",
      "film.srt": "text",
    });
  });

  test("takes DOS times for UTC", async () => {
    const map = await readZip(memoryVolumes([writeZip([{ name: "a", bytes: Buffer.from("x") }])]), options());
    expect(map.stored[0]?.modifiedAt).toBe(Date.UTC(2020, 4, 17, 12, 34, 56));
  });
});

describe("a zip archive under WinZip's AES", () => {
  const bytes = fixture("sharpcompress-7z-zip/Zip.none.encrypted.zip");

  test("is read from the middle", async () => {
    const volumes = memoryVolumes([bytes]);
    const map = await readZip(volumes, options(["test"]));
    const [member] = map.stored;
    if (member === undefined) throw new Error("no member");
    const whole = await bytesOf(memberFile(member, volumes));
    for (const start of [0, 1, 15, 16, 17, 100, 198]) {
      expect(await bytesOf(memberFile(member, volumes), { start, end: 199 })).toEqual(whole.subarray(start));
    }
  });

  test("is refused member by member when no password fits", async () => {
    const map = await readZip(memoryVolumes([bytes]), options(["Test", "TEST"]));
    expect(map).toMatchObject({ stored: [], password: undefined });
    expect(map.refused.map(({ path, code }) => [path, code])).toEqual([
      ["first.txt", "ARCHIVE_ENCRYPTED"],
      ["second.txt", "ARCHIVE_ENCRYPTED"],
    ]);
  });

  test("says that its password is certain when two members prove it, and not when only one does", async () => {
    expect((await readZip(memoryVolumes([bytes]), options(["test"]))).passwordIsCertain).toBe(true);
    const single = fixture("libarchive-7z-zip/test_read_format_zip_winzip_aes256_stored.zip");
    const map = await readZip(memoryVolumes([single]), options(["password"]));
    expect([map.password, map.passwordIsCertain]).toEqual(["password", false]);
  });
});

describe("a hostile zip archive", () => {
  const bytes = writeZip([{ name: "a", bytes: Buffer.from("x") }]);
  const end = bytes.length - 22;
  const hostile = (change: (bytes: Buffer) => void) => {
    const copy = Buffer.from(bytes);
    change(copy);
    return readZip(memoryVolumes([copy]), options());
  };

  test.each<[string, (bytes: Buffer) => void]>([
    ["with 65,535 entries that are not there", (copy) => copy.writeUInt16LE(65_534, end + 10)],
    ["with a directory of four gigabytes", (copy) => copy.writeUInt32LE(0xfffffff0, end + 12)],
    ["with a directory beyond its end", (copy) => copy.writeUInt32LE(0x7fffffff, end + 16)],
  ])("%s is refused", async (_, change) => {
    await expect(hostile(change)).rejects.toMatchObject({ code: "ARCHIVE_MALFORMED" });
  });

  test("whose members overlap is still read within its own bytes", async () => {
    const map = await hostile((copy) => copy.writeUInt32LE(bytes.length, end - 47 + 42));
    expect(map.refused.map(({ code }) => code)).toEqual(["ARCHIVE_MALFORMED"]);
  });
});

test("packed members come with what it takes to unpack them", async () => {
  const volumes = memoryVolumes([fixture("yauzl/deflate.zip")]);
  const { refused } = await readZip(volumes, options());
  const [member] = refused;
  expect(member).toMatchObject({ code: "ARCHIVE_COMPRESSED", packed: { method: "Deflate", cipher: undefined } });
  const pieces = member?.packed?.pieces ?? [];
  const raw = await Promise.all(
    pieces.map((piece) => bytesOf((volumes[piece.volume] as (typeof volumes)[0]).file, piece)),
  );
  const bytes = inflateRawSync(Buffer.concat(raw));
  const [row] = fixtureRows("yauzl", /^deflate\.zip$/);
  expect([String(member?.size), sha256(bytes)]).toEqual([row?.size, row?.sha256]);
  expect(member?.packed?.crc32).toBe(crc32(bytes));
});
