import { describe, expect, test } from "@jest/globals";
import { BASIC_CHALLENGE, parseBasic } from "../../src/auth/basic.ts";

const header = (text: string | Buffer) => `Basic ${Buffer.from(text as string).toString("base64")}`;

describe("Basic credentials", () => {
  test.each([
    ["user:password", "user", "password"],
    ["user:", "user", ""],
    [":password", "", "password"],
    ["user:pass:word:", "user", "pass:word:"],
    ["user:~~~???>>>", "user", "~~~???>>>"],
    ["zoë:пароль 日本語 🔑", "zoë", "пароль 日本語 🔑"],
    ["zoe\u0308:e\u0301", "zoë", "é"],
    ["user: blank ", "user", " blank "],
  ])("%s are understood", (text, user, password) => {
    expect(parseBasic(header(text))).toEqual({ user, password });
  });

  test.each(["Basic dTpw", "basic dTpw", "BASIC   dTpw", " Basic dTpw "])(
    "%s is one way to write the scheme",
    (text) => {
      expect(parseBasic(text)).toEqual({ user: "u", password: "p" });
    },
  );

  test.each(["a:b", "a:bc", "a:bcd", "a:bcde"])("%s may come without padding, or in the URL alphabet", (text) => {
    const [user, password] = text.split(":");
    const base64 = Buffer.from(text).toString("base64");
    expect(parseBasic(`Basic ${base64.replace(/=/g, "")}`)).toEqual({ user, password });
    expect(parseBasic(`Basic ${Buffer.from(`${text}??>>`).toString("base64url")}`)?.password).toBe(`${password}??>>`);
  });

  test("in Latin-1 are taken for it", () => {
    expect(parseBasic(header(Buffer.from("zoë:é", "latin1")))).toEqual({ user: "zoë", password: "é" });
  });

  test.each([
    undefined,
    "",
    "Basic",
    "Basic ",
    "Basic !!!!",
    "Basic dTpw dTpw",
    "Basic dT=pw",
    "Bearer dTpw",
    'Digest username="u"',
    `Basic ${"A".repeat(5000)}`,
    header("no colon"),
    header("nul:\0"),
    header("line:\r\n"),
    header("u\u007f:p"),
  ])("%s are none", (text) => {
    expect(parseBasic(text)).toBeUndefined();
  });

  test("are asked for in UTF-8", () => {
    expect(BASIC_CHALLENGE).toBe('Basic realm="Newsreel", charset="UTF-8"');
  });
});
