import { describe, expect, test } from "@jest/globals";
import { ArticleError, CatalogError, ProviderError } from "../../src/base/errors.ts";
import type { Logger } from "../../src/base/logger.ts";
import type { Entry, ExtentMap } from "../../src/catalog/catalog.ts";
import type { DamageLog } from "../../src/catalog/damage.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { DamageKeeper } from "../../src/mount/damage-keeper.ts";
import type { DamagePolicy } from "../../src/reader/damage.ts";
import { evenPost, fileOf, library, releaseOf, seeded, thrownBy, wholePost } from "../catalog/fixture.ts";

const PART = 10_000;
/** Two in a hundred of them are eight. */
const PARTS = 420;
const MINUTE = 60_000;

const missing = new ArticleError("ARTICLE_MISSING", "no provider has it");
const corrupt = new ArticleError("ARTICLE_CORRUPT", "no provider has it intact");

interface Line {
  readonly level: keyof Logger;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A library with one film, `film.mkv`, and a keeper over it; every write of a hole is counted. */
function start(policy: DamagePolicy) {
  const shelf = library();
  const posts = [evenPost(seeded(3), PARTS, PART)];
  const files = [fileOf("film.mkv", [wholePost(posts, 0)])];
  let catalog: SqliteCatalog = shelf.open();
  catalog.addRelease(releaseOf({ posts, files }));
  const entry = catalog.find("movies/Film/film.mkv") as Entry;
  const lines: Line[] = [];
  const keep = (level: keyof Logger) => (fields: Line["fields"], message: string) => {
    lines.push({ level, fields, message });
  };
  const log: Logger = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
  let writes = 0;
  let isDiskFull = false;
  const counted: DamageLog = {
    record(file, hole) {
      writes += 1;
      if (isDiskFull) throw new CatalogError("DISK_FULL", "the disk is full");
      catalog.damage.record(file, hole);
    },
    list: (file) => catalog.damage.list(file),
    clear(file, range) {
      writes += 1;
      if (isDiskFull) throw new CatalogError("DISK_FULL", "the disk is full");
      return catalog.damage.clear(file, range);
    },
    totals: () => catalog.damage.totals(),
  };
  const open = () => new DamageKeeper({ recorded: counted, policy, clock: shelf.clock, log });
  let keeper = open();
  let map: ExtentMap = catalog.extents(entry.id);

  return {
    clock: shelf.clock,
    entry,
    lines,
    get keeper() {
      return keeper;
    },
    get writes() {
      return writes;
    },
    set isDiskFull(value: boolean) {
      isDiskFull = value;
    },
    holes: () => catalog.damage.list(entry.id),
    part: (number: number) => map.at(number * PART),
    /** What a read gets for a part, or for the last `bytes` of it: the filler, or what was thrown. */
    fill(number: number, error: unknown = missing, bytes = PART): Buffer {
      const extent = map.at(number * PART);
      const wanted = { start: extent.end - bytes, end: extent.end };
      return Buffer.concat([...keeper.forFile(entry, "/library/movies/Film/film.mkv").fill(extent, wanted, error)]);
    },
    sound(number: number): void {
      keeper.forFile(entry, "/library/movies/Film/film.mkv").sound(map.at(number * PART));
    },
    restart(): void {
      catalog = shelf.reopen();
      map = catalog.extents(entry.id);
      keeper = open();
    },
    [Symbol.dispose]: () => shelf[Symbol.dispose](),
  };
}

describe("policy fill", () => {
  test("a hole is as many bytes as were wanted, of the kind that suits the file", () => {
    using world = start("fill");
    expect(world.fill(3).equals(Buffer.alloc(PART, 0xec))).toBe(true);
    expect(world.fill(3, missing, 17).equals(Buffer.alloc(17, 0xec))).toBe(true);
    expect(world.keeper.totals).toEqual({ holes: { missing: 1, corrupt: 0 }, filledBytes: PART + 17 });
  });

  test("is recorded whole, with its article, and told in one line of the log, however often it is read", () => {
    using world = start("fill");
    for (let read = 0; read < 50; read++) world.fill(3, missing, 100);
    const { start: from, end, segment } = world.part(3);
    const since = world.clock.wall();
    expect(world.holes()).toEqual([
      { start: from, end, messageId: segment.id, kind: "missing", since, lastSeen: since },
    ]);
    expect(world.lines).toEqual([
      {
        level: "warn",
        message: "bytes of a file cannot be had from any provider",
        fields: {
          path: "/library/movies/Film/film.mkv",
          start: from,
          end,
          messageId: segment.id,
          kind: "missing",
          policy: "fill",
          done: "filled",
        },
      },
    ]);
    expect(world.writes).toBe(1);
  });

  test("what is corrupt everywhere is filled too, and recorded as what it is", () => {
    using world = start("fill");
    expect(world.fill(3, corrupt)).toHaveLength(PART);
    expect(world.holes()).toMatchObject([{ kind: "corrupt" }]);
    expect(world.keeper.totals.holes).toEqual({ missing: 0, corrupt: 1 });
  });

  test("one that is still there later is noted again, once in ten minutes, and makes no second line", () => {
    using world = start("fill");
    for (let minute = 0; minute < 60; minute += 1) {
      world.fill(3);
      world.clock.advance(MINUTE);
    }
    expect(world.writes).toBe(6);
    expect(world.holes()).toMatchObject([{ lastSeen: world.clock.wall() - 10 * MINUTE }]);
    expect(world.lines).toHaveLength(1);
  });

  test("beyond the limits the read fails with the article's error and the reason; it is recorded all the same", () => {
    using world = start("fill");
    for (const part of [0, 1, 2, 3]) world.fill(part);
    expect(thrownBy(() => world.fill(4))).toMatchObject({
      code: "ARTICLE_MISSING",
      message: "no provider has it",
      hint: expect.stringContaining("more than 4 articles in a row are damaged"),
      cause: missing,
    });
    expect(world.holes()).toHaveLength(5);
    expect(world.lines.at(-1)?.fields).toMatchObject({ done: "failed: more than 4 articles in a row are damaged" });
    expect(world.fill(0)).toHaveLength(PART);
  });

  test("a restart changes nothing: the same holes are filled, the same refused, and nothing is told twice", () => {
    using world = start("fill");
    for (const part of [30, 20, 10, 0, 50, 60, 70, 80]) {
      world.fill(part);
      world.clock.advance(1);
    }
    expect(() => world.fill(40)).toThrow(missing.message);
    expect(world.lines).toHaveLength(9);
    world.restart();
    expect(() => world.fill(40)).toThrow(missing.message);
    for (const part of [80, 70, 60, 50, 30, 20, 10, 0]) expect(world.fill(part)).toHaveLength(PART);
    expect(world.lines).toHaveLength(9);
    expect(world.writes).toBe(9);
  });
});

describe("policy fail", () => {
  test("the read gets the error as it is; the hole is recorded and told once", () => {
    using world = start("fail");
    for (let read = 0; read < 10; read++) expect(thrownBy(() => world.fill(3))).toBe(missing);
    expect(world.holes()).toHaveLength(1);
    expect(world.lines.map(({ level, fields }) => [level, fields["policy"], fields["done"]])).toEqual([
      ["warn", "fail", "failed"],
    ]);
    expect(world.keeper.totals).toEqual({ holes: { missing: 1, corrupt: 0 }, filledBytes: 0 });
  });
});

test.each(["fail", "fill"] as const)("under %s, silence and leaving are no damage", (policy) => {
  using world = start(policy);
  for (const error of [
    new ProviderError("PROVIDER_TIMEOUT", "no answer"),
    new DOMException("left", "AbortError"),
    new TypeError("oops"),
  ]) {
    expect(thrownBy(() => world.fill(3, error))).toBe(error);
  }
  expect(world.holes()).toEqual([]);
  expect(world.lines).toEqual([]);
});

describe("an article that is there again", () => {
  test("is no hole any more: neither recorded nor counted by the limits", () => {
    using world = start("fill");
    for (const part of [0, 1, 2, 3]) world.fill(part);
    world.sound(1);
    expect(world.holes().map(({ start: from }) => from / PART)).toEqual([0, 2, 3]);
    expect(world.fill(4)).toHaveLength(PART);
    expect(world.lines.filter(({ level }) => level === "info")).toMatchObject([
      { fields: { start: PART, end: 2 * PART }, message: "bytes of a file that could not be had are there again" },
    ]);
  });

  test("costs nothing when it was never gone", () => {
    using world = start("fill");
    world.fill(3);
    for (let part = 4; part < PARTS; part += 1) world.sound(part);
    expect(world.writes).toBe(1);
  });

  test("is known to be one after a restart", () => {
    using world = start("fill");
    world.fill(3);
    world.restart();
    world.sound(3);
    expect(world.holes()).toEqual([]);
  });
});

test("a catalog that cannot be written stops nobody from playing; the record is made up for later", () => {
  using world = start("fill");
  world.isDiskFull = true;
  expect(world.fill(3)).toHaveLength(PART);
  expect(() => world.sound(3)).not.toThrow();
  expect(world.fill(5)).toHaveLength(PART);
  expect(world.lines.map(({ level }) => level)).toEqual(["error", "warn", "error", "error", "warn"]);
  world.isDiskFull = false;
  expect(world.fill(5)).toHaveLength(PART);
  expect(world.holes().map(({ start: from }) => from / PART)).toEqual([5]);
  expect(world.keeper.totals.holes.missing).toBe(2);
});
