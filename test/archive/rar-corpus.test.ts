import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { StoredMember } from "../../src/archive/archive.ts";
import { bytesOf, mapBag, sha256 } from "./rar-bags.ts";

const FOLDERS = [
  "altmount-rar",
  "libarchive-rar",
  "rar-stream",
  "rar-test-files",
  "rarfile",
  "sharpcompress-rar",
  "unrar-rs",
];
const FIXTURES = new URL("../fixtures/archive/", import.meta.url);

interface Row {
  readonly member: string;
  readonly size: number;
  readonly sha256: string;
  readonly kind: string;
}

interface Archive {
  readonly volumes: readonly string[];
  readonly password: string;
  readonly rows: Row[];
}

function archivesOf(folder: string): Archive[] {
  const archives = new Map<string, Archive>();
  const lines = readFileSync(new URL(`${folder}/members.tsv`, FIXTURES), "utf8")
    .trimEnd()
    .split("\n")
    .slice(1);
  for (const line of lines) {
    const [files = "", password = "", member = "", size = "", hash = "", kind = ""] = line.split("\t");
    const archive = archives.get(files) ?? { volumes: files.split(" "), password, rows: [] };
    archive.rows.push({ member, size: Number(size), sha256: hash, kind });
    archives.set(files, archive);
  }
  return [...archives.values()];
}

/** 7-Zip shows old versions of a file in folders, unRAR appends their number; so do we. */
function ourName(member: string): string {
  return member.replace(/^\[VER\]\/(\d+)\/(.*)$/, "$2;$1");
}

describe.each(FOLDERS)("the archives of %s", (folder) => {
  const archives = archivesOf(folder);

  test.each(archives.map((archive) => [archive.volumes[0] as string, archive] as const))(
    "%s is served where it is stored, and refused where it is not",
    async (_, { volumes, password, rows }) => {
      const files = volumes.map((name) => ({ name, bytes: readFileSync(new URL(`${folder}/${name}`, FIXTURES)) }));
      // Last volume first: the order must come from the archive.
      const bag = await mapBag(files.reverse(), password === "" ? [] : [password]);
      const stored = bag.sets.flatMap(({ map }) => map.stored);
      const refused = bag.sets.flatMap(({ map }) => map.refused);
      for (const row of rows) {
        const path = ourName(row.member);
        const served = stored.filter((member) => member.path === path);
        if (row.kind === "stored" && row.sha256 !== "") {
          const hashes = await Promise.all(served.map(async (one) => sha256(await bytesOf(one, bag.volumes))));
          expect(hashes).toContain(row.sha256);
          expect(served[0]?.size).toBe(row.size);
        } else if (row.kind === "compressed") {
          expect(served).toEqual([]);
          const codes = refused.filter((member) => member.path === path).map(({ code }) => code);
          expect(codes).toContain("ARCHIVE_COMPRESSED");
        } else if (row.kind === "" && row.member === "") {
          // Damaged on purpose: nothing of it may be served that is not what its checksum says.
          const isWhole = async (one: StoredMember) => crc32(await bytesOf(one, bag.volumes)) === one.crc32;
          expect(await Promise.all(stored.map(isWhole))).not.toContain(false);
        }
      }
      // Members' own bytes are read only to prove a RAR4 password; all that is left is headers.
      for (const [i, { reads, bytes }] of bag.costs.entries()) {
        const isCarrier = bag.volumes[i]?.bytes.readUInt16BE(0) !== 0x5261;
        expect(bytes).toBeLessThanOrEqual(isCarrier ? 2 ** 20 : 16 * 1024);
        expect(reads).toBeLessThanOrEqual(isCarrier ? 20 : 8);
      }
    },
  );
});
