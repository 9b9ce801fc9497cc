import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import type { ByteRange } from "../../src/base/byte-range.ts";
import type { SeekableFile } from "../../src/base/seekable-file.ts";
import { matchPar2, md5Of16k } from "../../src/par2/file-names.ts";
import { isPar2, readPar2Packets } from "../../src/par2/packets.ts";
import { type Par2Set, RecoverySets } from "../../src/par2/recovery-sets.ts";
import { seededRandom } from "../random.ts";
import { type Described, filePacket, idOf, mainPacket, md5, packet, SET_ID } from "./par2-writer.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/par2/", import.meta.url));
const cancel = { signal: new AbortController().signal };

interface Cost {
  reads: number;
  bytes: number;
}

function memoryFile(bytes: Buffer, cost: Cost): SeekableFile {
  return {
    size: bytes.length,
    async *read({ start, end }: ByteRange) {
      if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError(`no bytes ${start} to ${end}`);
      cost.reads += 1;
      cost.bytes += end - start;
      for (let at = start; at < end; at += 999) yield bytes.subarray(at, Math.min(end, at + 999));
    },
  };
}

async function setsIn(bytes: Buffer, cost: Cost = { reads: 0, bytes: 0 }, budget = { bytes: 2 ** 24, reads: 100 }) {
  const sets = new RecoverySets();
  for await (const found of readPar2Packets(memoryFile(bytes, cost), { ...cancel, budget })) sets.add(found);
  return sets.list();
}

function names(sets: readonly Par2Set[]) {
  return sets.flatMap(({ files }) => files.map(({ name }) => name));
}

function random(size: number, seed: number): Buffer {
  const next = seededRandom(seed);
  return Buffer.from(Array.from({ length: size }, () => Math.floor(next() * 256)));
}

const film: Described = { name: "film.part1.rar", bytes: random(20_000, 1) };
const note: Described = { name: "film.nfo", bytes: random(333, 2) };
const both = [film, note];
const small = Buffer.concat([mainPacket(4096, both), ...both.map((file) => filePacket(file))]);

describe("a PAR2 file of par2cmdline", () => {
  const index = readFileSync(`${FIXTURES}Some.Movie.par2`);
  const volume = readFileSync(`${FIXTURES}Some.Movie.vol0+2.par2`);

  test("names the posted files, their sizes and the slices", async () => {
    const cost = { reads: 0, bytes: 0 };
    const [set, ...others] = await setsIn(index, cost);
    expect(others).toEqual([]);
    expect(set?.files.map(({ name, size }) => [name, size]).sort()).toEqual([
      ["r5-vol-p-new.part01.rar", 65_536],
      ["r5-vol-p-new.part02.rar", 65_536],
      ["r5-vol-p-new.part03.rar", 65_536],
      ["r5-vol-p-new.part04.rar", 65_536],
      ["r5-vol-p-new.part05.rar", 39_563],
    ]);
    for (const { size, slices } of set?.files ?? []) {
      expect(slices.length).toBe(20 * Math.ceil(size / (set?.sliceSize ?? 0)));
    }
    expect(cost).toEqual({ reads: 1, bytes: index.length });
  });

  test("says the same in its recovery volume, as it does with any packets of both", async () => {
    const [fromVolume] = await setsIn(volume);
    const [fromIndex] = await setsIn(index);
    const [fromBoth] = await setsIn(Buffer.concat([volume, index]));
    const byName = (set: Par2Set | undefined) => [...(set?.files ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(byName(fromVolume)).toEqual(byName(fromIndex));
    expect(byName(fromBoth)).toEqual(byName(fromIndex));
  });

  test("gives a file under a random name its own back, by its first 16 KiB", async () => {
    const head = readFileSync(`${FIXTURES}r5-vol-p-new.part01.rar.head`);
    const sets = await setsIn(index);
    const [match] = matchPar2(sets, [{ name: "c0ffee", md5Of16k: md5Of16k(head), size: 65_536 }]);
    expect([match?.file.name, match?.as]).toEqual(["r5-vol-p-new.part01.rar", "whole"]);
    expect(isPar2(index)).toBe(true);
    expect(isPar2(head)).toBe(false);
  });
});

describe("packets", () => {
  test("are found behind anything that is damaged or foreign", async () => {
    const broken = filePacket({ name: "broken", bytes: Buffer.from("x") });
    broken[70] = (broken[70] as number) ^ 1;
    const junk = random(1001, 3);
    expect(names(await setsIn(Buffer.concat([junk, broken, junk, small, junk])))).toEqual([
      "film.part1.rar",
      "film.nfo",
    ]);
  });

  test("are found where the first bytes of a magic end a window", async () => {
    for (const offset of [65_536 - 3, 65_536 - 7, 65_536 - 8, 65_536 - 60]) {
      expect(names(await setsIn(Buffer.concat([Buffer.alloc(offset), small])))).toHaveLength(2);
    }
  });

  test("with recovery data are jumped over and not read", async () => {
    const slice = packet("PAR 2.0\0RecvSlic", Buffer.alloc(2_000_000));
    const cost = { reads: 0, bytes: 0 };
    const sets = await setsIn(Buffer.concat([slice, slice, small, slice]), cost);
    expect(names(sets)).toHaveLength(2);
    expect(cost.reads).toBeLessThanOrEqual(4);
    expect(cost.bytes).toBeLessThan(4 * 65_537);
  });

  test.each([0n, 4n, 63n, 66n, 2n ** 40n, 2n ** 63n])(
    "that claim to be %d bytes long are passed by",
    async (length) => {
      const liar = Buffer.from(filePacket(film));
      liar.writeBigUInt64LE(length, 8);
      expect(names(await setsIn(Buffer.concat([liar, small])))).toHaveLength(2);
    },
  );

  test("that overlap by the thousand end in bounded work", async () => {
    const head = Buffer.alloc(64);
    head.write("PAR2\0PKT", "latin1");
    head.writeBigUInt64LE(512n * 1024n, 8);
    head.write("PAR 2.0\0FileDesc", 48, "latin1");
    const cost = { reads: 0, bytes: 0 };
    const bytes = Buffer.concat([...Array.from({ length: 16_384 }, () => head), Buffer.alloc(512 * 1024)]);
    expect(await setsIn(bytes, cost)).toEqual([]);
    expect(cost.reads).toBeLessThanOrEqual(100);
  });

  test("beyond the budget are left out, and those before them kept", async () => {
    const slice = packet("PAR 2.0\0RecvSlic", Buffer.alloc(100_000));
    const bytes = Buffer.concat([filePacket(film), slice, slice, slice, filePacket(note)]);
    const cost = { reads: 0, bytes: 0 };
    expect(names(await setsIn(bytes, cost, { bytes: 2 ** 20, reads: 2 }))).toEqual(["film.part1.rar"]);
    expect(cost.reads).toBe(2);
  });

  test("of any bytes never do harm", async () => {
    const next = seededRandom(4);
    for (let round = 0; round < 1500; round++) {
      const bytes = Buffer.from(small);
      for (let i = 0; i < 3; i++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      // With a checksum that is right again, so that the body is looked at.
      const end = Number(bytes.readBigUInt64LE(8));
      if (end > 64 && end <= bytes.length) md5(bytes.subarray(32, end)).copy(bytes, 16);
      const sets = await setsIn(bytes.subarray(0, Math.floor(next() * bytes.length)));
      for (const { files } of sets) for (const { size } of files) expect(Number.isSafeInteger(size)).toBe(true);
    }
  });
});

describe("names", () => {
  test("are UTF-8, or else what QuickPar writes", async () => {
    const latin = { name: "", nameBytes: Buffer.from("Gl\xfcck.mkv", "latin1"), bytes: random(10, 5) };
    const utf8 = { name: "Glück ☃.mkv", bytes: random(10, 6) };
    expect(names(await setsIn(Buffer.concat([filePacket(latin), filePacket(utf8)])))).toEqual([
      "Glück.mkv",
      "Glück ☃.mkv",
    ]);
  });

  test("are those of the Unicode packet, where there is one", async () => {
    const unicode = packet("PAR 2.0\0UniFileN", Buffer.concat([idOf(note), Buffer.from("ноты.nfo\0", "utf16le")]));
    expect(names(await setsIn(Buffer.concat([unicode, filePacket(note)])))).toEqual(["ноты.nfo"]);
  });
});

describe("matching", () => {
  const sets = setsIn(small);

  test("goes by the first 16 KiB and the size, or the first 16 KiB alone while the size is not known", async () => {
    const posted = (size: number | undefined) => ({ name: "x", md5Of16k: md5Of16k(film.bytes), size });
    const matches = matchPar2(await sets, [posted(20_000), posted(undefined), posted(19_999), posted(20_001)]);
    expect(matches.map((match) => match && [match.file.name, match.as])).toEqual([
      ["film.part1.rar", "whole"],
      ["film.part1.rar", "whole"],
      ["film.part1.rar", "beginning"],
      undefined,
    ]);
  });

  test("takes a file under 16 KiB as a whole", async () => {
    const [whole, cut] = matchPar2(await sets, [
      { name: "x", md5Of16k: md5Of16k(note.bytes), size: 333 },
      { name: "x", md5Of16k: md5Of16k(note.bytes.subarray(0, 300)), size: 300 },
    ]);
    expect([whole?.file.name, cut]).toEqual(["film.nfo", undefined]);
  });

  test("matches a damaged file all the same, since only its beginning is compared", async () => {
    const damaged = Buffer.from(film.bytes).fill(0, 17_000);
    const [match] = matchPar2(await sets, [{ name: "x", md5Of16k: md5Of16k(damaged), size: 20_000 }]);
    expect(match?.file.md5).toBe(createHash("md5").update(film.bytes).digest("hex"));
  });

  test("does not guess between two files that begin alike, unless the size or the posted name tells them apart", async () => {
    const start = random(16_384, 7);
    const twins = ["a.mkv", "b.mkv"].map((name, i) => ({ name, bytes: Buffer.concat([start, Buffer.from([i])]) }));
    const longer = { name: "c.mkv", bytes: Buffer.concat([start, Buffer.alloc(2)]) };
    const all = await setsIn(Buffer.concat([...twins, longer].map((file) => filePacket(file))));
    const posted = (name: string, size: number) => ({ name, md5Of16k: md5Of16k(start), size });
    const matches = matchPar2(all, [posted("x", 16_385), posted("b.mkv", 16_385), posted("x", 16_386)]);
    expect(matches.map((match) => match?.file.name)).toEqual([undefined, "b.mkv", "c.mkv"]);
  });

  test("tells the sets of one post apart, and takes what two of them say alike", async () => {
    const other = Buffer.from(SET_ID).reverse();
    const all = await setsIn(Buffer.concat([small, filePacket(note, other), mainPacket(64, [note], other)]));
    expect(all.map(({ id, sliceSize, files }) => [id, sliceSize, files.length])).toEqual([
      [SET_ID.toString("hex"), 4096, 2],
      [other.toString("hex"), 64, 1],
    ]);
    const [match] = matchPar2(all, [{ name: "x", md5Of16k: md5Of16k(note.bytes), size: 333 }]);
    expect([match?.file.name, match?.set]).toEqual(["film.nfo", SET_ID.toString("hex")]);
  });

  test("without any description finds nothing", () => {
    expect(matchPar2([], [{ name: "x", size: 1, md5Of16k: md5Of16k(note.bytes) }])).toEqual([undefined]);
  });
});
