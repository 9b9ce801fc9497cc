import { describe, expect, test } from "@jest/globals";
import { chooseRange, contentRange, unsatisfiedRange } from "../../src/webdav/range.ts";

const part = (start: number, end: number) => ({ kind: "part", range: { start, end } });
const WHOLE = { kind: "whole" };
const UNSATISFIABLE = { kind: "unsatisfiable" };

describe("a Range header", () => {
  test.each([
    ["bytes=0-0", part(0, 1)],
    ["bytes=0-99", part(0, 100)],
    ["bytes=0-", part(0, 100)],
    ["bytes=99-", part(99, 100)],
    ["bytes=50-1000", part(50, 100)],
    ["bytes=-1", part(99, 100)],
    ["bytes=-100", part(0, 100)],
    ["bytes=-101", part(0, 100)],
    ["bytes=-99999999999999999999999", part(0, 100)],
    ["bytes=5-99999999999999999999999", part(5, 100)],
    ["BYTES=1-2", part(1, 3)],
    ["bytes= 1-2 ", part(1, 3)],
    ["bytes=,1-2,", part(1, 3)],
    ["bytes=007-008", part(7, 9)],
    ["bytes=100-", UNSATISFIABLE],
    ["bytes=100-200", UNSATISFIABLE],
    ["bytes=-0", UNSATISFIABLE],
    ["bytes=99999999999999999999-", UNSATISFIABLE],
    [`bytes=${"9".repeat(4000)}-`, UNSATISFIABLE],
    ["bytes=100-,200-", UNSATISFIABLE],
    ["bytes=0-1,5-6", WHOLE],
    ["bytes=0-,0-", WHOLE],
    ["bytes=0-1,500-", WHOLE],
    ["bytes=5-2", WHOLE],
    ["bytes=0-1,junk", WHOLE],
    ["bytes=", WHOLE],
    ["bytes=-", WHOLE],
    ["bytes=--1", WHOLE],
    ["bytes=1", WHOLE],
    ["bytes=1-2-3", WHOLE],
    ["bytes=0x1-0x2", WHOLE],
    ["bytes=1.5-2", WHOLE],
    ["bytes=+1-2", WHOLE],
    ["bytes=1e1-20", WHOLE],
    ["bytes =0-1", WHOLE],
    ["bytes", WHOLE],
    ["=0-1", WHOLE],
    ["items=0-1", WHOLE],
    ["", WHOLE],
    [undefined, WHOLE],
  ])("%s of 100 bytes is chosen as the RFC says", (header, choice) => {
    expect(chooseRange(header, 100)).toEqual(choice);
  });

  test("of an empty file is unsatisfiable from the start, and the whole from the end", () => {
    expect(chooseRange("bytes=0-", 0)).toEqual(UNSATISFIABLE);
    expect(chooseRange("bytes=-5", 0)).toEqual(WHOLE);
    expect(chooseRange("bytes=-0", 0)).toEqual(UNSATISFIABLE);
  });

  test("is answered with inclusive ends", () => {
    expect(contentRange({ start: 0, end: 1 }, 100)).toBe("bytes 0-0/100");
    expect(unsatisfiedRange(100)).toBe("bytes */100");
  });
});
