import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { parseNzb } from "../../src/nzb/parse.ts";
import { document, inPieces, oneFile, parse, SEGMENT, segment } from "./documents.ts";

const file = `<file subject="s">${SEGMENT}</file>`;
const tooLarge = (phrase: string) => ({
  code: "NZB_TOO_LARGE",
  message: expect.stringContaining(phrase),
  hint: expect.any(String),
});

describe("limits", () => {
  test("bytes: exactly as many are read, one more is refused", async () => {
    const bytes = Buffer.byteLength(oneFile());
    expect((await parse(oneFile(), { bytes })).files).toHaveLength(1);
    await expect(parse(oneFile(), { bytes: bytes - 1 })).rejects.toMatchObject(
      tooLarge(`more than ${bytes - 1} bytes`),
    );
  });

  test("bytes count after unpacking, and a bomb is stopped there", async () => {
    const bomb = gzipSync(Buffer.concat([Buffer.from("<nzb>"), Buffer.alloc(64 * 1024 * 1024, " ")]));
    let handedOut = 0;
    async function* counted() {
      for await (const piece of inPieces(bomb, 1000)) {
        handedOut += piece.length;
        yield piece;
      }
    }
    const parsing = parseNzb(counted(), { signal: new AbortController().signal, limits: { bytes: 1_000_000 } });
    await expect(parsing).rejects.toMatchObject(tooLarge("more than 1000000 bytes"));
    expect(handedOut).toBeLessThan(bomb.length);
  });

  test("files", async () => {
    expect((await parse(document(file.repeat(3)), { files: 3 })).files).toHaveLength(3);
    await expect(parse(document(file.repeat(4)), { files: 3 })).rejects.toMatchObject(tooLarge("more than 3 files"));
  });

  test("segments, of all files together, however they are written", async () => {
    const rows = (count: number, tag = "segment") =>
      Array.from({ length: count }, (_, i) => segment(i + 1, `${i}@x`).replaceAll("segment", tag)).join("");
    for (const tag of ["segment", "SEGMENT"]) {
      const two = document(`<file>${rows(5, tag)}</file><file>${rows(5, tag)}</file>`);
      expect((await parse(two, { segments: 10 })).files).toHaveLength(2);
      await expect(parse(two, { segments: 9 })).rejects.toMatchObject(tooLarge("more than 9 segments"));
    }
  });

  test("holes count as segments", async () => {
    const holes = document(`<file>${segment(900, "a@x")}</file>`.repeat(3));
    await expect(parse(holes, { segments: 2699 })).rejects.toMatchObject(
      tooLarge("2699 segments, missing ones included"),
    );
    expect((await parse(holes, { segments: 2700 })).files[2]?.segments.length).toBe(900);
  });

  test("one attribute, one text, one tag and the doctype", async () => {
    const long = "x".repeat(1001);
    const documents = [
      [oneFile(SEGMENT, `subject="${long}"`), "more than 1000 bytes in one attribute"],
      [document(`<head><meta type="password">${long}</meta></head>${file}`), "more than 1000 bytes in one text"],
      [
        document(`<head><meta type="password">${"x<!-- -->".repeat(1001)}</meta></head>${file}`),
        "more than 1000 bytes in one text",
      ],
      [
        document(`<head><meta type="password"><![CDATA[${long}]]></meta></head>${file}`),
        "more than 1000 bytes in one text",
      ],
      [oneFile(SEGMENT + segment(2, long)), "more than 1000 bytes in one text"],
    ] as const;
    for (const [text, phrase] of documents) {
      await expect(parse(text, { valueBytes: 1000 })).rejects.toMatchObject(tooLarge(phrase));
      expect((await parse(text.replaceAll(long, long.slice(1)), { valueBytes: 10_000 })).files).toHaveLength(1);
    }
  });

  test("a tag, text or doctype without an end is given up long before the end of the document", async () => {
    const endless = [
      ["<nzb><file ", 'abc="b" ', "in one tag"],
      ['<nzb><file subject="', "x", "in one tag"],
      ["<nzb></", "x", "in one tag"],
      ["<!DOCTYPE nzb [", "<!ENTITY a 'bc'>", "in its doctype"],
      ['<nzb><head><meta type="title">', "x", "in one text"],
      ['<nzb><head><meta type="title"><![CDATA[', "x", "in one text"],
    ] as const;
    for (const [start, more, phrase] of endless) {
      let handedOut = 0;
      async function* source() {
        yield Buffer.from(start);
        for (; handedOut < 50_000_000; handedOut += 64 * 1024)
          yield Buffer.from(more.repeat(64 * 1024)).subarray(0, 64 * 1024);
      }
      await expect(parseNzb(source(), { signal: new AbortController().signal })).rejects.toMatchObject(
        tooLarge(phrase),
      );
      expect(handedOut).toBeLessThan(2_000_000);
    }
  });

  test("texts of all files together", async () => {
    const files = Array.from(
      { length: 100 },
      (_, i) => `<file subject="${i}" poster="p"><groups><group>a.b</group></groups>${SEGMENT}</file>`,
    );
    await expect(parse(document(files.join("")), { textBytes: 5000 })).rejects.toMatchObject(
      tooLarge("more than 5000 bytes of subjects"),
    );
    expect((await parse(document(files.join("")), { textBytes: 12_000 })).files).toHaveLength(100);
  });

  test("depth", async () => {
    const nested = (depth: number) => document(`${"<a>".repeat(depth)}${"</a>".repeat(depth)}${file}`);
    expect((await parse(nested(63))).files).toHaveLength(1);
    await expect(parse(nested(64))).rejects.toMatchObject(tooLarge("more than 64 elements inside each other"));
  });
});
