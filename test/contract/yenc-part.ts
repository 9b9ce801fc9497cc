import { describe, expect, test } from "@jest/globals";
import { type ArticleBody, dotStuff, encodeArticleBody } from "../../src/yenc/encoder.ts";
import type { YencKernel } from "../../src/yenc/kernel.ts";
import { decodeArticle, type Outcome, randomBytes, seededRandom } from "./yenc-feed.ts";

const NEXT_REPLY = Buffer.from("222 0 <next@example.com>\r\n=ybegin line=128 size=1 name=next\r\n.\r\n");

/** Bytes whose encoded form is all that is special: criticals, blanks, dots, `=y`, and each other byte once. */
const SPECIAL = Buffer.from(
  [..."\r\n.=y\t ..\r\n.\r\n==..\0\0=y.....=y\r\r\n\n"].map((sign) => (sign.charCodeAt(0) - 42) & 0xff),
);
const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** What PartDecoder owes with every kernel: the same part for every cut, and not a byte behind the terminator. */
export function describeYencPart(kernel: YencKernel): void {
  describe(`articles cut anywhere, with the ${kernel.name} kernel`, () => {
    const bytes = Buffer.concat([SPECIAL, EVERY_BYTE]);
    const part = { name: "film.mkv", fileSize: 5_000, bytes, begin: 1_000, partNumber: 2, totalParts: 9 };
    const single = { name: "päper.txt", fileSize: bytes.length, bytes };
    const headers = "Subject: =ybegin is no header\r\nX: y\r\n..\r\n";

    test.each<[string, Buffer, Partial<ArticleBody>]>([
      ["a part", dotStuff(encodeArticleBody({ ...part, lineLength: 10 })), part],
      ["a single part with lines of one character", dotStuff(encodeArticleBody({ ...single, lineLength: 1 })), single],
      ["an article with headers", Buffer.from(headers + wireText(single), "latin1"), single],
    ])("%s comes out the same for every single cut, every byte alone, and random cuts", (_, article, truth) => {
      const wire = Buffer.concat([article, NEXT_REPLY]);
      const whole = decodeArticle(kernel, wire);
      expect(whole).toMatchObject({ refusal: undefined, consumed: article.length });
      expect(whole.info).toMatchObject({
        size: bytes.length,
        name: truth.name,
        begin: truth.begin ?? 0,
        isChecked: true,
      });
      expect(whole.bytes).toEqual(bytes);

      const every = Array.from({ length: wire.length - 1 }, (__, index) => index + 1);
      const random = seededRandom(wire.length);
      const several = Array.from({ length: 300 }, () => every.filter(() => random(20) === 0));
      expect(differing(kernel, wire, [...every.map((cut) => [cut]), every, ...several])).toEqual([]);
    });

    test("a refused article is refused with the same words for every cut, and followed to its end", () => {
      const broken = [
        wireText(single).replace("\r\n=yend", "\r\n\r\n=yend size=1\r\n=ybegin size=2 name=b\r\n=yend"),
        wireText(part).replace(/\r\n=yend.*/, ""),
        wireText(part).replace("pcrc32=", "pcrc32=00000000 old="),
        "begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n.\r\n",
        ".\r\n",
      ];
      for (const text of broken) {
        const wire = Buffer.concat([Buffer.from(text, "latin1"), NEXT_REPLY]);
        const whole = decodeArticle(kernel, wire);
        expect(whole).toMatchObject({ info: undefined, consumed: text.length });
        const every = Array.from({ length: wire.length - 1 }, (_, index) => index + 1);
        expect(differing(kernel, wire, [...every.map((cut) => [cut]), every])).toEqual([]);
      }
    });

    test("takes nothing once the terminator was passed", () => {
      const wire = Buffer.from(wireText(single), "latin1");
      expect(decodeArticle(kernel, Buffer.concat([wire, wire])).consumed).toBe(wire.length);
    });

    test("a lone LF ends neither a line nor the article, before, in and behind the data", () => {
      const hazard = "\n.\r\n\n.\nFake: 1\n.\r\n";
      const text =
        hazard +
        wireText(single)
          .replace("\r\n=yend", `${hazard}=yend`)
          .replace(/\.\r\n$/, `${hazard}.\r\n`);
      const wire = Buffer.concat([Buffer.from(text, "latin1"), NEXT_REPLY]);
      expect(decodeArticle(kernel, wire).consumed).toBe(text.length);
    });

    test("a dot before a control line is taken off, though a server need not have put one there", () => {
      const text = `.${wireText(part).replaceAll("\r\n=y", "\r\n.=y")}`;
      const outcome = decodeArticle(kernel, Buffer.from(text, "latin1"));
      expect(outcome.info).toMatchObject({ size: bytes.length, begin: 1_000, isChecked: true });
    });
  });

  describe(`round trips with the ${kernel.name} kernel`, () => {
    const sizes = [0, 1, 2, 9, 10, 11, 127, 128, 129, 255, 256, 257, 5_000, 70_001, 300_000];

    test.each([10, 128, 256])("random bytes of every size come back, with lines of %i", (lineLength) => {
      const random = seededRandom(lineLength);
      for (const size of sizes) expectRoundTrip(kernel, randomBytes(size, random), lineLength, random);
    });

    test.each([1, 10, 128, 256])("nothing but special bytes comes back, with lines of %i", (lineLength) => {
      const random = seededRandom(lineLength + 1);
      for (let round = 0; round < 30; round++) {
        const bytes = randomBytes(random(3_000), () => SPECIAL[random(SPECIAL.length)] as number);
        expectRoundTrip(kernel, bytes, lineLength, random);
      }
    });

    test("a line of dots only comes back", () => {
      expectRoundTrip(kernel, Buffer.alloc(1_000, (0x2e - 42) & 0xff), 3, seededRandom(5));
    });
  });
}

function expectRoundTrip(kernel: YencKernel, bytes: Buffer, lineLength: number, random: (n: number) => number): void {
  const body = encodeArticleBody({ name: "a", fileSize: 10 ** 9, bytes, begin: 77, partNumber: 1, lineLength });
  const article = dotStuff(body);
  const wire = Buffer.concat([article, NEXT_REPLY]);
  const cuts: number[] = [];
  for (let at = random(20_000); at < wire.length; at += 1 + random(20_000)) cuts.push(at);
  const outcome = decodeArticle(kernel, wire, { cuts });
  expect(outcome.info).toMatchObject({ size: bytes.length, begin: 77, isChecked: true });
  expect(outcome.consumed).toBe(article.length);
  expect(outcome.bytes.equals(bytes)).toBe(true);
}

/** Those of the given cuts with which the outcome is not that of the uncut wire. */
function differing(kernel: YencKernel, wire: Buffer, cuttings: readonly (readonly number[])[]): unknown[] {
  const show = (outcome: Outcome) => JSON.stringify({ ...outcome, bytes: outcome.bytes.toString("latin1") });
  const whole = show(decodeArticle(kernel, wire));
  return cuttings.filter((cuts) => show(decodeArticle(kernel, wire, { cuts })) !== whole);
}

/** The article as it crosses the wire, one character per byte. */
function wireText(body: ArticleBody): string {
  return dotStuff(encodeArticleBody(body)).toString("latin1");
}
