import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { RefusedMember } from "../../src/archive/archive.ts";
import { readSevenZip } from "../../src/archive/seven-zip.ts";
import { SevenZipKeys } from "../../src/archive/seven-zip-keys.ts";
import { readZip } from "../../src/archive/zip.ts";
import { SmallMembers } from "../../src/import/small-members.ts";
import {
  type Cost,
  cancel,
  fixture,
  fixtureRows,
  generousBudget,
  memoryVolumes,
  sha256,
} from "../archive/seven-zip-fixtures.ts";

async function opened(folder: string, file: string, password = "", cost?: Cost) {
  const volumes = memoryVolumes([fixture(`${folder}/${file}`)], cost);
  const options = { passwords: password === "" ? [] : [password], budget: generousBudget(), ...cancel };
  const map = file.endsWith(".zip")
    ? await readZip(volumes, options)
    : await readSevenZip(volumes, { ...options, keys: new SevenZipKeys() });
  return { volumes, refused: map.refused };
}

/** `count` members of one size in a deflated block of `size` bytes, which is all of the first volume. */
function inBlock(packedSize: number, size: number, count: number): readonly RefusedMember[] {
  const pieces = [{ volume: 0, start: 0, end: packedSize }];
  const each = Math.floor(size / count);
  return Array.from({ length: count }, (_, index) => {
    const solid = { properties: Buffer.alloc(0), size, offset: index * each };
    const packed = { method: "Deflate", pieces, cipher: undefined, solid };
    return { path: `${index}.srt`, size: each, code: "ARCHIVE_COMPRESSED", message: "", hint: "", packed };
  });
}

describe("small compressed members", () => {
  test.each([
    ["yauzl", "deflate.zip"],
    ["yauzl", "big-compression.zip"],
    ["bodgit-sevenzip", "lzma.7z"],
    ["bodgit-sevenzip", "issue87.7z"],
    ["bodgit-sevenzip", "7zcracker.7z"],
  ])("%s/%s gives every member's bytes", async (folder, file) => {
    const rows = fixtureRows(folder, new RegExp(`^${file.replace(".", "\\.")}$`));
    const { volumes, refused } = await opened(folder, file, rows[0]?.password);
    const small = new SmallMembers();
    expect(refused.length).toBeGreaterThan(0);
    for (const member of refused) {
      const bytes = await small.extract(member, volumes, cancel);
      const wanted = rows.find((row) => row.member === member.path);
      expect([member.path, bytes && sha256(bytes)]).toEqual([member.path, wanted?.sha256]);
    }
  });

  test("what is packed in another way, or is damaged, is left alone", async () => {
    for (const [folder, file] of [
      ["bodgit-sevenzip", "bcj.7z"],
      ["yauzl", "invalid code lengths set.zip"],
    ] as const) {
      const { volumes, refused } = await opened(folder, file);
      for (const member of refused) {
        expect(await new SmallMembers().extract(member, volumes, cancel)).toBeUndefined();
      }
    }
  });

  test("what does not have the CRC-32 that the archive tells is left alone", async () => {
    const zip = await opened("libarchive-7z-zip", "test_read_format_zip.zip");
    const damaged = zip.refused.find(({ path }) => path === "file2");
    expect(damaged?.packed?.method).toBe("Deflate");
    expect(await new SmallMembers().extract(damaged as RefusedMember, zip.volumes, cancel)).toBeUndefined();

    const { volumes, refused } = await opened("bodgit-sevenzip", "lzma.7z");
    const [member] = refused;
    const { packed } = member ?? {};
    if (member === undefined || packed?.crc32 === undefined) throw new Error("it has no CRC-32");
    const small = new SmallMembers();
    const extracted = (crc32: number | undefined) =>
      small.extract({ ...member, packed: { ...packed, crc32 } }, volumes, cancel);
    expect(await extracted((packed.crc32 ^ 1) >>> 0)).toBeUndefined();
    expect((await extracted(undefined))?.length).toBe(member.size);
  });

  test("a solid block is read once for all its members", async () => {
    const cost = { reads: 0, bytes: 0 };
    const { volumes, refused } = await opened("sharpcompress-7z-zip", "7Zip.solid.1block.7z", "", cost);
    const small = new SmallMembers();
    expect(refused.length).toBeGreaterThan(1);
    cost.bytes = 0;
    for (const member of refused) expect((await small.extract(member, volumes, cancel))?.length).toBe(member.size);
    const [piece] = refused[0]?.packed?.pieces ?? [];
    expect(cost.bytes).toBe((piece?.end ?? 0) - (piece?.start ?? 0));
  });

  test("a damaged solid block is read once too", async () => {
    const cost = { reads: 0, bytes: 0 };
    const volumes = memoryVolumes([Buffer.alloc(100, 0xff)], cost);
    const small = new SmallMembers();
    const members = inBlock(100, 1000, 10);
    for (const member of members) expect(await small.extract(member, volumes, cancel)).toBeUndefined();
    expect(cost.bytes).toBe(100);
  });

  test("of solid blocks, each counts once to what one import may unpack", async () => {
    const size = 4 * 1024 * 1024;
    const cost = { reads: 0, bytes: 0 };
    const packed = deflateRawSync(Buffer.alloc(size));
    const volumes = memoryVolumes([packed], cost);
    const small = new SmallMembers();
    for (let block = 0; block < 8; block += 1) {
      for (const member of inBlock(packed.length, size, 10)) {
        expect((await small.extract(member, volumes, cancel))?.length).toBe(member.size);
      }
    }
    expect(cost.bytes).toBe(8 * packed.length);
    for (const member of inBlock(packed.length, size, 10)) {
      expect(await small.extract(member, volumes, cancel)).toBeUndefined();
    }
    expect(cost.bytes).toBe(8 * packed.length);
  });

  test("a large one is not even read, and all of one import together are bounded", async () => {
    const { volumes, refused } = await opened("yauzl", "deflate.zip");
    const [member] = refused;
    if (member === undefined) throw new Error("nothing is packed in it");
    const unread = volumes.map((volume) => ({
      ...volume,
      file: {
        size: volume.file.size,
        read: () => {
          throw new Error("it was read");
        },
      },
    }));
    const large = { ...member, size: 5 * 1024 * 1024 };
    expect(await new SmallMembers().extract(large, unread, cancel)).toBeUndefined();
    const small = new SmallMembers();
    for (let count = 0; count < 200; count += 1) await small.extract(member, volumes, cancel);
    expect(await small.extract(member, unread, cancel)).toBeUndefined();
  });
});
