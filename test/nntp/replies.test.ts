import { describe, expect, test } from "@jest/globals";
import { judge, parseStatusLine, type Verb, type Verdict } from "../../src/nntp/replies.ts";

const line = (text: string) => parseStatusLine(text) as NonNullable<ReturnType<typeof parseStatusLine>>;

describe("parseStatusLine", () => {
  test.each([
    ["200 welcome", 200, "welcome"],
    ["222, 0 <a@b>", 222, "0 <a@b>"],
    ["430", 430, ""],
    ["281   ok  ", 281, "ok"],
  ])("reads %j", (text, code, rest) => {
    expect(parseStatusLine(text)).toEqual({ code, text: rest });
  });

  test.each(["", "hello", "22", "2222 x", "600 x", "099 x", " 200 x", "=ybegin part=1"])("refuses %j", (text) => {
    expect(parseStatusLine(text)).toBeUndefined();
  });
});

describe("judge", () => {
  const table: readonly (readonly [Verb, string, Verdict])[] = [
    ["GREETING", "200 posting allowed", "ok"],
    ["GREETING", "201 no posting", "ok"],
    ["GREETING", "400 too many connections", "busy"],
    ["GREETING", "400 service unavailable", "closing"],
    ["GREETING", "502 Your per-user connection limit reached", "busy"],
    ["GREETING", "502 access denied", "refused"],
    ["USER", "381 password", "password-required"],
    ["USER", "281 welcome without a password", "ok"],
    ["PASS", "281 ok", "ok"],
    ["PASS", "481 bad login", "auth-rejected"],
    ["PASS", "482 Too many connections for your user", "busy"],
    ["PASS", "482 download limit exceeded", "refused"],
    ["PASS", "482 invalid username or password", "auth-rejected"],
    ["PASS", "502 authentication failed", "auth-rejected"],
    ["PASS", "502 account expired", "refused"],
    ["PASS", "502 simultaneous IP addresses", "busy"],
    ["BODY", "222 0 <a@b>", "ok"],
    ["BODY", "220 0 <a@b>", "ok"],
    ["BODY", "430 no such article", "missing"],
    ["BODY", "423 no such number", "missing"],
    ["BODY", "420 no current article", "missing"],
    ["BODY", "451 0 <a@b> cancelled", "missing"],
    ["BODY", "480 authentication required", "auth-required"],
    ["BODY", "502 out of credits", "refused"],
    ["BODY", "400 idle timeout", "closing"],
    ["BODY", "221 0 <a@b>", "out-of-step"],
    ["BODY", "223 0 <a@b>", "out-of-step"],
    ["BODY", "111 20260101000000", "out-of-step"],
    ["BODY", "500 what?", "unsupported"],
    ["BODY", "403 fault", "unsupported"],
    ["STAT", "223 0 <a@b>", "ok"],
    ["STAT", "430 no", "missing"],
    ["STAT", "500 command not recognized", "unsupported"],
    ["STAT", "502 command not permitted", "unsupported"],
    ["STAT", "502 account expired", "refused"],
    ["STAT", "502 Too many connections", "busy"],
    ["STAT", "222 0 <a@b>", "out-of-step"],
    ["DATE", "111 20260101000000", "ok"],
    ["DATE", "500 what?", "unsupported"],
  ];

  test.each(table)("%s answered with %j is %s", (verb, text, verdict) => {
    expect(judge(verb, line(text))).toBe(verdict);
  });
});
