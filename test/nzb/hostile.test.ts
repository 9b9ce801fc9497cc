import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { FormatError } from "../../src/base/errors.ts";
import { DEFAULT_LIMITS } from "../../src/nzb/limits.ts";
import type { Nzb } from "../../src/nzb/nzb.ts";
import { seededRandom } from "../random.ts";
import { document, oneFile, parse, SEGMENT, segment } from "./documents.ts";

const GOOD = Buffer.from(
  document(
    `<head><meta type="title">Ti&amp;tle</meta><meta type="password">p<![CDATA[w]]></meta></head><!-- note -->${Array.from(
      { length: 6 },
      (_, f) =>
        `<file poster="p &lt;x@y&gt;" date="1071674882" subject="[${f}/6] - &quot;file.r0${f}&quot; yEnc (1/9)"><groups><group>alt.b</group></groups><segments>\n${Array.from({ length: 9 }, (_, i) => segment(i + 1, `${f}.${i}.abcdef@example`, 739067)).join("\n")}</segments></file>`,
    ).join("\n")}`,
    '<?xml version="1.0" encoding="iso-8859-1"?><!DOCTYPE nzb PUBLIC "-//x" "http://x" [ <!ENTITY a "b"> ]>',
  ),
);

const MARKS = [
  "<",
  ">",
  "&",
  '"',
  "'",
  "/",
  "!",
  "?",
  "]]>",
  "<![CDATA[",
  "<!--",
  "-->",
  "</nzb>",
  "<nzb>",
  "\0",
  "\xff",
  "&#x10FFFF;",
  "&amp;",
  "<segment ",
  "</segment>",
  "<file>",
  "=",
  "\r\n",
  "\xed\xa0\x80",
];

/** A good document, spoilt by some random cuts, copies, marks and bytes. */
function mutated(random: () => number): Buffer {
  let bytes: Buffer = GOOD;
  const position = () => Math.floor(random() * bytes.length);
  for (let changes = Math.ceil(random() * 6); changes > 0; changes -= 1) {
    const [from, to] = [position(), position()].sort((a, b) => a - b) as [number, number];
    const mark = Buffer.from(MARKS[Math.floor(random() * MARKS.length)] as string, "latin1");
    const kind = Math.floor(random() * 5);
    if (kind === 0) bytes = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, from), mark, bytes.subarray(from)]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, from), mark, bytes.subarray(from + mark.length)]);
    else
      bytes = Buffer.concat([
        bytes.subarray(0, from),
        Buffer.from([Math.floor(random() * 256)]),
        bytes.subarray(from + 1),
      ]);
  }
  return bytes;
}

/** Built to be expensive in one way or another. */
function built(random: () => number): Buffer {
  const times = (most: number) => 1 + Math.floor(random() * most);
  const noise = (bytes: number) => Buffer.from(new Uint8Array(bytes).map(() => random() * 256));
  const wrap = (inside: Buffer) =>
    Buffer.concat([Buffer.from('<nzb><file subject="'), inside, Buffer.from(`">${SEGMENT}</file></nzb>`)]);
  const makers: (() => Buffer)[] = [
    () => gzipSync(Buffer.concat([Buffer.from("<nzb>"), Buffer.alloc(times(40) * 1024 * 1024)])),
    () => gzipSync(Buffer.from(document(`<file>${segment(1, "a@x").repeat(times(300_000))}</file>`))),
    () => Buffer.from("<nzb>".repeat(times(100_000))),
    () => Buffer.from("<a:b ".repeat(times(100_000))),
    () => Buffer.from(document(`<file ${'a="b" '.repeat(times(100_000))}>${SEGMENT}</file>`)),
    () => Buffer.from(oneFile(SEGMENT, `subject="${"&amp;".repeat(times(20_000))}"`)),
    () => Buffer.from(oneFile(SEGMENT, `subject="${"x".repeat(times(200_000))}"`)),
    () => Buffer.from(oneFile(SEGMENT, `subject='${'"'.repeat(times(60_000))}'`)),
    () => Buffer.from(oneFile(`<segment number="1">${"a<!---->".repeat(times(100_000))}</segment>`)),
    () => Buffer.from(document(`<file>${segment(1001, "a@x")}</file>`.repeat(times(20_000)))),
    () =>
      Buffer.from(
        document(`<file>${Array.from({ length: times(50_000) }, (_, i) => segment(1, `${i}@x`)).join("")}</file>`),
      ),
    () =>
      Buffer.from(
        `<!DOCTYPE nzb [${Array.from({ length: times(3000) }, (_, i) => `<!ENTITY l${i + 1} "&l${i};&l${i};">`).join("")}]><nzb>&l9;</nzb>`,
      ),
    () => noise(times(100_000)),
    () => Buffer.concat([Buffer.from("\ufeff", "utf16le"), noise(times(100_000))]),
    () => wrap(noise(times(60_000))),
    () => Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), noise(times(100_000))]),
    () => Buffer.from(document("<![CDATA[".repeat(times(100_000)))),
    () => Buffer.from(document(`${"<file/>".repeat(times(100_000))}<file>${SEGMENT}</file>`)),
    () => Buffer.from(`<nzb><file>${"<segment ".repeat(times(50_000))}`),
    () => Buffer.from(`<nzb>${"<!--".repeat(times(100_000))}`),
  ];
  return (makers[Math.floor(random() * makers.length)] as () => Buffer)();
}

/** Throws when an Nzb is not what any Nzb must be, wherever it came from. */
function checkSound({ files, digest }: Nzb): void {
  const check = (isSo: boolean, otherwise: string) => {
    if (!isSo) throw new Error(otherwise);
  };
  check(/^[0-9a-f]{64}$/.test(digest), "no digest");
  check(files.length > 0, "no files");
  let parts = 0;
  for (const { segments } of files) {
    const { ids, idEnds, encodedSizes, alternates } = segments.packed;
    parts += idEnds.length;
    check(encodedSizes.length === idEnds.length, "arrays of different lengths");
    check((idEnds.at(-1) ?? 0) === ids.length, "bytes behind the last id");
    check(
      idEnds.every((end, index) => end >= (idEnds[index - 1] ?? 0)),
      "ids overlap",
    );
    check(
      ids.every((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x3c && byte !== 0x3e),
      "an unsafe id came through",
    );
    check(
      alternates.every(([index, id]) => index < idEnds.length && /^[!-;=?-~]{1,248}$/.test(id)),
      "an unsafe alternate came through",
    );
  }
  check(parts <= LIMITS.segments, "more segments than allowed");
}

const LIMITS = { ...DEFAULT_LIMITS, bytes: 16 * 1024 * 1024, segments: 1_000_000 };

async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    checkSound(await parse(bytes, LIMITS));
    return "parsed";
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(error.message.length).toBeLessThan(300);
    expect(error.hint).not.toBe("");
    return error.code;
  }
}

describe("hostile NZBs", () => {
  test("four hundred mutations of a good one each parse or are refused", async () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= 400; seed += 1) {
      const result = await outcome(mutated(seededRandom(seed)));
      seen.set(result, (seen.get(result) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(["NZB_MALFORMED", "parsed"]);
    expect(Math.min(...seen.values())).toBeGreaterThan(20);
  });

  test("a hundred that were built to be expensive each parse or are refused", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const seen = new Set<string>();
    for (let seed = 1; seed <= 100; seed += 1) seen.add(await outcome(built(seededRandom(seed))));
    expect([...seen].sort()).toEqual(["NZB_MALFORMED", "NZB_TOO_LARGE", "parsed"]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(512 * 1024 * 1024);
  });
});
