import { describe, expect, test } from "@jest/globals";
import { document, oneFile, parse, SEGMENT } from "./documents.ts";

const file = `<file subject="s"><segments>${SEGMENT}</segments></file>`;

describe("what is refused, and how", () => {
  test("an empty file", async () => {
    for (const nothing of ["", " \r\n\t", "\ufeff"]) {
      await expect(parse(nothing)).rejects.toMatchObject({ code: "NZB_MALFORMED", message: "the nzb is empty" });
    }
  });

  test.each([
    ["a web page", "<!DOCTYPE html>\n<html><body>Please log in<br></body></html>", "<html>", "web page"],
    [
      "an indexer's error",
      '<?xml version="1.0"?>\n<error code="100" description="Incorrect\nuser credentials"/>',
      "<error>",
      "100 Incorrect user credentials",
    ],
    ["a search result", "<rss><channel/></rss>", "<rss>", "search result"],
    ["other XML", "<svg/>", "<svg>", "another kind of XML"],
    ["JSON", ' {"error":"limit"}', "does not begin with <", "JSON"],
    ["words", "Bad Gateway", "does not begin with <", "an nzb is XML"],
    ["a yEnc article", "=ybegin line=128 size=1 name=x\r\n", "does not begin with <", "yEnc"],
    ["nothing but a comment", "<!-- nzb -->", "no element", "an nzb is XML"],
  ])("%s, with a hint that says what was received", async (_, text, phrase, hint) => {
    await expect(parse(text)).rejects.toMatchObject({
      code: "NZB_MALFORMED",
      message: expect.stringContaining(phrase),
      hint: expect.stringContaining(hint),
    });
  });

  test("an NZB without files", async () => {
    for (const content of ["", "<head/>", SEGMENT]) {
      await expect(parse(document(content))).rejects.toMatchObject({
        code: "NZB_MALFORMED",
        message: "the nzb has no files",
      });
    }
    await expect(parse("<nzb/>")).rejects.toMatchObject({ message: "the nzb has no files" });
  });

  test("an NZB whose files have no segment that could be fetched", async () => {
    const message = "the nzb has no usable segments in its 2 files";
    await expect(
      parse(document('<file subject="a"/><file><segment number="1">a b</segment></file>')),
    ).rejects.toMatchObject({
      code: "NZB_MALFORMED",
      message,
    });
  });

  test("an NZB that was cut off, at whatever byte", async () => {
    const whole = oneFile().trimEnd();
    const rootStart = whole.indexOf("<nzb") + whole.slice(whole.indexOf("<nzb")).indexOf(">") + 1;
    for (let length = rootStart; length < whole.length; length += 1) {
      await expect(parse(whole.slice(0, length))).rejects.toMatchObject({
        code: "NZB_MALFORMED",
        message: expect.stringContaining(`cut off: it ends after ${length} bytes inside <`),
      });
    }
  });

  test("says in which file and element it was cut off", async () => {
    const cut = `<nzb>${file}<file subject="x"><segments><segment number="1">abc`;
    await expect(parse(cut)).rejects.toMatchObject({
      message: `the nzb is cut off: it ends after ${cut.length} bytes inside <segment>, in file 2`,
    });
  });

  test.each([
    ["an end tag for another element", `<nzb>${file}<a></b></nzb>`, "</b> where </a> is due"],
    ["an end tag for nothing", `<nzb>${file}</nzb></nzb>`, "nothing is open"],
    [
      "an attribute without quotes",
      "<nzb><file subject=s></file></nzb>",
      "at byte 19: an attribute value without quotes",
    ],
    ["an attribute without a value", "<nzb><file subject></file></nzb>", "at byte 11: an attribute without a value"],
    ["a tag without a name", `<nzb>${file} < 3</nzb>`, "a tag without a name"],
    ["a stray < in a tag", "<nzb><file <a>", "a stray character in a tag"],
    ["a stray slash", "<nzb><file / subject='x'>", "a stray / in a tag"],
    ["a second document behind the first", `<nzb>${file}</nzb><nzb>${file}</nzb>`, "a second document"],
    ["a file in a file", `<nzb><file>${file}</file></nzb>`, "another file inside"],
    [
      "a segment in a segment",
      `<nzb><file><segment number="1">${SEGMENT}</segment></file></nzb>`,
      "<segment> inside an element of text",
    ],
    ["a doctype inside the document", `<nzb><!DOCTYPE x>${file}</nzb>`, "a declaration where none may be"],
    ["an unknown declaration", `<!ELEMENT x><nzb>${file}</nzb>`, "a declaration where none may be"],
    ["CDATA before the document", `<![CDATA[x]]><nzb>${file}</nzb>`, "a declaration where none may be"],
  ])("%s", async (_, text, phrase) => {
    await expect(parse(text)).rejects.toMatchObject({
      code: "NZB_MALFORMED",
      message: expect.stringContaining(phrase),
    });
  });

  test("what stands behind the end of the document is ignored", async () => {
    for (const rest of ["\0\0\0", " trailing words & more", "<!-- served by x", "<?x", "<", "<!"]) {
      expect((await parse(`<nzb>${file}</nzb>${rest}`)).files).toHaveLength(1);
    }
  });

  test("an indexer's words reach the hint as one short printable line", async () => {
    const description = `\u001b[31m${"x".repeat(5000)}`;
    const failure = await parse(`<error description="${description}"/>`).catch((error) => error);
    expect(failure.hint).not.toContain("\u001b");
    expect(failure.hint.length).toBeLessThan(300);
  });

  test("the source's own failure passes unchanged", async () => {
    const { parseNzb } = await import("../../src/nzb/parse.ts");
    const lost = new Error("client left");
    async function* source() {
      yield Buffer.from("<nzb>");
      throw lost;
    }
    await expect(parseNzb(source(), { signal: new AbortController().signal })).rejects.toBe(lost);
  });

  test("an abort rejects with the signal's reason at once, even when the source never answers", async () => {
    const { parseNzb } = await import("../../src/nzb/parse.ts");
    const controller = new AbortController();
    async function* source(): AsyncGenerator<Uint8Array> {
      await new Promise(() => {});
    }
    const parsing = parseNzb(source(), { signal: controller.signal });
    controller.abort("enough");
    await expect(parsing).rejects.toBe("enough");
  });
});
