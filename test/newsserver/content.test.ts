import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { bytesContent, type Content, fileContent, patternContent } from "../../src/newsserver/content.ts";
import { expectBytes } from "./expect-bytes.ts";

const GIB = 1024 ** 3;

function expectRangesToAgree(content: Content): void {
  const whole = content.read(0, content.size);
  for (let offset = 0; offset < 9; offset += 1) {
    for (let length = 0; length < 20; length += 1) {
      expectBytes(content.read(offset, length), whole.subarray(offset, offset + length));
    }
  }
  expect(content.read(content.size, 0)).toHaveLength(0);
  for (const [offset, length] of [
    [-1, 2],
    [0, content.size + 1],
    [content.size, 1],
    [0.5, 1],
    [0, -1],
    [Number.NaN, 1],
  ] as const) {
    expect(() => content.read(offset, length)).toThrow(RangeError);
  }
}

describe("pattern content", () => {
  test("gives the same bytes for a range however it is cut", () => expectRangesToAgree(patternContent(7, 1_001)));

  test("differs by its seed", () => {
    expect(patternContent(1, 64).read(0, 64)).not.toEqual(patternContent(2, 64).read(0, 64));
  });

  test("uses every byte value about equally often", () => {
    const counts = new Uint32Array(256);
    for (const byte of patternContent(3, 256 * 1024).read(0, 256 * 1024)) counts[byte] = (counts[byte] as number) + 1;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });

  test("shows a misplacement by any amount in every run of 32 bytes", () => {
    const content = patternContent(9, 40 * GIB);
    const shifts = [
      1,
      2,
      3,
      4,
      5,
      8,
      127,
      128,
      1_000,
      4_096,
      65_536,
      716_800,
      1024 ** 2,
      GIB,
      4 * GIB,
      16 * GIB,
      20 * GIB,
    ];
    for (const base of [0, 12_345, 4 * GIB - 16, 16 * GIB - 10]) {
      const here = content.read(base, 4_096);
      for (const shift of shifts) {
        const there = content.read(base + shift, 4_096);
        for (let at = 0; at < 4_096; at += 32) {
          expect(here.subarray(at, at + 32).equals(there.subarray(at, at + 32))).toBe(false);
        }
      }
    }
  });

  test("is continuous across the offset where its word index passes 32 bits", () => {
    const content = patternContent(5, 17 * GIB);
    const across = content.read(16 * GIB - 50, 100);
    expect(Buffer.concat([content.read(16 * GIB - 50, 50), content.read(16 * GIB, 50)])).toEqual(across);
  });
});

describe("other content", () => {
  test("bytes in memory are read by range and not shared with the reader", () => {
    const content = bytesContent(patternContent(1, 300).read(0, 300));
    expectRangesToAgree(content);
    content.read(0, 10).fill(0);
    expectBytes(content.read(0, 10), patternContent(1, 300).read(0, 10));
  });

  test("a file is read by range, and says so when it became shorter", () => {
    const folder = mkdtempSync(join(tmpdir(), "newsreel-content-"));
    try {
      const path = join(folder, "film.bin");
      writeFileSync(path, patternContent(2, 500).read(0, 500));
      const content = fileContent(path);
      expectRangesToAgree(content);
      expectBytes(content.read(100, 300), patternContent(2, 500).read(100, 300));
      truncateSync(path, 50);
      expect(() => content.read(0, 100)).toThrow(RangeError);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
