import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { memberFile } from "../../src/archive/member-file.ts";
import { readZip } from "../../src/archive/zip.ts";
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

const FOLDERS = ["yauzl", "libarchive-7z-zip", "sharpcompress-7z-zip"];
const NAMES = /(\.zipx?|\.jar|\.z01|zip_sfx)$/;

/** Archives that cannot be read at all, and those with members that the directory describes wrongly. */
const REFUSED: Readonly<Record<string, string>> = {
  "yauzl/End of central directory record signature not found Either not a zip file or file is truncated.zip":
    "ARCHIVE_INCOMPLETE",
  "yauzl/End of central directory record signature not found Either not a zip file or file is truncated_1.zip":
    "ARCHIVE_MALFORMED",
  "yauzl/invalid central directory file header signature 0x1014b50.zip": "ARCHIVE_MALFORMED",
  "yauzl/invalid zip64 end of central directory record signature.zip": "ARCHIVE_MALFORMED",
  "yauzl/multi-disk zip files are not supported found disk number 1.zip": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_bz2_hang.zip": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_encryption_header.zip": "ARCHIVE_ENCRYPTED",
  "libarchive-7z-zip/test_read_format_zip_extra_padding.zip": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_lzma_alone_leak.zipx": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_malformed1.zip": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_ppmd8_crash_1.zipx": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_ppmd8_crash_2.zipx": "ARCHIVE_INCOMPLETE",
  "libarchive-7z-zip/test_read_format_zip_zipx_lzma_oom.zipx": "ARCHIVE_INCOMPLETE",
};

/** `archive > member` that are symbolic links. */
const LINKS = new Set([
  "test_read_format_zip_symlink.zip > symlink",
  "test_read_format_zip_symlink_unsupported_compression.zip > bad_symlink",
  "test_read_format_zip_7z_lzma.zip > _installdir/abc_tools/2000.9-beta11/bin/abc_measurement_analysis_sample",
  "test_read_format_zip_7z_deflate.zip > libxkbcommon-x11.so",
  "test_read_format_zip_7z_deflate.zip > libxkbcommon-x11.so.0",
]);

/** `archive > member` that contradict themselves or the rest of the archive. */
const DAMAGED = new Set([
  "compressed uncompressed size mismatch for stored file 2147483647 5.zip > a.txt",
  "extra field length exceeds extra field buffer size.zip > b.txt",
  "file data overflows file bounds 63 2147483647 308.zip > a.txt",
  "invalid local file header signature 0x3034b50.zip > b.txt",
  "unexpected EOF.zip > empty.txt",
  "zip64 extended information extra field does not include compressed size.zip > empty.txt",
  "zip64 extended information extra field does not include relative header offset.zip > empty.txt",
  "zip64 extended information extra field does not include uncompressed size.zip > empty.txt",
  "test_read_format_zip_size_exceeds_declared_stored.zip > first",
  "test_read_format_zip_uncompressed_size_off_by_4gib.zip > hello.txt",
]);

async function read(path: string, passwords: readonly string[], cost: Cost) {
  const files = path.endsWith(".z01") ? [path, path.replace(/z01$/, "zip")] : [path];
  const volumes = memoryVolumes(
    files.map((file) => fixture(file)),
    cost,
  );
  return { volumes, map: await readZip(volumes, { ...cancel, passwords, budget: generousBudget() }) };
}

/** The code that a member is to be refused with; undefined when it is to be served. */
function verdict({ file, member, size, method }: FixtureRow): string | undefined {
  if (DAMAGED.has(`${file} > ${member}`)) return "ARCHIVE_MALFORMED";
  // The password of this one is not what its manifest says.
  if (/ZipCrypto|pkAES/.test(method) || file.includes("aes256_streaming")) return "ARCHIVE_ENCRYPTED";
  return method.startsWith("compressed") && size !== "0" ? "ARCHIVE_COMPRESSED" : undefined;
}

describe("zip archives that others wrote", () => {
  for (const folder of FOLDERS) {
    const all = fixtureRows(folder, NAMES).filter(({ file }) => !file.endsWith("multi.zip"));
    for (const file of new Set(all.map((row) => row.file))) {
      const path = `${folder}/${file}`;
      const rows = all.filter((row) => row.file === file && row.member !== "" && row.member !== "(none listed)");
      const passwords = [
        "not this one",
        ...new Set(rows.map(({ password }) => password).filter((word) => word !== "")),
      ];
      const code = REFUSED[path];
      if (code !== undefined) {
        test(`${path} is refused as ${code} after three reads at most`, async () => {
          const cost = { reads: 0, bytes: 0 };
          await expect(read(path, passwords, cost)).rejects.toMatchObject({ code });
          expect(cost.reads).toBeLessThanOrEqual(3);
        });
        continue;
      }
      test(`${path}: all ${rows.length} members are served, refused with the right code, or links`, async () => {
        const cost = { reads: 0, bytes: 0 };
        const { map, volumes } = await read(path, passwords, cost);
        expect(cost.reads).toBeLessThanOrEqual(3);
        for (const row of rows) {
          const stored = map.stored.find(({ path: name }) => name === row.member);
          const refused = map.refused.find(({ path: name }) => name === row.member);
          if (LINKS.has(`${file} > ${row.member}`)) {
            expect([row.member, stored, refused]).toEqual([row.member, undefined, undefined]);
            continue;
          }
          // Names in code pages that the archive does not tell, and a bare leading slash, come out otherwise in 7-Zip's listing.
          if (stored === undefined && refused === undefined && /\ufffd|^atxt$/.test(row.member)) continue;
          expect([row.member, refused?.code]).toEqual([row.member, verdict(row)]);
          if (stored === undefined) continue;
          const bytes = await bytesOf(memberFile(stored, volumes));
          if (row.sha256 !== "") expect([row.member, sha256(bytes)]).toEqual([row.member, row.sha256]);
          if (stored.crc32 !== undefined) expect([row.member, crc32(bytes)]).toEqual([row.member, stored.crc32]);
        }
      });
    }
  }
});
