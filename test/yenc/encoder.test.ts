import { describe, expect, test } from "@jest/globals";
import { dotStuff, encodeArticleBody } from "../../src/yenc/encoder.ts";
import { randomBytes, seededRandom } from "../contract/yenc-feed.ts";

const bytes = Buffer.from("123456789");

function linesOf(body: Buffer): string[] {
  return body.toString("latin1").split("\r\n");
}

describe("encodeArticleBody", () => {
  test("writes a single part with its size and the checksum of the file", () => {
    const body = encodeArticleBody({ name: "a b.txt", fileSize: 9, bytes });
    expect(linesOf(body)).toEqual([
      "=ybegin line=128 size=9 name=a b.txt",
      "[\\]^_`abc",
      "=yend size=9 crc32=cbf43926",
      "",
    ]);
  });

  test("writes a part of many with its 1-based range and its own checksum", () => {
    const body = encodeArticleBody({
      name: "ä",
      fileSize: 99,
      bytes,
      begin: 18,
      partNumber: 3,
      totalParts: 11,
      lineLength: 4,
    });
    expect(linesOf(body)).toEqual([
      Buffer.from("=ybegin part=3 total=11 line=4 size=99 name=ä").toString("latin1"),
      "=ypart begin=19 end=27",
      "[\\]^",
      "_`ab",
      "c",
      "=yend size=9 part=3 pcrc32=cbf43926",
      "",
    ]);
  });

  test("leaves line ends and other control characters out of the name", () => {
    const body = encodeArticleBody({ name: "a\r\n=yend size=0\0", fileSize: 9, bytes });
    expect(linesOf(body)[0]).toBe("=ybegin line=128 size=9 name=a=yend size=0");
  });

  test("escapes blanks at both ends of a line and nowhere else", () => {
    const blanks = Buffer.alloc(10, (0x20 - 42) & 0xff);
    expect(linesOf(encodeArticleBody({ name: "a", fileSize: 10, bytes: blanks, lineLength: 5 })).slice(1, -2)).toEqual([
      "=`  =`",
      "=`  =`",
      "=`=`",
    ]);
  });

  test.each([1, 2, 10, 128, 256])(
    "no line of %i is longer by more than an escape, or holds what it must not",
    (lineLength) => {
      const body = encodeArticleBody({
        name: "a",
        fileSize: 1,
        bytes: randomBytes(20_000, seededRandom(9)),
        lineLength,
      });
      const data = linesOf(body).slice(1, -2);
      expect(Math.max(...data.map((line) => line.length))).toBeLessThanOrEqual(lineLength + 1);
      expect(data.filter((line) => /[\0\r\n]|^[\t ]|[\t ]$|^=y|(?<!=)=$/.test(line))).toEqual([]);
    },
  );
});

describe("dotStuff", () => {
  test.each([
    ["", ".\r\n"],
    ["a\r\n", "a\r\n.\r\n"],
    ["a", "a\r\n.\r\n"],
    [".", "..\r\n.\r\n"],
    [".\r\n.\r\n..a\r\n.b.\r\n", "..\r\n..\r\n...a\r\n..b.\r\n.\r\n"],
    ["a\n.b\r.c\r\n", "a\n.b\r.c\r\n.\r\n"],
  ])("makes %j into %j", (body, wire) => {
    expect(dotStuff(Buffer.from(body)).toString()).toBe(wire);
  });
});
