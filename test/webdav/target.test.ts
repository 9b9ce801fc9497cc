import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import { encodeSegment, hrefOf } from "../../src/webdav/href.ts";
import { parseTarget } from "../../src/webdav/target.ts";

const codeOf = (url: string): string | undefined => {
  try {
    parseTarget(url);
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
};

describe("a request target", () => {
  test.each([
    ["/", [], true],
    ["/a", ["a"], false],
    ["/a/b/", ["a", "b"], true],
    ["//a///b", ["a", "b"], false],
    ["/a?b=/c/", ["a"], false],
    ["/a%2Emkv", ["a.mkv"], false],
    ["/%41", ["A"], false],
    ["/100%25", ["100%"], false],
    ["/a%2541", ["a%41"], false],
    ["/%E6%97%A5", ["日"], false],
    ["/e%CC%81", ["é"], false],
    ["/\u00c3\u00a9", ["é"], false],
    ["/a+b&c=d;e,f@g:h!$'()*", ["a+b&c=d;e,f@g:h!$'()*"], false],
    ["/...", ["..."], false],
    ["/..a/.b", ["..a", ".b"], false],
    ["http://h:8119/a/b?c", ["a", "b"], false],
    ["HTTPS://h", [], true],
    ["//evil.com/a", ["evil.com", "a"], false],
  ])("%s is the path %j", (url, path, hasTrailingSlash) => {
    expect(parseTarget(url)).toEqual({ path, hasTrailingSlash });
  });

  test.each([
    "/%zz",
    "/%",
    "/%4",
    "/%C3%28",
    "/%C0%AF",
    "/%C0%AE%C0%AE/",
    "/%ED%A0%80",
    "/%F5%80%80%80",
    "/%FF",
    "/\u00ff",
    "/..",
    "/.",
    "/a/../b",
    "/%2e%2e",
    "/%2E./a",
    "/..%2fa",
    "/..%5ca",
    "/a%2Fb",
    "/a\\b",
    "/a%00",
    "/a%0d%0ab",
    "/a%7f",
    "/a%C2%85",
    "/a#b",
    "a/b",
    "ftp://h/a",
    "*",
    "",
    "http:///a",
  ])("%s is a bad path", (url) => {
    expect(codeOf(url)).toBe("BAD_PATH");
  });

  test("has bounds on its length, its segments and each name, and no more", () => {
    expect(codeOf(`/${"a/".repeat(64)}`)).toBeUndefined();
    expect(codeOf(`/${"a/".repeat(65)}`)).toBe("PATH_TOO_LONG");
    expect(codeOf(`/${"a".repeat(255)}`)).toBeUndefined();
    expect(codeOf(`/${"a".repeat(256)}`)).toBe("PATH_TOO_LONG");
    expect(codeOf(`/${"%E6%97%A5".repeat(85)}`)).toBeUndefined();
    expect(codeOf(`/${"%E6%97%A5".repeat(86)}`)).toBe("PATH_TOO_LONG");
    expect(codeOf(`/${"/".repeat(8191)}`)).toBeUndefined();
    expect(codeOf(`/${"/".repeat(8192)}`)).toBe("PATH_TOO_LONG");
  });

  test.each(["a b", 'Zoë — 日本語 #1 100% & <x> "q".mkv', "!'()*;/?:@&=+$,", "😀", "%41", ".-_~"])(
    "%s comes back through its href",
    (name) => {
      const segment = encodeSegment(name);
      expect(segment).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
      if (!name.includes("/")) expect(parseTarget(hrefOf([name], "resource")).path).toEqual([name.normalize("NFC")]);
    },
  );

  test("half a surrogate pair does not stop an href", () => {
    expect(encodeSegment("a\ud800b")).toBe("a%EF%BF%BDb");
  });
});
