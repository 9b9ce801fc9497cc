import { describe, expect, test } from "@jest/globals";
import { formatByteSize, parseByteSize } from "../../src/config/byte-size.ts";

describe("byte sizes", () => {
  test.each<[string, number]>([
    ["0", 0],
    ["4096", 4096],
    ["1KiB", 1024],
    [" 128 MiB ", 128 * 2 ** 20],
    ["20gib", 20 * 2 ** 30],
    ["1.5GiB", 1.5 * 2 ** 30],
    ["0.1KiB", 102],
  ])("%j is %d bytes", (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  test.each(["", "MiB", "12MB", "1e3", "-1", "0x10", "1,5GiB", "1 2", "1TiB", "9".repeat(400)])(
    "%j is no size",
    (text) => {
      expect(parseByteSize(text)).toBeNaN();
    },
  );

  test.each<[number, string]>([
    [0, "0"],
    [1000, "1000"],
    [1024, "1KiB"],
    [1.5 * 2 ** 30, "1536MiB"],
    [20 * 2 ** 30, "20GiB"],
  ])("%d bytes are shown as %s, which reads back", (bytes, text) => {
    expect(formatByteSize(bytes)).toBe(text);
    expect(parseByteSize(text)).toBe(bytes);
  });
});
