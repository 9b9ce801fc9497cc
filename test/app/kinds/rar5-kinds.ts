import { bytesContent } from "../../../src/newsserver/content.ts";
import { film, type Named } from "./contents.ts";
import { across, type BuiltToServe, type PostKind } from "./post-kind.ts";
import type { Posting } from "./posting.ts";
import { type SmallRar, smallRar } from "./rar.ts";

const VOLUME = 20_000;
const PART = 7_000;
const HASH = "0d4f7b9c8e21a6355b1c9ad07e3f6642";

/** A set with one film in it; the first article of each volume is read, and the end of the last one. */
function oneFilm(
  name: string,
  size: number,
  rar: Partial<SmallRar> = {},
  posting: Partial<Posting> = {},
): BuiltToServe {
  const content = film(size % 1_000, size);
  const files = smallRar({ format: 5, volumeSize: VOLUME, files: [{ name, content }], ...rar });
  const serves = [{ path: name, content, crossings: across(content, VOLUME) }];
  return { files, partSize: PART, wire: { bodies: files.length + 1 }, serves, ...posting };
}

const LOCKED = { password: "pässword-42", encryptsHeaders: true, services: true, padding: 7 };

export const RAR5_KINDS: readonly PostKind[] = [
  {
    name: "RAR5 stored, named volumes",
    release: "Named.Volumes.2026",
    build: () => oneFilm("Named.Volumes.2026.mkv", 900_003, { services: true }),
  },
  {
    name: "RAR5 with encrypted headers, small",
    release: "Locked.2026",
    build: () => oneFilm("Locked.2026.mkv", 400_003, LOCKED, { passwords: ["wrong", LOCKED.password] }),
  },
  {
    name: "RAR5 with encrypted headers and obfuscated volume names",
    release: "Locked.Away.2026",
    build: () =>
      oneFilm("Locked.Away.2026.mkv", 500_009, LOCKED, {
        names: "random",
        isShuffled: true,
        passwords: [LOCKED.password],
      }),
  },
  {
    name: "RAR5 encrypted, headers in the clear",
    release: "Data.Locked.2026",
    build: () => oneFilm("Data.Locked.2026.mkv", 300_005, { password: "x" }, { passwords: ["x"] }),
  },
  {
    name: "RAR volumes, each under a random name without extension",
    release: "Random.Names.2026",
    build: () => oneFilm("Random.Names.2026.mkv", 1_200_001, {}, { names: "random", isShuffled: true }),
  },
  {
    name: "RAR volumes named <hash>.1 to .193",
    release: "Hash.Numbers.2026",
    build: () => {
      const built = oneFilm("Hash.Numbers.2026.mkv", 19_878 * 192 + 15_000);
      return { ...built, files: built.files.map(({ content }, index) => ({ name: `${HASH}.${index + 1}`, content })) };
    },
  },
  {
    name: "a directory tree inside one RAR set",
    release: "Tree.2026",
    ranges: 30,
    build: () => {
      const inside: readonly Named[] = [
        { name: "Tree.2026/Disc 1/Film.One.mkv", content: film(61, 210_001) },
        { name: "Tree.2026/Disc 1/Extras/Interview.mkv", content: film(62, 33_000) },
        { name: "Tree.2026/Disc 2/日本語 名前 é.mkv", content: film(63, 99_999) },
        { name: "Tree.2026/Disc 2/empty.idx", content: bytesContent(Buffer.alloc(0)) },
        { name: "Tree.2026/readme.nfo", content: bytesContent(Buffer.from("a tree")) },
      ];
      const folders = ["Tree.2026", "Tree.2026/Disc 1", "Tree.2026/Disc 1/Extras", "Tree.2026/Disc 2"];
      const files = smallRar({ format: 5, volumeSize: VOLUME, files: inside, folders });
      const serves = inside.map(({ name, content }) => ({ path: name, content, crossings: across(content, VOLUME) }));
      return { files, partSize: PART, wire: { bodies: files.length + inside.length }, serves };
    },
  },
  {
    name: "a season with one RAR set per episode",
    release: "Season.S01",
    ranges: 20,
    build: () => {
      const sets = Array.from({ length: 24 }, (_, index) => {
        const name = `Season.S01E${String(index + 1).padStart(2, "0")}.1080p`;
        const content = film(70 + index, 470_000 + index);
        return {
          name,
          content,
          files: smallRar({ format: 5, volumeSize: VOLUME, baseName: name, files: [{ name: `${name}.mkv`, content }] }),
        };
      });
      const files = sets.flatMap((set) => set.files);
      const serves = sets.map(({ name, content }) => ({
        path: `${name}.mkv`,
        content,
        crossings: across(content, VOLUME, 5),
      }));
      return { files, partSize: PART, wire: { bodies: files.length + sets.length }, serves };
    },
  },
  {
    name: "a RAR set with exactly one article missing everywhere",
    release: "One.Missing.2026",
    build: () => {
      const built = oneFilm("One.Missing.2026.mkv", 500_001, {}, { isLost: (file, part) => file === 7 && part === 2 });
      const [served] = built.serves ?? [];
      if (served === undefined) throw new Error("there is a film");
      // Headers take less than 150 bytes of each volume.
      const hole = { start: 7 * (VOLUME - 150) + PART - 150, end: 7 * VOLUME + 2 * PART };
      const crossings = served.crossings?.filter(({ start, end }) => end <= hole.start || start >= hole.end) ?? [];
      return { ...built, serves: [{ ...served, crossings, hole }] };
    },
  },
];
