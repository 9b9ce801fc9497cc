import { describe, expect, test } from "@jest/globals";
import { ago, inBytes, inPercent, inTime } from "../../src/cli/amounts.ts";
import { fitted, lineWidth, tableLines } from "../../src/cli/table-lines.ts";

describe("a table", () => {
  const rows = [
    ["1", "importing", "A rather long name of a film"],
    ["12", "paused", "Short"],
  ];

  test("has columns as wide as their widest cell, and no blanks at the end", () => {
    expect(tableLines(["#", "STATE", "NAME"], rows)).toEqual([
      "#   STATE      NAME",
      "1   importing  A rather long name of a film",
      "12  paused     Short",
    ]);
  });

  test("is cut at the end of its last column to fit a terminal", () => {
    const lines = tableLines(["#", "STATE", "NAME"], rows, 30);
    expect(lines).toEqual(["#   STATE      NAME", "1   importing  A rather long …", "12  paused     Short"]);
    expect(Math.max(...lines.map((line) => line.length))).toBe(30);
  });

  test("holds no control characters", () => {
    expect(tableLines(["N"], [["a\u001b[2Jb\nc"]])[1]).toBe("a?[2Jb?c");
  });
});

test("a text is not cut in the middle of a character", () => {
  expect(fitted("ab😀cd", 4)).toBe("ab…");
  expect(fitted("abcd", 4)).toBe("abcd");
});

test("only a terminal has a width", () => {
  expect(lineWidth({ columns: 80 })).toBe(80);
  expect(lineWidth({ columns: 0 })).toBe(Number.POSITIVE_INFINITY);
  expect(lineWidth({})).toBe(Number.POSITIVE_INFINITY);
});

describe("amounts", () => {
  test.each([
    [0, "0 s"],
    [-5, "0 s"],
    [119_400, "119 s"],
    [120_000, "2 min"],
    [7_199_000, "120 min"],
    [7_200_000, "2 h"],
    [172_800_000, "2 d"],
  ])("%d ms are %s", (ms, words) => expect(inTime(ms)).toBe(words));

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [4.1e9, "4.1 GB"],
    [5e15, "5000.0 TB"],
  ])("%d bytes are %s", (bytes, words) => expect(inBytes(bytes)).toBe(words));

  test("what is not done is not 100 %", () => {
    expect([inPercent(0.999), inPercent(1), inPercent(7), inPercent(-1)]).toEqual(["99 %", "100 %", "100 %", "0 %"]);
  });

  test("a clock that is behind does not see the future", () => expect(ago(5000, 1000)).toBe("0 s ago"));
});
