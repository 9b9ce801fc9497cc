import { describe, expect, test } from "@jest/globals";
import { seededRandom } from "../random.ts";
import { contentsOf, mapBag, sha256, shuffled } from "./rar-bags.ts";
import { pattern } from "./rar-samples.ts";
import { type RarFile, type RarMember, type RarSpec, writeRar } from "./rar-writer.ts";

const FILM: RarMember = { path: "film.mkv", content: pattern(100_000) };
const OTHER: RarMember = { path: "film.mkv", content: pattern(90_000, 9) };

function film(spec: Partial<RarSpec> = {}): RarFile[] {
  return writeRar({ format: 5, volumeSize: 20_000, members: [FILM], ...spec });
}

function without(files: readonly RarFile[], ...places: readonly number[]): RarFile[] {
  return files.filter((_, i) => !places.includes(i));
}

function randomlyNamed(files: readonly RarFile[], seed: number): RarFile[] {
  const random = seededRandom(seed);
  return files.map(({ bytes }) => ({ name: Math.floor(random() * 2 ** 48).toString(16), bytes }));
}

function volumesUnder(name: (number: number) => string, files: readonly RarFile[]): RarFile[] {
  return files.map(({ bytes }, i) => ({ name: name(i), bytes }));
}

describe.each([4, 5] as const)("a RAR%d set with a member in all volumes", (format) => {
  test.each([
    ["first", 0],
    ["middle", 2],
    ["last", 5],
  ])("whose %s volume is missing is refused, and the volume is named", async (_, place) => {
    const files = film({ format });
    expect(files).toHaveLength(6);
    for (const present of [without(files, place), randomlyNamed(without(files, place), 3)]) {
      const { sets } = await mapBag(shuffled(present, seededRandom(place)));
      expect(sets).toHaveLength(1);
      expect(sets[0]?.map.stored).toEqual([]);
      expect(sets[0]?.map.refused).toMatchObject([{ path: "film.mkv", code: "ARCHIVE_INCOMPLETE" }]);
      expect(sets[0]?.map.refused[0]?.message).toContain(`volume ${place + 1} of its set is missing`);
      expect(sets[0]).toMatchObject({ missing: [place + 1], trouble: { code: "ARCHIVE_INCOMPLETE" } });
    }
  });

  test("that is cut short inside of its last volume is refused", async () => {
    const files = film({ format });
    const last = files.at(-1) as RarFile;
    files[5] = { ...last, bytes: last.bytes.subarray(0, 300) };
    const { sets } = await mapBag(files);
    expect(sets[0]?.map.stored).toEqual([]);
    expect(sets[0]?.map.refused).toMatchObject([{ code: "ARCHIVE_INCOMPLETE" }]);
  });

  test("is served when a volume is there twice, and the copy is named", async () => {
    const files = film({ format });
    const copy = { name: "again.rar", bytes: Buffer.from((files[3] as RarFile).bytes) };
    const bag = await mapBag([...files, copy]);
    expect(await contentsOf(bag)).toEqual({ "film.mkv": sha256(FILM.content) });
    expect(bag.sets).toHaveLength(1);
    expect(bag.outside.map(({ volume }) => volume)).toEqual([6]);
  });

  test("beside another with the same inner name is served, and so is the other", async () => {
    const one = randomlyNamed(film({ format }), 1);
    const two = randomlyNamed(film({ format, members: [OTHER] }), 2);
    const bag = await mapBag(shuffled([...one, ...two], seededRandom(5)));
    const hashes = await Promise.all(
      bag.sets.map(async (set) => Object.values(await contentsOf({ ...bag, sets: [set] }))),
    );
    expect(hashes.flat().sort()).toEqual([sha256(FILM.content), sha256(OTHER.content)].sort());
  });

  test("beside another with the same inner name and size is told from it by its names", async () => {
    const same: RarMember = { path: "film.mkv", content: pattern(100_000, 5) };
    const bag = await mapBag(
      shuffled(
        [...film({ format, baseName: "a" }), ...film({ format, baseName: "b", members: [same] })],
        seededRandom(6),
      ),
    );
    const hashes = await Promise.all(
      bag.sets.map(async (set) => Object.values(await contentsOf({ ...bag, sets: [set] }))),
    );
    expect(hashes.flat().sort()).toEqual([sha256(FILM.content), sha256(same.content)].sort());
  });

  test("is put in order by its headers when its names lie", async () => {
    const files = film({ format });
    const order = [0, 3, 1, 4, 2, 5];
    const lying = volumesUnder(
      (i) => `x.part${i + 1}.rar`,
      order.map((i) => files[i] as RarFile),
    );
    const bag = await mapBag(lying);
    expect(await contentsOf(bag)).toEqual({ "film.mkv": sha256(FILM.content) });
    expect(bag.sets[0]?.orderedBy).toBe("number");
  });

  test("is served beside files that are no RAR, which are named", async () => {
    const stranger = { name: "readme.nfo", bytes: pattern(5000) };
    const bag = await mapBag([stranger, ...film({ format }), { name: "empty", bytes: Buffer.alloc(0) }]);
    expect(await contentsOf(bag)).toEqual({ "film.mkv": sha256(FILM.content) });
    expect(bag.outside).toMatchObject([
      { volume: 0, error: { code: "ARCHIVE_MALFORMED" } },
      { volume: 7, error: { code: "ARCHIVE_MALFORMED" } },
    ]);
  });

  test.each([
    ["<hash>.1 to <hash>.N", (i: number) => `d41d8cd98f00b204.${i + 1}`],
    ["base.NNN", (i: number) => `base.${String(i).padStart(3, "0")}`],
    ["base.NNN.rar", (i: number) => `base.${String(i + 1).padStart(3, "0")}.rar`],
    ["parts of mixed widths", (i: number) => `base.part${i < 3 ? "0" : "00"}${i + 1}.rar`],
    ["old names in capitals", (i: number) => (i === 0 ? "BASE.RAR" : `BASE.R0${i - 1}`)],
  ])("is served under names like %s", async (_, name) => {
    const files = volumesUnder(name, film({ format, endNumbers: false }));
    const bag = await mapBag(shuffled(files, seededRandom(8)));
    expect(await contentsOf(bag)).toEqual({ "film.mkv": sha256(FILM.content) });
    expect(bag.sets[0]?.orderedBy).toBe(format === 5 ? "number" : "name");
  });
});

describe("RAR4 volumes without numbers", () => {
  test("are joined by their members, whatever the order and the names", async () => {
    const members = Array.from({ length: 12 }, (_, i) => ({ path: `e${i}.mkv`, content: pattern(7_000, i) }));
    const files = writeRar({ format: 4, volumeSize: 10_000, members, endNumbers: false });
    const bag = await mapBag(shuffled(randomlyNamed(files, 3), seededRandom(4)));
    expect(bag.sets).toMatchObject([{ orderedBy: "continuity", trouble: undefined }]);
    expect(await contentsOf(bag)).toEqual(
      Object.fromEntries(members.map(({ path, content }) => [path, sha256(content)])),
    );
  });

  test("that one member passes through say that their order is only that of the post", async () => {
    const bag = await mapBag(randomlyNamed(film({ format: 4, endNumbers: false }), 3));
    expect(bag.sets[0]?.orderedBy).toBe("given");
    expect(await contentsOf(bag)).toEqual({ "film.mkv": sha256(FILM.content) });
  });
});

describe("what RAR4 end blocks cost", () => {
  test("they are read of one volume when names tell the order, and of each when nothing else does", async () => {
    const named = await mapBag(film({ format: 4 }));
    expect(named.costs.map(({ reads }) => reads)).toEqual([1, 1, 1, 2, 1, 1]);
    const nameless = await mapBag(randomlyNamed(film({ format: 4 }), 1));
    expect(nameless.costs.map(({ reads }) => reads)).toEqual([2, 2, 2, 2, 2, 1]);
  });
});

describe("a set of several members", () => {
  const members = [pattern(30_000), pattern(10, 2), pattern(45_000, 3), pattern(500, 4)].map((content, i) => ({
    path: `dir/m${i}`,
    content,
  }));

  test("without its last volume still serves what is whole, and says that it goes on", async () => {
    const files = writeRar({ format: 5, volumeSize: 20_000, members });
    const bag = await mapBag(without(files, files.length - 1));
    const contents = await contentsOf(bag);
    expect(contents).toMatchObject({
      "dir/m0": sha256(members[0]?.content as Buffer),
      "dir/m1": sha256(members[1]?.content as Buffer),
      "dir/m2": "ARCHIVE_INCOMPLETE",
    });
    expect(bag.sets[0]).toMatchObject({ missing: [files.length], trouble: { code: "ARCHIVE_INCOMPLETE" } });
  });

  test("that says that a volume follows is in trouble although all its members are whole", async () => {
    const files = writeRar({ format: 5, volumeSize: 200_000, members });
    const bytes = Buffer.from((files[0] as RarFile).bytes);
    const more = writeRar({ format: 5, volumeSize: 20_000, members })[0] as RarFile;
    more.bytes.subarray(-8).copy(bytes, bytes.length - 8);
    const bag = await mapBag([{ name: "set.part1.rar", bytes }]);
    expect(bag.sets[0]?.map.stored).toHaveLength(4);
    expect(bag.sets[0]).toMatchObject({ missing: [2], trouble: { code: "ARCHIVE_INCOMPLETE" } });
  });

  test("is in one piece again when a volume is missing between two members' ends", async () => {
    const files = writeRar({ format: 5, volumeSize: 20_000, members });
    const bag = await mapBag(randomlyNamed(without(files, 1), 2));
    expect(bag.sets).toMatchObject([{ missing: [2] }]);
  });
});
