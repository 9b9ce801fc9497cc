import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { contentsOf, mapBag, sha256, shuffled } from "./rar-bags.ts";
import { pattern } from "./rar-samples.ts";
import { type RarFile, writeRar } from "./rar-writer.ts";

/** Like a disc image: something at both ends, zeros between them. */
const IMAGE = { path: "disc.iso", content: Buffer.concat([pattern(30_000), Buffer.alloc(100_000), pattern(9_000, 2)]) };
const FILM = { path: "film.mkv", content: pattern(100_000) };

function nameless(files: readonly RarFile[], seed: number): RarFile[] {
  const random = seededRandom(seed);
  return files.map(({ bytes }) => ({ name: Math.floor(random() * 2 ** 48).toString(16), bytes }));
}

function image(spec: { readonly endNumbers?: false } = {}): RarFile[] {
  return writeRar({ format: 4, volumeSize: 20_000, members: [IMAGE], ...spec });
}

describe("RAR4 volumes of a disc image that hold nothing but zeros", () => {
  test.each([
    ["with numbers in their end blocks", {}],
    ["without any numbers in them", { endNumbers: false }],
  ] as const)("are no copies of one another %s, named or not", async (_, spec) => {
    const files = image(spec);
    const bodies = new Set(files.map(({ bytes }) => sha256(bytes.subarray(0, -32))));
    expect(bodies.size).toBeLessThan(files.length - 2);
    for (const bag of [await mapBag(files), await mapBag(nameless(files, 1))]) {
      expect(bag.outside).toEqual([]);
      expect(bag.sets).toMatchObject([{ missing: [], trouble: undefined }]);
      expect(await contentsOf(bag)).toEqual({ "disc.iso": sha256(IMAGE.content) });
    }
  });

  test("are no copies of one another beside a named volume that is one", async () => {
    const files = image();
    const bag = await mapBag([...files, files[3] as RarFile]);
    expect(bag.outside.map(({ volume }) => volume)).toEqual([files.length]);
    expect(await contentsOf(bag)).toEqual({ "disc.iso": sha256(IMAGE.content) });
  });
});

test.each([4, 5] as const)("a RAR%d set posted twice under random names counts once", async (format) => {
  const files = writeRar({ format, volumeSize: 20_000, members: [FILM] });
  const twice = [...nameless(files, 1), ...nameless(files, 2)];
  const bag = await mapBag(shuffled(twice, seededRandom(3)));
  expect(bag.sets).toHaveLength(1);
  expect(bag.outside).toHaveLength(files.length);
  expect(await contentsOf(bag)).toEqual({ "film.mkv": sha256(FILM.content) });
});
