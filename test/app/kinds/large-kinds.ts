import { film } from "./contents.ts";
import { around, type PostKind } from "./post-kind.ts";
import { type LargeRar, largeRar } from "./rar.ts";
import { sevenZip, splitInto } from "./seven-zip.ts";

const GIB = 2 ** 30;
/** Large articles, so that half a terabyte does not take a million of them. */
const PART = 1_000_000;
const RANGES = 40;

/** A set of a single film; places where volumes end, and where numbers outgrow 32 bits. */
function oneFilm(rar: LargeRar, partSize: number) {
  const { volumes: files, film: content } = largeRar(rar);
  const { dataBytes, volumes } = rar;
  const ends = [1, 2, Math.floor(volumes / 2), volumes - 2, volumes - 1].map((number) => number * dataBytes);
  const places = [...ends, 2 ** 31, 2 ** 32].filter((place) => place < content.size);
  const serves = [{ path: rar.path, content, crossings: around(places, content) }];
  // The last volume's end block, and in RAR4 one in the middle, since names may lie.
  return { files, partSize, wire: { bodies: files.length + (rar.format === 4 ? 2 : 1) }, serves };
}

export const LARGE_SET_KINDS: readonly PostKind[] = [
  {
    name: "RAR5 stored, a thousand volumes",
    release: "Thousand.Volumes.2026",
    ranges: RANGES,
    build: () =>
      oneFilm({ format: 5, path: "Thousand.Volumes.2026.mkv", volumes: 1_000, dataBytes: 2_000_000 }, 100_000),
  },
  {
    name: "RAR5 with encrypted headers, 100 GB",
    release: "Hundred.Gigabytes.2026",
    ranges: RANGES,
    build: () => ({
      ...oneFilm(
        {
          format: 5,
          path: "Hundred.Gigabytes.2026.mkv",
          volumes: 1_000,
          dataBytes: 100_000_007,
          password: "large",
          encryptsHeaders: true,
        },
        400_000,
      ),
      passwords: ["large"],
    }),
  },
  {
    name: "RAR4 with a member above 4 GiB, encrypted",
    release: "Above.Four.2026",
    ranges: RANGES,
    build: () => ({
      ...oneFilm(
        {
          format: 4,
          path: "Above.Four.2026.mkv",
          volumes: 120,
          dataBytes: 50_000_003,
          password: "four",
          encryptsHeaders: true,
        },
        100_000,
      ),
      passwords: ["four"],
    }),
  },
];

export const LARGE_FILE_KINDS: readonly PostKind[] = [
  {
    name: "half a terabyte of plain files without extensions",
    release: "Half.A.Terabyte",
    ranges: 4,
    build: () => {
      const files = Array.from({ length: 16 }, (_, number) => ({
        name: `Film Number ${number + 1}`,
        content: film(number, 32 * GIB - number),
      }));
      const serves = files.map(({ name, content }) => ({
        path: `${name}.mkv`,
        content,
        crossings: around([2 ** 32, 16 * GIB], content),
      }));
      return { files, partSize: 3_000_000, wire: { bodies: 2 * files.length }, serves };
    },
  },
  {
    name: "7z with a plain header, large",
    release: "Seven.Large.2026",
    ranges: RANGES,
    build: () => {
      const inside = [1, 2, 3].map((number) => ({
        name: `Seven.Large.2026.Part${number}.mkv`,
        content: film(number, 9 * GIB + number),
      }));
      const files = [{ name: "Seven.Large.2026.7z", content: sevenZip({ files: inside, header: "plain" }) }];
      const serves = inside.map(({ name, content }) => ({
        path: name,
        content,
        crossings: around([2 ** 32], content),
      }));
      return { files, partSize: PART, wire: { bodies: 3 }, serves };
    },
  },
  {
    name: "obfuscated split 7z, large",
    release: "Seven.Far.2026",
    ranges: RANGES,
    build: () => {
      const inside = [{ name: "Seven.Far.2026.mkv", content: film(7, 21 * GIB) }];
      const piece = 100_000_000;
      const files = splitInto("x.7z", sevenZip({ files: inside, header: "lzma" }), piece);
      const serves = inside.map(({ name, content }) => ({
        path: name,
        content,
        crossings: around(
          [1, 2, 100, 224].map((number) => number * piece - 32),
          content,
        ),
      }));
      return { files, names: "random", partSize: PART, wire: { bodies: files.length + 3 }, serves };
    },
  },
];
