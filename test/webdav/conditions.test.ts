import { describe, expect, test } from "@jest/globals";
import { checkConditions, ifRangeHolds } from "../../src/webdav/conditions.ts";
import { httpDate, isoDate, parseHttpDate } from "../../src/webdav/dates.ts";
import type { DavEntry } from "../../src/webdav/tree.ts";

const modifiedAt = Date.UTC(2024, 1, 29, 12, 34, 56, 789);
const SAME = "Thu, 29 Feb 2024 12:34:56 GMT";
const BEFORE = "Thu, 29 Feb 2024 12:34:55 GMT";
const AFTER = "Thu, 29 Feb 2024 12:34:57 GMT";
const entry: DavEntry = {
  kind: "resource",
  name: "a",
  size: 1,
  createdAt: 0,
  modifiedAt,
  etag: "v1,x",
  contentType: "a/b",
};
const HIT = '"v1,x"';

describe("preconditions of a read", () => {
  test.each([
    [{}, "proceed"],
    [{ "if-match": HIT }, "proceed"],
    [{ "if-match": "*" }, "proceed"],
    [{ "if-match": `"other", ${HIT}` }, "proceed"],
    [{ "if-match": `"other",${HIT},"third"` }, "proceed"],
    [{ "if-match": `,, ${HIT}` }, "proceed"],
    [{ "if-match": '"other"' }, 412],
    [{ "if-match": `W/${HIT}` }, 412],
    [{ "if-match": "v1,x" }, 412],
    [{ "if-match": "" }, 412],
    [{ "if-unmodified-since": SAME }, "proceed"],
    [{ "if-unmodified-since": AFTER }, "proceed"],
    [{ "if-unmodified-since": BEFORE }, 412],
    [{ "if-unmodified-since": "yesterday" }, "proceed"],
    [{ "if-match": HIT, "if-unmodified-since": BEFORE }, "proceed"],
    [{ "if-match": '"other"', "if-unmodified-since": AFTER }, 412],
    [{ "if-none-match": HIT }, 304],
    [{ "if-none-match": `W/${HIT}` }, 304],
    [{ "if-none-match": "*" }, 304],
    [{ "if-none-match": `"other" , ${HIT}` }, 304],
    [{ "if-none-match": '"other"' }, "proceed"],
    [{ "if-none-match": '"v1' }, "proceed"],
    [{ "if-modified-since": SAME }, 304],
    [{ "if-modified-since": AFTER }, 304],
    [{ "if-modified-since": BEFORE }, "proceed"],
    [{ "if-modified-since": "2024-02-29" }, "proceed"],
    [{ "if-none-match": '"other"', "if-modified-since": AFTER }, "proceed"],
    [{ "if-none-match": HIT, "if-modified-since": BEFORE }, 304],
    [{ "if-match": '"other"', "if-none-match": HIT }, 412],
    [{ "if-match": HIT, "if-none-match": HIT }, 304],
    [{ "if-unmodified-since": BEFORE, "if-modified-since": SAME }, 412],
  ])("%j comes to %s", (headers, verdict) => {
    expect(checkConditions(headers, entry, "read")).toBe(verdict);
  });
});

describe("preconditions of a write", () => {
  test.each([
    [{ "if-match": HIT }, entry, "proceed"],
    [{ "if-match": '"stale"' }, entry, 412],
    [{ "if-none-match": "*" }, entry, 412],
    [{ "if-none-match": HIT }, entry, 412],
    [{ "if-modified-since": AFTER }, entry, "proceed"],
    [{ "if-match": "*" }, undefined, 412],
    [{ "if-match": HIT }, undefined, 412],
    [{ "if-none-match": "*" }, undefined, "proceed"],
    [{ "if-unmodified-since": BEFORE }, undefined, "proceed"],
  ])("%j comes to what protects the other's work", (headers, at, verdict) => {
    expect(checkConditions(headers, at, "write")).toBe(verdict);
  });
});

describe("If-Range", () => {
  const later = modifiedAt + 60_000;
  test.each([
    [undefined, later, true],
    [HIT, later, true],
    [`W/${HIT}`, later, false],
    ['"other"', later, false],
    ["*", later, false],
    [SAME, later, true],
    [BEFORE, later, false],
    [AFTER, later, false],
    [SAME, modifiedAt, false],
    ["junk", later, false],
  ])("%s at %d holds: %s", (header, wallMs, holds) => {
    expect(ifRangeHolds(header, entry, wallMs)).toBe(holds);
  });
});

describe("dates", () => {
  test.each(["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])(
    "%s is one of the three forms",
    (text) => {
      expect(parseHttpDate(text)).toBe(784_111_777_000);
    },
  );

  test.each([
    "",
    "784111777000",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT; x",
  ])("%s is none of them", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  test("beyond what four digits can say are brought back, in both forms", () => {
    for (const ms of [Number.NaN, -1, 1e18]) {
      expect(parseHttpDate(httpDate(ms))).toBeGreaterThanOrEqual(0);
      expect(isoDate(ms)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    }
  });

  test("round-trip to the second", () => {
    expect(httpDate(modifiedAt)).toBe(SAME);
    expect(isoDate(modifiedAt)).toBe("2024-02-29T12:34:56Z");
  });
});
