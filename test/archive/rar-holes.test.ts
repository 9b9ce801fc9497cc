import { describe, expect, test } from "@jest/globals";
import { RarKeys } from "../../src/archive/rar-keys.ts";
import { mapRarVolumes } from "../../src/archive/rar-set.ts";
import type { ByteRange } from "../../src/base/byte-range.ts";
import { ArticleError, ProviderError } from "../../src/base/errors.ts";
import { seededRandom } from "../random.ts";
import { CountedVolume, type MappedBag, shuffled, signal } from "./rar-bags.ts";
import { pattern } from "./rar-samples.ts";
import { type RarFile, type RarMember, writeRar } from "./rar-writer.ts";

const ARTICLE = 7_000;
const FILM: RarMember = { path: "film.mkv", content: pattern(110_000) };
const GONE = new ArticleError("ARTICLE_MISSING", "it is gone");

/** A volume of which some bytes cannot be read. */
class HoledVolume extends CountedVolume {
  constructor(file: RarFile, hole: ByteRange, error: Error) {
    super(file);
    const whole = this.file.read;
    this.file.read = (range, options) => {
      if (range.start < hole.end && range.end > hole.start) throw error;
      return whole(range, options);
    };
  }
}

interface Hole {
  readonly name: string;
  readonly range: ByteRange;
  readonly error?: Error;
}

async function mapHoled(files: readonly RarFile[], { name, range, error = GONE }: Hole): Promise<MappedBag> {
  const volumes = files.map((file) =>
    file.name === name ? new HoledVolume(file, range, error) : new CountedVolume(file),
  );
  const keys = new RarKeys([]);
  const budget = { bytes: 2 ** 20, reads: 500 };
  return { ...(await mapRarVolumes(volumes, { budget, keys, signal })), volumes, keys, costs: [] };
}

function lastArticle({ name, bytes }: RarFile): Hole {
  return { name, range: { start: Math.floor((bytes.length - 1) / ARTICLE) * ARTICLE, end: bytes.length } };
}

describe.each([4, 5] as const)("a RAR%d set without the last article", (format) => {
  test.each([
    ["under its names", (files: RarFile[]) => files],
    [
      "under random names in any order",
      (files: RarFile[]) => {
        const random = seededRandom(4);
        const hidden = files.map(({ bytes }) => ({ name: Math.floor(random() * 2 ** 48).toString(16), bytes }));
        return shuffled(hidden, seededRandom(5));
      },
    ],
  ])("of its last volume is mapped like the whole one, %s", async (_, named) => {
    const files = writeRar({ format, volumeSize: 20_000, members: [FILM], services: true });
    const bag = named(files);
    const last = bag.find(({ bytes }) => bytes === files.at(-1)?.bytes) as RarFile;
    const { sets, outside } = await mapHoled(bag, lastArticle(last));
    expect(outside).toEqual([]);
    expect(sets).toMatchObject([{ missing: [], trouble: undefined }]);
    const whole = await mapHoled(bag, { name: "none", range: { start: 0, end: 0 } });
    expect(sets[0]?.map).toEqual(whole.sets[0]?.map);
    expect(sets[0]?.map.stored).toMatchObject([{ path: "film.mkv", size: 110_000 }]);
  });

  test("of an only volume keeps the members before it", async () => {
    const members = [FILM, { path: "b.nfo", content: pattern(50) }];
    const [file] = writeRar({ format, members }) as [RarFile];
    const { sets } = await mapHoled([file], { name: file.name, range: { start: 110_040, end: file.bytes.length } });
    expect(sets).toMatchObject([{ trouble: undefined, map: { stored: [{ path: "film.mkv" }], refused: [] } }]);
  });

  test("of which a provider does not answer for ends with its error", async () => {
    const files = writeRar({ format, volumeSize: 20_000, members: [FILM] });
    const error = new ProviderError("PROVIDER_TIMEOUT", "no answer");
    const hole = { ...lastArticle(files.at(-1) as RarFile), error };
    await expect(mapHoled(files, hole)).rejects.toBe(error);
  });
});

describe.each([4, 5] as const)("a RAR%d archive of which an article in the middle is gone", (format) => {
  const members = [FILM, { path: "other.mkv", content: pattern(60_000, 2) }];

  test("with a member's header in it says so and keeps the members before it", async () => {
    const [file] = writeRar({ format, members }) as [RarFile];
    const { sets, outside } = await mapHoled([file], { name: file.name, range: { start: 109_000, end: 116_000 } });
    expect(outside).toEqual([]);
    expect(sets).toMatchObject([{ missing: [], trouble: { code: "ARCHIVE_INCOMPLETE" } }]);
    expect(sets[0]?.trouble?.message).toMatch(/lie in an article that cannot be had$/);
    expect(sets[0]?.map.stored).toMatchObject([{ path: "film.mkv" }]);
  });

  test("right behind a header is read up to there", async () => {
    const [file] = writeRar({ format, members }) as [RarFile];
    const start = file.bytes.lastIndexOf("other.mkv") + 200;
    const bag = await mapHoled([file], { name: file.name, range: { start, end: start + 7_000 } });
    expect(bag.sets).toMatchObject([{ trouble: undefined }]);
    expect(bag.sets[0]?.map.stored.map(({ path }) => path)).toEqual(["film.mkv", "other.mkv"]);
  });
});

test("RAR4 volumes whose order nothing proves any more are not put together", async () => {
  const members = [FILM, { path: "other.mkv", content: pattern(60_000, 2) }];
  const files = writeRar({ format: 4, volumeSize: 20_000, members, endNumbers: false });
  const cut = files[5] as RarFile;
  const at = cut.bytes.lastIndexOf("other.mkv") - 40;
  const hole = { name: cut.name, range: { start: at, end: cut.bytes.length } };
  const { sets } = await mapHoled([...files].reverse(), hole);
  expect(sets[0]?.trouble).toMatchObject({ code: "ARCHIVE_INCOMPLETE" });
  const numbered = writeRar({ format: 4, volumeSize: 20_000, members });
  const bag = await mapHoled([...numbered].reverse(), hole);
  expect(bag.sets).toMatchObject([{ orderedBy: "number", trouble: undefined }]);
  expect(bag.sets[0]?.map.refused).toMatchObject([{ path: "other.mkv", code: "ARCHIVE_INCOMPLETE" }]);
});
