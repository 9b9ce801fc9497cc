import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "@jest/globals";
import { NzbParser } from "../../src/nzb/parser-thread.ts";
import { smallDocument } from "../../src/nzb/small-source.ts";

const NZB = Buffer.from(
  '<nzb><file poster="p" date="1" subject="&quot;a.bin&quot; yEnc (1/1)"><groups><group>g</group></groups>' +
    '<segments><segment bytes="10" number="1">a@b</segment></segments></file></nzb>',
);
const folder = mkdtempSync(join(tmpdir(), "newsreel-small-"));
const path = join(folder, "small.nzb");
writeFileSync(path, NZB);
afterAll(() => rmSync(folder, { recursive: true }));

describe("smallDocument", () => {
  test.each([
    ["bytes", { bytes: NZB }],
    ["packed bytes", { bytes: gzipSync(NZB) }],
    ["a file", { path }],
  ])("gives the document out of %s", async (_name, source) => {
    expect(Buffer.from((await smallDocument(source, 1000)) ?? []).equals(NZB)).toBe(true);
  });

  test("leaves what is larger to the thread, also when it is larger only unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    expect(await smallDocument({ bytes: NZB }, NZB.length - 1)).toBeUndefined();
    expect(await smallDocument({ path }, NZB.length - 1)).toBeUndefined();
    expect(bomb.length).toBeLessThan(2_000);
    expect(await smallDocument({ bytes: bomb }, 2_000)).toBeUndefined();
  });

  test("leaves what cannot be read to the thread, which says why", async () => {
    expect(await smallDocument({ path: join(folder, "none.nzb") }, 1000)).toBeUndefined();
    expect(await smallDocument({ bytes: gzipSync(NZB).subarray(0, 40) }, 1000)).toBeUndefined();
  });
});

test("a small NZB starts no thread, and its faults are told as the thread would tell them", async () => {
  await using parser = new NzbParser();
  const { signal } = new AbortController();
  const nzb = await parser.parse({ bytes: NZB }, { signal });
  expect(nzb.files.map(({ name }) => name)).toEqual(["a.bin"]);
  await expect(parser.parse({ bytes: Buffer.from("<html>") }, { signal })).rejects.toMatchObject({
    code: "NZB_MALFORMED",
  });
  expect(parser.stats().started).toBe(0);
});
