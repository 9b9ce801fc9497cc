import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { bytesOf, contentsOf, type MappedBag, mapBag, sha256, shuffled } from "./rar-bags.ts";
import { SAMPLES, TREE } from "./rar-samples.ts";
import { type RarFile, writeRar } from "./rar-writer.ts";

const EXPECTED = Object.fromEntries(
  TREE.filter(({ isDirectory }) => !isDirectory)
    .map(({ path, content }) => [path, sha256(content)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);

function renamed(files: readonly RarFile[], random: () => number): RarFile[] {
  return files.map(({ bytes }) => ({ name: Math.floor(random() * 2 ** 48).toString(36), bytes }));
}

describe.each(Object.entries(SAMPLES))("an archive of the kind %s", (name, spec) => {
  const files = writeRar(spec);
  const passwords = spec.password === undefined ? [] : [spec.password];
  let mapped: Promise<MappedBag> | undefined;
  const inOrder = () => (mapped ??= mapBag(files, passwords));

  test("gives every member, and the order of its volumes is proved", async () => {
    const bag = await inOrder();
    expect(bag.outside).toEqual([]);
    expect(bag.sets).toHaveLength(1);
    expect(bag.sets[0]).toMatchObject({ missing: [], trouble: undefined, volumes: files.map((_, i) => i) });
    expect(await contentsOf(bag)).toEqual(EXPECTED);
  });

  // Without numbers in headers, volumes that one member passes through cannot be told apart.
  const isOrdered = spec.format === 5 || spec.endNumbers !== false;
  if (spec.volumeSize !== undefined)
    test(`gives every member under random names, in ${isOrdered ? "any order" : "the order of the post"}`, async () => {
      const random = seededRandom(11);
      const bag = await mapBag(renamed(isOrdered ? shuffled(files, random) : files, random), passwords);
      expect(bag.sets.map(({ trouble }) => trouble)).toEqual([undefined]);
      expect(await contentsOf(bag)).toEqual(EXPECTED);
    });

  test("gives any range of its largest member", async () => {
    const bag = await inOrder();
    const film = bag.sets[0]?.map.stored.find(({ path }) => path.endsWith("2024.mkv"));
    const content = TREE[1]?.content as Buffer;
    const random = seededRandom(name.length);
    for (let i = 0; film && i < 30; i += 1) {
      const start = Math.floor(random() * film.size);
      const end = start + Math.floor(random() ** 3 * (film.size - start + 1));
      const bytes = await bytesOf(film, bag.volumes, { start, end });
      expect(bytes.equals(content.subarray(start, end))).toBe(true);
    }
    expect(film?.size).toBe(content.length);
  });

  test("is mapped from a few KiB of each volume", async () => {
    const { costs } = await inOrder();
    for (const { reads, bytes } of costs) {
      expect(reads).toBeLessThanOrEqual(10);
      expect(bytes).toBeLessThanOrEqual(16 * 1024);
    }
  });
});
