import { describe, expect, test } from "@jest/globals";
import { subjectCounters } from "../../src/import/subject-order.ts";

const subject = (at: number, of: number, name = "x") => `"${name}" [${at}/${of}] - yEnc (1/3)`;

describe("the counters of subjects", () => {
  test("number files in whatever order they are listed, and the counter of parts is none", () => {
    expect(subjectCounters([subject(3, 9), subject(1, 9), subject(2, 9)])).toEqual([3, 1, 2]);
    expect(subjectCounters(["[07 of 26] a (1/5)", "[08 of 26] b (1/5)"])).toEqual([7, 8]);
    expect(subjectCounters(["release [1/2] [05/26] a (1/5)", "release [1/2] [04/26] b (1/5)"])).toEqual([5, 4]);
  });

  test("say nothing when they repeat, count other totals, or are not there", () => {
    expect(subjectCounters([subject(1, 9), subject(1, 9)])).toBeUndefined();
    expect(subjectCounters([subject(1, 9), subject(2, 8)])).toBeUndefined();
    expect(subjectCounters([subject(1, 9), "nothing"])).toBeUndefined();
    expect(subjectCounters(["a (1/3)", "b (1/3)"])).toBeUndefined();
  });
});
