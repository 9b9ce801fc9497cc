import { describe, expect, test } from "@jest/globals";
import { JoinedFile } from "../../src/archive/joined-file.ts";
import { findSplitSets, findUnnamedSevenZips, type SplitCandidate } from "../../src/archive/split-set.ts";
import { seededRandom } from "../random.ts";
import { bytesOf, cancel, memoryFile } from "./seven-zip-fixtures.ts";
import { writeSevenZip } from "./seven-zip-writer.ts";

const RAR = Buffer.from("526172211a0701000000", "hex");

function candidate(name: string, size: number, head: Uint8Array = Buffer.alloc(32, 1)): SplitCandidate {
  return { name, size, head };
}

/** By names instead of places, and codes instead of errors. */
function sets(files: readonly SplitCandidate[]) {
  return findSplitSets(files).map(({ name, pieces, trouble }) => [
    name,
    pieces.map((index) => files[index]?.name),
    trouble && [trouble.code, trouble.message],
  ]);
}

describe("a joined file", () => {
  const whole = Buffer.from(Array.from({ length: 257 }, (_, i) => i & 255));
  const cuts = [0, 10, 10, 100, 101, 257];
  const files = cuts.slice(1).map((cut, index) => memoryFile(whole.subarray(cuts[index], cut)));
  const joined = new JoinedFile(files);

  test("reads any range as the whole would", async () => {
    const random = seededRandom(1);
    for (let i = 0; i < 200; i++) {
      const start = Math.floor(random() * 258);
      const end = start + Math.floor(random() * (258 - start));
      expect(await bytesOf(joined, { start, end })).toEqual(whole.subarray(start, end));
    }
  });

  test("names the pieces of a range, without empty ones", () => {
    expect(joined.pieces({ start: 5, end: 102 })).toEqual([
      { volume: 0, start: 5, end: 10 },
      { volume: 2, start: 0, end: 90 },
      { volume: 3, start: 0, end: 1 },
      { volume: 4, start: 0, end: 1 },
    ]);
    expect(joined.pieces({ start: 10, end: 10 })).toEqual([]);
    expect(new JoinedFile([]).pieces({ start: 0, end: 0 })).toEqual([]);
  });

  test("refuses to end early", async () => {
    await expect(bytesOf(joined, { start: 250, end: 258 })).rejects.toThrow(RangeError);
    expect(() => joined.pieces({ start: 5, end: 4 })).toThrow(RangeError);
    expect(() => joined.pieces({ start: Number.NaN, end: 4 })).toThrow(RangeError);
  });

  test("reads only the pieces that a range lies in, and stops when its reader leaves", async () => {
    const costs = cuts.slice(1).map(() => ({ reads: 0, bytes: 0 }));
    const counted = new JoinedFile(cuts.slice(1).map((cut, i) => memoryFile(whole.subarray(cuts[i], cut), costs[i])));
    for await (const chunk of counted.read({ start: 50, end: 257 }, cancel)) {
      expect(chunk.length).toBe(50);
      break;
    }
    expect(costs.map(({ reads }) => reads)).toEqual([0, 0, 1, 0, 0]);
  });
});

describe("split sets", () => {
  test("are put in order by their numbers, whatever the order of the post", () => {
    const files = ["film.mkv.003", "film.mkv.001", "film.nfo", "film.mkv.002"].map((name) =>
      candidate(name, name.endsWith("3") ? 40 : 100),
    );
    expect(sets(files)).toEqual([["film.mkv", ["film.mkv.001", "film.mkv.002", "film.mkv.003"], undefined]]);
  });

  test("may count from 000, have one piece, a last piece of full size, or more than 999 pieces", () => {
    expect(sets([candidate("a.000", 9), candidate("a.001", 9)])).toEqual([["a", ["a.000", "a.001"], undefined]]);
    expect(sets([candidate("a.7z.001", 9)])).toEqual([["a.7z", ["a.7z.001"], undefined]]);
    const many = Array.from({ length: 1200 }, (_, i) => candidate(`a.${String(i + 1).padStart(3, "0")}`, 9));
    expect(sets(many)[0]?.[1]).toEqual(many.map(({ name }) => name));
  });

  test("count a piece that was posted twice once", () => {
    const files = [candidate("a.001", 9), candidate("a.002", 9), candidate("a.002", 9), candidate("a.003", 3)];
    expect(sets(files)).toEqual([["a", ["a.001", "a.002", "a.003"], undefined]]);
  });

  test.each([
    [["a.001", "a.003", "a.004"], "a.002"],
    [["a.002", "a.003"], "a.001"],
    [["a.0001", "a.0003"], "a.0002"],
  ])("with a gap, %j, are incomplete, and name %s", (names, missing) => {
    const [set] = sets(names.map((name) => candidate(name, 9)));
    expect(set?.[2]).toEqual(["ARCHIVE_INCOMPLETE", `"${missing}" is missing from the split file "a"`]);
  });

  test("with a piece that is cut off are incomplete, and name it", () => {
    const [set] = sets([9, 9, 7, 9, 9].map((size, i) => candidate(`a.00${i + 1}`, size)));
    expect(set?.[2]?.[0]).toBe("ARCHIVE_INCOMPLETE");
    expect(set?.[2]?.[1]).toContain('"a.003"');
    const [longer] = sets([9, 9, 10].map((size, i) => candidate(`a.00${i + 1}`, size)));
    expect(longer?.[2]?.[1]).toContain('"a.003"');
  });

  test("are neither files that merely end in numbers, nor volumes of a RAR set", () => {
    expect(sets(["film.264", "show.1080", "show.720"].map((name) => candidate(name, 9)))).toEqual([]);
    expect(sets([1, 20, 300, 4000].map((size, i) => candidate(`photo.00${i + 1}`, size)))).toEqual([]);
    expect(sets(["x.001", "x.002"].map((name) => candidate(name, 9, RAR)))).toEqual([]);
  });

  test("may be a RAR archive that was cut by size", () => {
    expect(sets([candidate("x.rar.001", 9, RAR), candidate("x.rar.002", 4)])).toEqual([
      ["x.rar", ["x.rar.001", "x.rar.002"], undefined],
    ]);
  });
});

describe("split 7z archives under names that say nothing", () => {
  const bytes = writeSevenZip([{ files: [{ name: "film.mkv", bytes: Buffer.alloc(1000, 7) }] }]);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 300) }, (_, i) =>
    bytes.subarray(i * 300, (i + 1) * 300),
  );
  const posted = pieces.map((piece, i) => candidate(`hash${i}`, piece.length, piece.subarray(0, 32)));

  test("are told by the size that their first piece declares", () => {
    const files = [candidate("note", 12), ...posted, candidate("other", 301)];
    expect(findUnnamedSevenZips(files).map((set) => set.pieces)).toEqual([posted.map((_, i) => i + 1)]);
  });

  test("are left alone when pieces are missing, or more files fit than belong to it", () => {
    expect(findUnnamedSevenZips(posted.slice(0, -1))).toEqual([]);
    expect(findUnnamedSevenZips([...posted, candidate("another", 300)])).toEqual([]);
  });

  test("are none when the archive is whole", () => {
    expect(findUnnamedSevenZips([candidate("a", bytes.length, bytes.subarray(0, 32))])).toEqual([]);
  });
});
