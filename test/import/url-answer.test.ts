import { describe, expect, test } from "@jest/globals";
import { acceptedBody, answerNames, withoutSecrets } from "../../src/import/url-answer.ts";
import type { Download } from "../../src/import/url-download.ts";
import { ManualClock } from "../manual-clock.ts";
import { rejection } from "./workshop.ts";

const ADDRESS = "https://indexer.example/api?t=get&id=1&apikey=0123456789abcdef";
const latin1 = (text: string) => Buffer.from(text).toString("latin1");

function answer(body: string, { status = 200, headers = {}, url = ADDRESS } = {}): Download {
  const at = new URL(url);
  async function* bytes() {
    for (const byte of Buffer.from(body)) yield Buffer.of(byte);
  }
  return { status, headers, url: at, trail: [at], body: bytes(), [Symbol.dispose]() {} };
}

const refusal = (download: Download) => rejection(acceptedBody(download, new ManualClock()));

describe("what is no NZB is refused with the words of whoever sends it", () => {
  test.each<[string, string, string]>([
    [
      '<?xml version=\'1.0\'?>\n<!-- x -->\n<error code="100" description="Incorrect user &amp; key"/>',
      "sends an error instead of an NZB: 100 Incorrect user & key",
      "check the API key",
    ],
    ["\ufeff<ERROR code='201' description='no'></ERROR>", "201 no", "API key"],
    ['{"status":false,"error":"limit \\"reached\\""}', "sends an error instead of an NZB: limit", "API key"],
    ["<!DOCTYPE html><html><head><title>Log\n in</title>", "sends a web page instead of an NZB: Log in", "login"],
    ["  <html>", "sends a web page instead of an NZB", "login"],
    ['<error description="bad key 0123456789abcdef">', "bad key …", "API key"],
  ])("%j", async (body, words, hint) => {
    const error = await refusal(answer(body));
    expect(error).toMatchObject({ code: "URL_REFUSED", hint: expect.stringContaining(hint) });
    expect(error.message).toContain(words);
    expect(error.message).toContain("https://indexer.example ");
    expect(error.message).not.toContain("0123456789abcdef");
  });

  test.each(["<nzb>", "<?xml version='1.0'?><!DOCTYPE nzb><nzb><error/></nzb>", "\x1f\x8b\x08", "PK\x03\x04", "", "a"])(
    "but %j is for the parser to judge, and comes whole",
    async (body) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await acceptedBody(answer(body), new ManualClock())) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString()).toBe(body);
    },
  );
});

describe("a status", () => {
  test.each([
    [401, "API key"],
    [403, "API key"],
    [404, "another indexer"],
    [410, "another indexer"],
  ])("%i ends the fetch with advice", async (status, hint) => {
    expect(await refusal(answer("", { status }))).toMatchObject({
      code: "URL_REFUSED",
      message: `https://indexer.example answers ${status}`,
      hint: expect.stringContaining(hint),
    });
  });

  test("206 is a part that nobody asked for, and taken for no whole", async () => {
    expect(await refusal(answer("<?xml", { status: 206 }))).toMatchObject({
      code: "URL_REFUSED",
      hint: expect.stringContaining("a part of"),
    });
  });

  test.each<[number, string | undefined, number | undefined]>([
    [429, "120", 120_000],
    [503, new Date(new ManualClock().wall() + 5_000).toUTCString(), 5_000],
    [503, "Thu, 01 Jan 1970 00:00:00 GMT", 0],
    [500, "soon", undefined],
    [502, undefined, undefined],
    [408, undefined, undefined],
  ])("%i with Retry-After %s lets it wait", async (status, header, retryAfterMs) => {
    const headers = header === undefined ? {} : { "retry-after": header };
    expect(await refusal(answer("<html>", { status, headers }))).toMatchObject({
      code: "URL_UNREACHABLE",
      retryAfterMs,
    });
  });
});

describe("the name of what comes", () => {
  test.each<[string, Record<string, string>, string | undefined, string | undefined]>([
    ["X-DNZB-Name", { "x-dnzb-name": "A", "content-disposition": 'attachment; filename="b.nzb"' }, "A", "b.nzb"],
    [
      "Content-Disposition",
      { "content-disposition": 'attachment; filename="b \\"c\\".nzb"; size=1' },
      'b "c".nzb',
      'b "c".nzb',
    ],
    ["a token", { "content-disposition": "attachment;filename=b.nzb" }, "b.nzb", "b.nzb"],
    ["raw UTF-8", { "content-disposition": latin1('attachment; filename="Größe.nzb"') }, "Größe.nzb", "Größe.nzb"],
    ["ISO 8859-1", { "content-disposition": 'attachment; filename="Gr\xf6\xdfe.nzb"' }, "Größe.nzb", "Größe.nzb"],
    [
      "filename*, whatever its place",
      { "content-disposition": "attachment; filename*=UTF-8''%E2%82%AC%20b.nzb; filename=c.nzb" },
      "€ b.nzb",
      "€ b.nzb",
    ],
    ["filename* in ISO 8859-1", { "content-disposition": "a; filename*=iso-8859-1'en'%A3.nzb" }, "£.nzb", "£.nzb"],
    ["a broken filename*", { "content-disposition": "a; filename*=UTF-8''%FF.nzb; filename=c.nzb" }, "c.nzb", "c.nzb"],
    ["a path", { "content-disposition": 'a; filename="../../etc/x.nzb"' }, "x.nzb", "x.nzb"],
    ["a ZIP", { "content-disposition": "a; filename=all.zip" }, undefined, "all.zip"],
    ["nothing", { "content-disposition": "inline" }, undefined, undefined],
  ])("is taken from %s", (_what, headers, stated, fileName) => {
    expect(answerNames(answer("", { headers }))).toMatchObject({ stated, fileName });
  });

  test.each<[string, string | undefined]>([
    ["https://h/a/Some%20Film.nzb?key=x", "Some Film.nzb"],
    ["https://h/a/Some%20Film", "Some Film"],
    ["https://h/getnzb/abc.nzb&i=1&r=secret", "abc.nzb"],
    ["https://h/api?t=get", undefined],
    ["https://h/", undefined],
    ["https://h/%FF.nzb", "%FF.nzb"],
    ["https://h/a%2Fb.nzb", "b.nzb"],
    ["https://h/get/0123456789abcdef0123456789abcdef", undefined],
    ["https://h/get/0123456789abcdef0123456789abcdef.nzb", "0123456789abcdef0123456789abcdef.nzb"],
  ])("is else the end of the path: %s", (url, fileName) => {
    expect(answerNames(answer("", { url }))).toEqual({ stated: undefined, fileName, category: undefined });
  });
});

test("secrets of all URLs are taken out of words", () => {
  const urls = ["https://me:hunter2@h/getnzb/0123456789abcdef01/x?k=a%20secret", "https://other/?t=get"];
  const text = "hunter2 me 0123456789abcdef01 a secret get";
  expect(
    withoutSecrets(
      text,
      urls.map((url) => new URL(url)),
    ),
  ).toBe("… … … … get");
});
