import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { RefusedMember, Volume } from "../../src/archive/archive.ts";
import { memberFile } from "../../src/archive/member-file.ts";
import { readSevenZip } from "../../src/archive/seven-zip.ts";
import { SevenZipKeys } from "../../src/archive/seven-zip-keys.ts";
import { unpackLzma, unpackLzma2 } from "../../src/archive/seven-zip-unpack.ts";
import {
  bytesOf,
  type Cost,
  cancel,
  type FixtureRow,
  fixture,
  fixtureRows,
  generousBudget,
  memoryVolumes,
  sha256,
} from "./seven-zip-fixtures.ts";

const FOLDERS = ["bodgit-sevenzip", "libarchive-7z-zip", "sharpcompress-7z-zip", "altmount-7z"];
const NAMES = /\.7z(\.\d+)?$/;

/** `archive > member` that are symbolic links, which are left out. */
const LINKS = new Set(["test_read_format_7zip_symbolic_name.7z > symlinkfile"]);

interface Archive {
  readonly folder: string;
  readonly files: readonly string[];
  readonly rows: readonly FixtureRow[];
}

function archives(): readonly Archive[] {
  return FOLDERS.flatMap((folder) => {
    const rows = fixtureRows(folder, NAMES);
    const firsts = [...new Set(rows.filter(({ volume }) => !volume.includes(" of ")).map(({ file }) => file))];
    return firsts.map((first) => {
      const others = rows.filter(({ volume }) => volume.endsWith(` of ${first}`)).map(({ file }) => file);
      return { folder, files: [first, ...others], rows: rows.filter(({ file }) => file === first) };
    });
  });
}

async function read({ folder, files, rows }: Archive, cost?: Cost) {
  const volumes = memoryVolumes(
    files.map((file) => fixture(`${folder}/${file}`)),
    cost,
  );
  const passwords = ["not this one", ...new Set(rows.map(({ password }) => password).filter((word) => word !== ""))];
  const map = await readSevenZip(volumes, { ...cancel, passwords, keys: new SevenZipKeys(), budget: generousBudget() });
  return { map, volumes };
}

/** What a tool that reads the whole archive makes of a compressed member; undefined where that takes other decoders than ours. */
async function unpacked({ size, packed }: RefusedMember, volumes: readonly Volume[]): Promise<Buffer | undefined> {
  const { method, pieces, cipher, solid } = packed ?? {};
  if (pieces === undefined || solid === undefined || (method !== "LZMA" && method !== "LZMA2")) return undefined;
  const length = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  const whole = { path: "", size: length, modifiedAt: undefined, pieces, cipher, crc32: undefined };
  const bytes = await bytesOf(memberFile(whole, volumes));
  const properties = Buffer.from(solid.properties);
  const out =
    method === "LZMA" ? await unpackLzma(bytes, properties, solid.size) : await unpackLzma2(bytes, solid.size);
  return out.subarray(solid.offset, solid.offset + size);
}

describe("7z archives that others wrote", () => {
  for (const archive of archives()) {
    const listed = archive.rows.filter(
      ({ file, member }) => member !== "" && member !== "(none listed)" && !LINKS.has(`${file} > ${member}`),
    );
    if (listed.length === 0) continue;
    test(`${archive.folder}/${archive.files[0]}: all ${listed.length} members are served, or refused as compressed`, async () => {
      const cost = { reads: 0, bytes: 0 };
      const { map, volumes } = await read(archive, cost);
      expect(cost.reads).toBeLessThanOrEqual(4);
      expect(cost.bytes).toBeLessThan(1024);
      expect(map.stored.length + map.refused.length).toBe(listed.length);
      for (const { member, size, sha256: expected, method } of listed) {
        const stored = map.stored.find(({ path }) => path === member);
        const refused = map.refused.find(({ path }) => path === member);
        if (method.startsWith("compressed") && size !== "0") {
          expect([member, refused?.code, String(refused?.size)]).toEqual([member, "ARCHIVE_COMPRESSED", size]);
          const bytes = refused && (await unpacked(refused, volumes));
          if (bytes !== undefined && expected !== "") expect([member, sha256(bytes)]).toEqual([member, expected]);
          if (bytes && refused?.packed?.crc32 !== undefined) expect(crc32(bytes)).toBe(refused.packed.crc32);
        } else {
          const bytes = stored && (await bytesOf(memberFile(stored, volumes)));
          expect([member, bytes && sha256(bytes)]).toEqual([member, expected]);
          if (bytes && stored?.crc32 !== undefined) expect(crc32(bytes)).toBe(stored.crc32);
        }
      }
    });
  }

  test.each([
    ["libarchive-7z-zip/test_read_format_7zip_entries_oom.7z", "ARCHIVE_MALFORMED"],
    ["libarchive-7z-zip/test_read_format_7zip_folders_oom.7z", "ARCHIVE_MALFORMED"],
    ["libarchive-7z-zip/test_read_format_7zip_issue2765.7z", "ARCHIVE_MALFORMED"],
    ["libarchive-7z-zip/test_read_format_7zip_malformed.7z", "ARCHIVE_INCOMPLETE"],
    ["libarchive-7z-zip/test_read_format_7zip_malformed2.7z", "ARCHIVE_INCOMPLETE"],
    ["libarchive-7z-zip/test_read_format_7zip_malformed3.7z", "ARCHIVE_MALFORMED"],
    ["libarchive-7z-zip/test_read_format_7zip_malformed4.7z", "ARCHIVE_MALFORMED"],
    ["libarchive-7z-zip/test_read_format_7zip_malformed_numfiles_oom.7z", "ARCHIVE_MALFORMED"],
  ])("%s is refused as %s after two reads at most", async (path, code) => {
    const cost = { reads: 0, bytes: 0 };
    const options = { ...cancel, passwords: [], keys: new SevenZipKeys(), budget: generousBudget() };
    await expect(readSevenZip(memoryVolumes([fixture(path)], cost), options)).rejects.toMatchObject({ code });
    expect(cost.reads).toBeLessThanOrEqual(2);
  });

  test.each([
    "libarchive-7z-zip/test_read_format_7zip_empty_archive.7z",
    "bodgit-sevenzip/COMPRESS-492.7z",
    "bodgit-sevenzip/empty2.7z",
  ])("%s is an archive without members", async (path) => {
    const options = { ...cancel, passwords: [], keys: new SevenZipKeys(), budget: generousBudget() };
    const map = await readSevenZip(memoryVolumes([fixture(path)]), options);
    expect([map.stored, map.refused]).toEqual([[], []]);
  });
});
