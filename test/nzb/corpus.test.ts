import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { document, idsOf, parse } from "./documents.ts";
import { readWithSaxes } from "./oracle.ts";

const FOLDER = new URL("../fixtures/nzb/", import.meta.url);

/** Files and segments as another XML parser counted them when the corpus was gathered. */
const COUNTS: readonly (readonly [path: string, files: number, segments: number])[] = [
  ["keimpema-usenet/sabnzbd-no-namespace.nzb", 1, 2],
  ["keimpema-usenet/sabnzbd.nzb", 1, 2],
  ["nyuu/post.nzb", 7, 17],
  ["ravencentric-nzb/bad_subject.nzb", 1, 2],
  ["ravencentric-nzb/big_buck_bunny.nzb", 5, 35],
  ["ravencentric-nzb/big_buck_bunny.nzb.gz", 5, 35],
  ["ravencentric-nzb/invalid_gzipped_nzb.nzb.gz", 1, 2],
  ["ravencentric-nzb/malformed_files2.nzb", 2, 2],
  ["ravencentric-nzb/malformed_groups.nzb", 2, 4],
  ["ravencentric-nzb/malformed_segments.nzb", 2, 2],
  ["ravencentric-nzb/multi_rar.nzb", 2, 4],
  ["ravencentric-nzb/no_meta.nzb", 1, 2],
  ["ravencentric-nzb/non_standard_meta.nzb", 1, 2],
  ["ravencentric-nzb/nzb_with_no_head.nzb", 1, 2],
  ["ravencentric-nzb/one_rar_file.nzb", 2, 4],
  ["ravencentric-nzb/single_meta.nzb", 1, 2],
  ["ravencentric-nzb/spec_example.nzb", 1, 2],
  ["ravencentric-nzb/spec_example.nzb.gz", 1, 2],
  ["ravencentric-nzb/valid_nzb_with_bad_segments.nzb", 5, 35],
  ["ravencentric-nzb/valid_nzb_with_bad_segments.nzb.gz", 5, 35],
  ["ravencentric-nzb/valid_nzb_with_one_missing_segment.nzb", 5, 35],
];

const WITHOUT_CONTENT = [
  "ravencentric-nzb/malformed_files.nzb",
  "ravencentric-nzb-rs/invalid_bytes.nzb",
  "ravencentric-nzb-rs/standard_ish_subject_with_no_quotes.nzb",
];

function read(path: string): Buffer {
  return readFileSync(new URL(path, FOLDER));
}

describe("real NZBs", () => {
  test.each(COUNTS)("reads %s as %i files with %i segments", async (path, files, segments) => {
    const nzb = await parse(read(path));
    expect(nzb.files).toHaveLength(files);
    const usable = nzb.files.flatMap((_, file) => idsOf(nzb, file)).filter((id) => id !== undefined);
    const refused = nzb.files.reduce((sum, { rejectedIds }) => sum + rejectedIds, 0);
    expect(usable.length + refused).toBe(segments);
    expect(refused).toBe(/bad_segments|missing_segment/.test(path) ? 1 : 0);
  });

  test.each(COUNTS)("agrees with saxes on every id, number and text of %s", async (path) => {
    const bytes = read(path);
    const xml = (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString("utf8");
    await expectSame(xml);
  });

  test.each(WITHOUT_CONTENT)("refuses %s", async (path) => {
    await expect(parse(read(path))).rejects.toMatchObject({ code: "NZB_MALFORMED" });
  });

  test("reads title, category, tags and passwords of the specification's example", async () => {
    const { meta } = await parse(read("ravencentric-nzb/spec_example.nzb"));
    expect(meta).toEqual({ title: "Your File!", category: "TV", passwords: ["secret"], tags: ["HD"] });
  });

  test("reads a password outside ASCII, and the names that a poster gave", async () => {
    const { meta, files } = await parse(read("nyuu/post.nzb"));
    expect(meta.passwords).toEqual(["pässword-42"]);
    expect(files.map(({ name, partsHint }) => [name, partsHint])).toEqual([
      ["r5-vol-p-new.part01.rar", 3],
      ["r5-vol-p-new.part02.rar", 3],
      ["r5-vol-p-new.part03.rar", 3],
      ["r5-vol-p-new.part04.rar", 3],
      ["r5-vol-p-new.part05.rar", 2],
      ["Some.Movie.par2", 1],
      ["Some.Movie.vol0+2.par2", 2],
    ]);
  });

  test("gives the plain and the packed form of one post the same digest", async () => {
    const [one, other] = await Promise.all([
      parse(read("ravencentric-nzb/big_buck_bunny.nzb")),
      parse(read("ravencentric-nzb/big_buck_bunny.nzb.gz")),
    ]);
    expect(other.digest).toBe(one.digest);
  });

  test("agrees with saxes on fifty generated documents", async () => {
    for (let seed = 1; seed <= 50; seed += 1) await expectSame(generated(seed));
  });
});

async function expectSame(xml: string): Promise<void> {
  const nzb = await parse(xml);
  const { files, meta } = readWithSaxes(xml);
  const passwords = meta.filter(([type]) => type === "password").map(([, value]) => value);
  expect(nzb.meta.passwords).toEqual(passwords);
  expect(nzb.meta.title).toBe(meta.find(([type]) => type === "title")?.[1]);
  expect(nzb.files.map(({ subject, poster, groups }) => ({ subject, poster, groups }))).toEqual(
    files.map(({ subject, poster, groups }) => ({ subject, poster, groups })),
  );
  files.forEach(({ segments }, file) => {
    const byNumber: { id: string | undefined; size: number }[] = [];
    for (const { id, number, bytes } of segments.toSorted((x, y) => (x.number || 1e9) - (y.number || 1e9))) {
      const index = Number.isNaN(number) ? byNumber.length : number - 1;
      while (byNumber.length < index) byNumber.push({ id: undefined, size: 0 });
      byNumber[index] = { id: id === "" ? undefined : id, size: Math.max(0, bytes || 0) };
    }
    expect(idsOf(nzb, file)).toEqual(byNumber.map(({ id }) => id));
    expect([...(nzb.files[file]?.segments.packed.encodedSizes ?? [])]).toEqual(byNumber.map(({ size }) => size));
  });
}

/** Well-formed, but written in every way that XML allows. */
function generated(seed: number): string {
  const random = seededRandom(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const blank = () => pick("", " ", "\n\t", "<!-- <segment> -->", "<?php 1 ?>", "\r\n");
  const quote = pick('"', "'");
  const attribute = (name: string, value: string | number) =>
    `${pick(" ", "\n", "  ")}${name}${pick("=", " = ")}${quote}${value}${quote}`;
  const id = () => {
    const bare = `${Math.floor(random() * 1e9).toString(36)}&amp;$${pick("a", "&#x41;", "&#66;")}@x.example`;
    return pick(bare, ` ${bare}\n`, `&lt;${bare}&gt;`, `<![CDATA[<${bare.replaceAll(/&[^;]*;/g, "z")}>]]>`);
  };
  const file = () => {
    const numbers = Array.from({ length: Math.floor(random() * 40) + 1 }, (_, index) => index + 1).filter(
      () => random() > 0.1,
    );
    numbers.sort(() => random() - 0.5);
    const segments = numbers.map((number) => {
      const attributes = [attribute("bytes", Math.floor(random() * 1e6)), attribute("number", number)];
      return `<segment${pick(attributes, attributes.toReversed()).join("")}>${id()}</segment${pick("", " ")}>${blank()}`;
    });
    const subject = pick("&quot;ä.mkv&quot; &lt;1&gt; ", "plain", "&#228;\ttab", "ünï &#x1F600; ✓", "a > b");
    return `<file${attribute("subject", subject)}${attribute("poster", "x &lt;y&gt;")}>${blank()}<groups><group>a.${blank() === "" ? "b" : "c"}</group></groups><segments>${blank()}${segments.join("")}</segments>${blank()}</file>`;
  };
  const files = Array.from({ length: Math.floor(random() * 5) + 1 }, file).join(blank());
  const first = '<file subject="f"><segments><segment number="1" bytes="1">f@x</segment></segments></file>';
  return document(
    `<head><meta type="title">T</meta><meta type="password">p&amp;w</meta></head>${blank()}${first}${files}`,
  );
}
