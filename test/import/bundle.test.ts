import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { Submission } from "../../src/import/intake.ts";
import { until } from "../until.ts";
import { type Desk, desk, submission } from "./desk.ts";
import { parts } from "./fake-usenet.ts";
import { rejection } from "./workshop.ts";
import { zipOf } from "./zip-of.ts";

describe("a bundle", () => {
  /** So many NZBs of different posts. */
  function nzbs(d: Desk, count: number): readonly Buffer[] {
    return Array.from({ length: count }, (_, index) => {
      d.usenet.post({ name: `Film ${index}.mkv`, parts: parts(2, 100 + index) });
      return d.usenet.nzb();
    });
  }

  /** An NZB without a title, so that its file names it. */
  const untitled = (d: Desk) =>
    Buffer.from(
      d.usenet
        .nzb()
        .toString()
        .replace(/<head>.*<\/head>/s, ""),
    );

  async function bundle(d: Desk, bytes: Uint8Array, change: Partial<Submission> = {}, maxNzbBytes?: number) {
    const results = await (await d.open(maxNzbBytes)).submitBundle(submission(bytes, change));
    expect(d.spooled).toEqual([]);
    return results.map(({ fileName, outcome }) => [
      fileName,
      "job" in outcome ? outcome.job.name : (outcome.error as { code: string }).code,
    ]);
  }

  test("of one is that NZB, whatever it is packed with", async () => {
    using d = desk();
    const nzb = d.usenet.nzb();
    expect(await bundle(d, nzb, { fileName: "A.nzb" })).toEqual([["A.nzb", "A"]]);
    expect(await bundle(d, gzipSync(nzb), { fileName: "B.nzb.gz" })).toEqual([["B.nzb.gz", "A"]]);
    expect(await bundle(d, zipOf([{ name: "C.nzb", bytes: nzb }]))).toEqual([["C.nzb", "A"]]);
    expect(d.jobs).toBe(1);
  });

  test("of one that is refused says so as its result", async () => {
    using d = desk();
    expect(await bundle(d, Buffer.from("no NZB"), { fileName: "a.nzb" })).toEqual([["a.nzb", "NZB_MALFORMED"]]);
  });

  test("is a ZIP of NZBs at any depth, in its order, each under its own name; the rest of it is passed over", async () => {
    using d = desk();
    const [one, two, three] = nzbs(d, 3) as [Buffer, Buffer, Buffer];
    const files = [
      { name: "readme.txt", bytes: Buffer.from("hello") },
      { name: "Größe.nzb", bytes: one },
      { name: "a/b/../Two{{secret}}.nzb", bytes: two },
      { name: "__MACOSX/a/b/._Two.nzb", bytes: Buffer.from("shadow") },
      { name: "bad.nzb", bytes: Buffer.from("no NZB") },
      { name: "c:\\x\\Three.NZB.gz", bytes: gzipSync(three) },
    ];
    expect(await bundle(d, zipOf(files), { name: "The Whole", fileName: "all.zip", category: "tv" })).toEqual([
      ["Größe.nzb", "Größe"],
      ["Two{{secret}}.nzb", "Two"],
      ["bad.nzb", "NZB_MALFORMED"],
      ["Three.NZB.gz", "Three"],
    ]);
    const jobs = d.catalog.jobs.list({ limit: 10 }).toReversed();
    expect(jobs.map(({ category }) => category)).toEqual(["tv", "tv", "tv"]);
    expect(d.catalog.jobs.source(jobs[1]?.id as never).passwords).toEqual(["secret"]);
    expect(d.queued).toBe(3);
  });

  test("of one in a ZIP is called as the request asks", async () => {
    using d = desk();
    const zip = zipOf([{ name: "x.nzb", bytes: d.usenet.nzb() }]);
    expect(await bundle(d, zip, { name: "Asked" })).toEqual([["x.nzb", "Asked"]]);
  });

  test("with an NZB that is not what the ZIP says of it keeps the others", async () => {
    using d = desk();
    const [one, two, three] = nzbs(d, 3) as [Buffer, Buffer, Buffer];
    const files = [
      { name: "short.nzb", bytes: one, claims: { size: one.length - 1 } },
      { name: "long.nzb", bytes: one, claims: { size: one.length + 1 } },
      { name: "wrong.nzb", bytes: one, claims: { crc32: 1 } },
      { name: "method.nzb", bytes: one, claims: { method: 14 } },
      { name: "large.nzb", bytes: Buffer.alloc(50_001, " ") },
      { name: "empty.nzb", bytes: Buffer.alloc(0) },
      { name: "two.nzb", bytes: two },
      { name: "three.nzb", bytes: three },
    ];
    expect(await bundle(d, zipOf(files), {}, 50_000)).toEqual([
      ["short.nzb", "NZB_MALFORMED"],
      ["long.nzb", "NZB_MALFORMED"],
      ["wrong.nzb", "NZB_MALFORMED"],
      ["method.nzb", "NZB_MALFORMED"],
      ["large.nzb", "NZB_TOO_LARGE"],
      ["empty.nzb", "NZB_MALFORMED"],
      ["two.nzb", "two"],
      ["three.nzb", "three"],
    ]);
  });

  const nothing = Buffer.from("nothing");
  const many = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `${n}.txt`, bytes: nothing }));
  test.each<[string, () => Buffer, string, string]>([
    ["holds no NZB", () => zipOf(many(2)), "NZB_MALFORMED", "holds no NZB"],
    ["holds too many files", () => zipOf(many(1_001)), "NZB_TOO_LARGE", "more than 1000 files"],
    [
      "is encrypted",
      () => zipOf([{ name: "a.nzb", bytes: nothing, claims: { flags: 1 } }]),
      "NZB_MALFORMED",
      "is encrypted",
    ],
    [
      "is strongly encrypted",
      () => zipOf([{ name: "a.nzb", bytes: nothing, claims: { flags: 0x41 } }]),
      "NZB_MALFORMED",
      "is encrypted",
    ],
    ["is cut off", () => zipOf(many(3)).subarray(0, 60), "NZB_MALFORMED", "cannot be read"],
    [
      "says itself that it is a bomb",
      () => zipOf(["a", "b", "c"].map((n) => ({ name: `${n}.nzb`, bytes: nothing, claims: { size: 300_000 } }))),
      "NZB_TOO_LARGE",
      "more than 800000 bytes",
    ],
  ])("that %s is refused as a whole", async (_what, zip, code, phrase) => {
    using d = desk();
    const error = await rejection((await d.open(200_000)).submitBundle(submission(zip())));
    expect(error).toMatchObject({ code, message: expect.stringContaining(phrase), hint: expect.any(String) });
    expect([d.jobs, d.spooled]).toEqual([0, []]);
  });

  test("that is a bomb and lies about it gives no more than it may", async () => {
    using d = desk();
    const bomb = { bytes: Buffer.alloc(9_000_000), claims: { size: 1_000 } };
    const files = ["a", "b", "c"].map((name) => ({ name: `${name}.nzb`, ...bomb }));
    const results = await bundle(d, zipOf(files), {}, 50_000);
    expect(results.map(([, code]) => code)).toEqual(["NZB_MALFORMED", "NZB_MALFORMED", "NZB_MALFORMED"]);
  });

  test("that has a directory of megabytes is refused as a whole", async () => {
    using d = desk();
    const zip = zipOf(many(100).map((file) => ({ ...file, comment: Buffer.alloc(60_000) })));
    const error = await rejection((await d.open(10_000_000)).submitBundle(submission(zip)));
    expect(error).toMatchObject({ code: "NZB_MALFORMED", message: expect.stringContaining("directory is too long") });
  });

  test("that packs bombs twice, two hundred at the same place, is unpacked up to its limit and no further", async () => {
    using d = desk();
    const name = (at: number) => `${at}.nzb.gz`;
    const bytes = gzipSync(Buffer.alloc(49_000, " "));
    const others = Array.from({ length: 199 }, (_, at) => ({ name: name(at), bytes, claims: { isOverlapping: true } }));
    const results = await bundle(d, zipOf([{ name: "first.nzb.gz", bytes }, ...others]), {}, 50_000);
    // Four limits' worth, and no more.
    expect(results.map(([, code]) => code)).toEqual([
      ...Array(4).fill("NZB_MALFORMED"),
      ...Array(196).fill("NZB_TOO_LARGE"),
    ]);
  });

  test.each<[string, (nzb: Buffer) => Buffer, string]>([
    ["packed with gzip", gzipSync, "x"],
    ["packed with gzip twice", (nzb) => gzipSync(gzipSync(nzb)), "NZB_MALFORMED"],
    [
      "in a gzip of two members, one byte first",
      (nzb) => Buffer.concat([gzipSync(nzb.subarray(0, 1)), gzipSync(nzb.subarray(1))]),
      "x",
    ],
    ["whose gzip is cut off", (nzb) => gzipSync(nzb).subarray(0, 90), "NZB_MALFORMED"],
  ])("may hold an NZB %s", async (_what, pack, outcome) => {
    using d = desk();
    expect(await bundle(d, zipOf([{ name: "x.nzb", bytes: pack(untitled(d)) }]))).toEqual([["x.nzb", outcome]]);
  });

  test.each<[string, Buffer, number, string]>([
    ["UTF-8 that does not say so", Buffer.from("Größe.nzb"), 0, "Größe"],
    ["the letters of DOS", Buffer.from("Gr\x94\xe1e.nzb", "latin1"), 0, "Größe"],
    ["a password with a slash", Buffer.from("a/Film {{p/w}}.nzb"), 0x800, "Film"],
  ])("may have names in %s", async (_what, label, flags, name) => {
    using d = desk();
    const [[, found] = []] = await bundle(d, zipOf([{ name: label, bytes: untitled(d), claims: { flags } }]));
    expect(found).toBe(name);
  });

  test("an NZB that is called a ZIP is called as if it were none", async () => {
    using d = desk();
    expect(await bundle(d, untitled(d), { fileName: "Some Name.zip" })).toEqual([["Some Name.zip", "Some Name"]]);
  });

  test("that is aborted in the middle ends with the reason; what was queued stays", async () => {
    using d = desk();
    const abort = new AbortController();
    const [one, two] = nzbs(d, 2) as [Buffer, Buffer];
    const zip = zipOf([
      { name: "one.nzb", bytes: one },
      { name: "two.nzb", bytes: two },
    ]);
    const intake = await d.open();
    const work = rejection(intake.submitBundle(submission(zip, { signal: abort.signal })));
    await until(() => d.queued === 1);
    abort.abort(new Error("left"));
    expect((await work).message).toBe("left");
    expect([d.jobs, d.spooled]).toEqual([1, []]);
  });
});
