import { describe, expect, test } from "@jest/globals";
import { readSevenZip } from "../../src/archive/seven-zip.ts";
import { SevenZipKeys } from "../../src/archive/seven-zip-keys.ts";
import { readZip } from "../../src/archive/zip.ts";
import { SmallMembers } from "../../src/import/small-members.ts";
import { cancel, fixture, fixtureRows, generousBudget, memoryVolumes, sha256 } from "../archive/seven-zip-fixtures.ts";

async function opened(folder: string, file: string, password = "") {
  const volumes = memoryVolumes([fixture(`${folder}/${file}`)]);
  const options = { passwords: password === "" ? [] : [password], budget: generousBudget(), ...cancel };
  const map = file.endsWith(".zip")
    ? await readZip(volumes, options)
    : await readSevenZip(volumes, { ...options, keys: new SevenZipKeys() });
  return { volumes, refused: map.refused };
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
