import { describe, expect, test } from "@jest/globals";
import { dotStuff, encodeArticleBody } from "../../src/yenc/encoder.ts";
import type { YencKernel } from "../../src/yenc/kernel.ts";
import { decodeArticle, type Outcome, randomBytes, seededRandom } from "./yenc-feed.ts";

const BYTES = randomBytes(500, seededRandom(42));
const PART = text(
  encodeArticleBody({ name: "film.mkv", fileSize: 5_000, bytes: BYTES, begin: 1_000, partNumber: 3, totalParts: 9 }),
);
const SINGLE = text(encodeArticleBody({ name: "film.mkv", fileSize: 500, bytes: BYTES }));
const CRC = /pcrc32=(\w{8})/.exec(PART)?.[1] as string;

/** Articles as posters, servers and enemies write them, and what must become of each; with every kernel. */
export function describeYencMalformed(kernel: YencKernel): void {
  const decode = (body: string): Outcome => {
    const wire = dotStuff(Buffer.from(body, "latin1"));
    const outcome = decodeArticle(kernel, wire);
    expect(outcome.consumed).toBe(wire.length);
    return outcome;
  };
  const accept = (body: string) => {
    const { info, refusal, bytes } = decode(body);
    expect(refusal).toBeUndefined();
    expect(bytes.equals(BYTES)).toBe(true);
    return info;
  };
  const refuse = (body: string) => decode(body).refusal;

  describe(`malformed articles with the ${kernel.name} kernel`, () => {
    test("a decoy size, total and name do no harm, and the part and its offset stay right", () => {
      const decoy = PART.replace(/total=.*/, "total=77 line=128 size=123456789012 name=Ab12 =yend size=3.bin\r");
      expect(accept(decoy)).toEqual({
        size: 500,
        begin: 1_000,
        partNumber: 3,
        totalParts: 77,
        fileSize: 123_456_789_012,
        name: "Ab12 =yend size=3.bin",
        isChecked: true,
      });
    });

    test.each([
      ["padded with ffffffff", `ffffffff${CRC}`],
      ["followed by a blank", `${CRC} `],
      ["in capitals", CRC.toUpperCase()],
      ["followed by the checksum of the file", `${CRC} crc32=01234567`],
    ])("a checksum %s is compared", (_, crc) => {
      expect(accept(PART.replace(CRC, crc))?.isChecked).toBe(true);
      expect(refuse(damage(PART).replace(CRC, crc))).toMatch(
        new RegExp(`^YENC_MALFORMED: the part has the checksum [0-9a-f]{8}, and =yend says ${CRC}$`),
      );
    });

    test.each([
      ["missing", ""],
      ["empty", " pcrc32="],
      ["cut short", " pcrc32=084"],
      ["not hexadecimal", " pcrc32=nothex00"],
      ["only of the whole file", " crc32=01234567"],
      ["empty before that of the whole file", " pcrc32= crc32=01234567"],
    ])("a checksum that is %s leaves the part unverified", (_, crc) => {
      expect(accept(PART.replace(` pcrc32=${CRC}`, crc))).toMatchObject({ size: 500, isChecked: false });
    });

    test("the checksum of the whole file is that of the part when there is no other part", () => {
      expect(accept(SINGLE)?.isChecked).toBe(true);
      expect(accept(SINGLE.replace(" crc32=", " crc32=01234567 pcrc32="))?.isChecked).toBe(true);
      expect(refuse(SINGLE.replace(`crc32=${CRC}`, "crc32=01234567"))).toBe(
        `YENC_MALFORMED: the part has the checksum ${CRC}, and =yend says 01234567`,
      );
      expect(accept(SINGLE.replace("=ybegin", "=ybegin total=2").replace(CRC, "01234567"))).toMatchObject({
        begin: undefined,
        isChecked: false,
      });
    });

    test("a part without a name is accepted", () => {
      expect(accept(PART.replace(" name=film.mkv", ""))).toMatchObject({
        name: undefined,
        fileSize: 5_000,
        begin: 1_000,
      });
      expect(accept(PART.replace("film.mkv", " "))).toMatchObject({ name: undefined });
    });

    test("a missing =yend is refused, whatever was decoded", () => {
      expect(refuse(PART.replace(/=yend.*\r\n/, ""))).toBe("YENC_MALFORMED: the article has no =yend line");
      expect(refuse(PART.slice(0, 300))).toBe("YENC_MALFORMED: the article has no =yend line");
      expect(refuse(PART.slice(0, 20))).toBe("YENC_MALFORMED: the article has no =yend line");
    });

    test("a part that lost a line is refused for its size", () => {
      expect(refuse(PART.replace(/\r\n.{128,129}\r\n/, "\r\n"))).toMatch(
        /^YENC_MALFORMED: the part has 37\d bytes, and =yend says 500$/,
      );
    });

    test.each([
      ["=ypart is missing", /=ypart.*\r\n/, ""],
      ["=ypart has no begin", "begin=1001 ", ""],
      ["=ypart counts from 0", "begin=1001", "begin=0"],
      ["=ypart begins before the file", "begin=1001", "begin=-5"],
      ["=ypart begins at 10^21", "begin=1001", "begin=1000000000000000000000"],
    ])("the offset is unknown when %s", (_, from, to) => {
      expect(accept(PART.replace(from, to))).toMatchObject({
        size: 500,
        begin: undefined,
        partNumber: 3,
        isChecked: true,
      });
    });

    test("=ypart on the line of the name is understood", () => {
      const joined = PART.replace("film.mkv\r\n=ypart", "two words.mkv =ypart");
      expect(accept(joined)).toMatchObject({ name: "two words.mkv", begin: 1_000, isChecked: true });
    });

    test.each([
      ["ends before it begins", "begin=1001", "begin=1900"],
      ["is longer than the data", "end=1500", "end=1501"],
      ["is a tebibyte long", "end=1500", "end=1099511627776"],
    ])("a =ypart that %s is refused", (_, from, to) => {
      expect(refuse(PART.replace(from, to))).toMatch(
        /^YENC_MALFORMED: the part has 500 bytes, and =ypart says \d+ to \d+$/,
      );
    });

    test("a =ypart beyond the size of the file is believed, and the size is not", () => {
      const beyond = PART.replace("begin=1001 end=1500", "begin=900001 end=900500");
      expect(accept(beyond)).toMatchObject({ begin: 900_000, fileSize: 5_000 });
    });

    test.each(["-1", "1000000000000000000000", "1e3", "0x10", ""])("a file size of `%s` is no size", (size) => {
      expect(accept(PART.replace("size=5000", `size=${size}`))).toMatchObject({ fileSize: undefined, begin: 1_000 });
    });

    test("a size in =yend that is not the size of the part is refused, and one that is no number is ignored", () => {
      expect(refuse(PART.replace("=yend size=500", "=yend size=501"))).toBe(
        "YENC_MALFORMED: the part has 500 bytes, and =yend says 501",
      );
      expect(accept(PART.replace("=yend size=500", "=yend size=-1"))?.isChecked).toBe(true);
    });

    test("a second =ybegin is refused, before, in and behind the data", () => {
      const twice = "YENC_MALFORMED: the article has two =ybegin lines";
      expect(refuse(`=ybegin line=128 size=9 name=first\r\n${PART}`)).toBe(twice);
      expect(refuse(PART.replace("\r\n=yend", "\r\n=ybegin line=128 size=9 name=b\r\n=yend"))).toBe(twice);
      expect(refuse(PART + SINGLE)).toBe(twice);
    });

    test.each([
      ["UTF-8", Buffer.from("Füße 映画.mkv"), "Füße 映画.mkv"],
      ["Windows-1252", Buffer.from("F\xfc\xdfe \x80.mkv", "latin1"), "Füße €.mkv"],
      ["control characters", Buffer.from("a\0b\x1b[31m\x7f\t\xc2\x85.mkv", "latin1"), "ab[31m.mkv"],
      ["outer blanks", Buffer.from("  film 1.mkv  "), "film 1.mkv"],
      ["more bytes than a line may have", Buffer.alloc(9_000, "x"), /^x{1900,2048}$/],
    ])("a name with %s is decoded and cleaned", (_, raw, name) => {
      const info = accept(PART.replace("film.mkv", raw.toString("latin1")));
      if (typeof name === "string") expect(info?.name).toBe(name);
      else expect(info?.name).toMatch(name);
    });

    test("the part number in =yend is ignored", () => {
      expect(accept(PART.replace("size=500 part=3", "size=500 part=0"))).toMatchObject({
        partNumber: 3,
        isChecked: true,
      });
    });

    test("=ybegin is found behind headers without a blank line, behind junk, but not behind a dot", () => {
      const head = "Subject: film (3/9)\r\nMessage-ID: <a@b>\r\n";
      expect(accept(head + PART)).toMatchObject({ begin: 1_000, isChecked: true });
      expect(accept(`${head}\r\n-- \r\n${"j".repeat(70_000)}\r\n${PART}\r\nsignature\r\n`)).toMatchObject({
        isChecked: true,
      });
      expect(accept(`.=ybegin line=128 size=9 name=quoted\r\n${PART}`)).toMatchObject({ name: "film.mkv" });
    });

    test("of two =ypart or =yend lines, the first one counts", () => {
      expect(accept(PART.replace("=yend", "=ypart begin=9 end=9\r\n=yend"))).toMatchObject({ begin: 1_000 });
      expect(accept(`${PART}=ypart begin=9 end=9\r\n=yend size=9 pcrc32=00000000\r\n`)).toMatchObject({ begin: 1_000 });
      const withoutPart = PART.replace(/=ypart.*\r\n/, "");
      expect(accept(`${withoutPart}=ypart begin=1 end=500\r\n`)).toMatchObject({ begin: undefined });
    });

    test("an unknown =y line is passed over", () => {
      expect(accept(PART.replace("=ypart", "=yfuture x=1\r\n=ypart").replace("=yend", "=y\r\n=yend"))?.isChecked).toBe(
        true,
      );
    });

    test("a uuencoded article is refused by its name, from its first part and from a later one", () => {
      const line = `M${"A".repeat(60)}`;
      const refusal = "YENC_MALFORMED: the article is uuencoded, and only yEnc can be decoded";
      expect(refuse(`Subject: x\r\n\r\nbegin 644 film.mkv\r\n${line}\r\n`)).toBe(refusal);
      expect(refuse(`${line}\r\n${line}\r\n`)).toBe(refusal);
      expect(accept(`begin 644 x\r\n${PART}`)).toMatchObject({ isChecked: true });
    });

    test("an empty article, and one that is only text, are refused", () => {
      expect(refuse("")).toBe("YENC_MALFORMED: the article is empty");
      expect(refuse("hello\r\n\r\nthis =ybegin is not one\r\n")).toBe(
        "YENC_MALFORMED: the article has no =ybegin line",
      );
    });

    test("a part of no bytes is a part", () => {
      const empty = text(encodeArticleBody({ name: "a", fileSize: 0, bytes: Buffer.alloc(0) }));
      expect(decode(empty).info).toMatchObject({ size: 0, begin: 0, isChecked: true });
    });
  });
}

/** One letter among the data changed, so that the size stays right. */
function damage(body: string): string {
  const damaged = body.replace(/(=ypart.*\r\n[^=\r\n]*?)[A-Y]/, "$1Z");
  expect(damaged).not.toBe(body);
  return damaged;
}

function text(body: Buffer): string {
  return body.toString("latin1");
}
