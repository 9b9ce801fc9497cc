import { describe, expect, test } from "@jest/globals";
import type { Logger } from "../../src/base/logger.ts";
import { startTrashKeeper } from "../../src/mount/trash-keeper.ts";
import { settle } from "../import/workshop.ts";
import { until } from "../until.ts";
import { nzb, Shelf } from "./shelf.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

interface Kept extends AsyncDisposable {
  readonly shelf: Shelf;
  readonly logged: string[];
  start(): Disposable;
  trashed(): readonly string[];
}

async function kept(trashDays = 7): Promise<Kept> {
  const shelf = await Shelf.open();
  const logged: string[] = [];
  const note = (_fields: unknown, message: string) => void logged.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note };
  return {
    shelf,
    logged,
    start: () => startTrashKeeper({ catalog: shelf.catalog, trashDays, clock: shelf.clock, log }),
    trashed: () => shelf.catalog.trash.list({ limit: 100 }).map(({ path }) => path),
    [Symbol.asyncDispose]: () => shelf[Symbol.asyncDispose](),
  };
}

describe("the keeper of the trash", () => {
  test("removes at the start what is too old, then looks every hour", async () => {
    await using k = await kept();
    k.shelf.addFilm("movies", "Old");
    k.shelf.addFilm("movies", "Young");
    k.shelf.remove("/library/movies/Old");
    k.shelf.clock.advance(DAY);
    k.shelf.remove("/library/movies/Young");
    k.shelf.clock.advance(6 * DAY + 1);
    using _keeper = k.start();
    await until(() => k.trashed().length === 1);
    expect(k.trashed()).toEqual(["movies/Young"]);
    for (let hours = 0; hours < 23; hours += 1) {
      k.shelf.clock.advance(HOUR);
      await settle();
    }
    expect(k.trashed()).toEqual(["movies/Young"]);
    k.shelf.clock.advance(HOUR);
    await until(() => k.trashed().length === 0);
    expect(k.shelf.catalog.stats()).toMatchObject({ files: 0 });
    expect(new Set(k.logged)).toEqual(new Set(["what was removed long ago is gone for good"]));
  });

  test("keeps things for as many days as the setting says", async () => {
    await using k = await kept(1);
    k.shelf.addFilm();
    k.shelf.remove("/library/movies");
    using _keeper = k.start();
    k.shelf.clock.advance(DAY);
    await settle();
    expect(k.trashed()).toEqual(["movies"]);
    k.shelf.clock.advance(HOUR);
    await until(() => k.trashed().length === 0);
  });

  test("gives everybody else a turn between its steps", async () => {
    await using k = await kept();
    k.shelf.make("/library/many");
    for (let number = 0; number < 1000; number += 1) k.shelf.make(`/library/many/${number}`);
    k.shelf.remove("/library/many");
    k.shelf.clock.advance(8 * DAY);
    const { trash } = k.shelf.catalog;
    const { purge } = trash;
    let [purges, purgesInTurn, most] = [0, 0, 0];
    Object.assign(trash, {
      purge: (...call: Parameters<typeof purge>) => {
        purges += 1;
        purgesInTurn += 1;
        most = Math.max(most, purgesInTurn);
        // Whoever else has something to do in this turn does it before the next one.
        setImmediate(() => {
          purgesInTurn = 0;
        });
        return purge(...call);
      },
    });
    using _keeper = k.start();
    await until(() => k.logged.length === 1);
    expect(k.trashed()).toEqual([]);
    expect(purges).toBeGreaterThanOrEqual(5);
    expect(most).toBe(1);
  });

  test("stops between two steps when it is disposed of, and leaves no timer", async () => {
    await using k = await kept();
    const timers = k.shelf.clock.timers;
    for (let number = 0; number < 10; number += 1) {
      k.shelf.make(`/library/${number}`);
      k.shelf.remove(`/library/${number}`);
    }
    k.shelf.clock.advance(8 * DAY);
    const { trash } = k.shelf.catalog;
    const { purge } = trash;
    Object.assign(trash, {
      purge: (...call: Parameters<typeof purge>) => {
        if (k.trashed().length === 7) keeper[Symbol.dispose]();
        return purge(...call);
      },
    });
    const keeper = k.start();
    await settle(100);
    expect(k.trashed()).toHaveLength(6);
    keeper[Symbol.dispose]();
    expect(k.shelf.clock.timers).toBe(timers);
  });

  test("goes on in an hour when the catalog fails", async () => {
    await using k = await kept();
    k.shelf.addFilm();
    k.shelf.remove("/library/movies");
    k.shelf.clock.advance(8 * DAY);
    const { trash } = k.shelf.catalog;
    const { oldest } = trash;
    Object.assign(trash, {
      oldest: () => {
        throw new Error("the disk is full");
      },
    });
    using _keeper = k.start();
    await until(() => k.logged.length === 1);
    expect(k.logged[0]).toContain("tried again in an hour");
    Object.assign(trash, { oldest });
    k.shelf.clock.advance(HOUR);
    await until(() => k.trashed().length === 0);
  });
});

describe("dropped files", () => {
  test("go an hour after they were imported", async () => {
    await using k = await kept();
    await k.shelf.put("/nzbs/tv/a.nzb", nzb(1));
    await k.shelf.put("/nzbs/b.nzb", nzb(2));
    using _keeper = k.start();
    k.shelf.clock.advance(30 * DAY);
    await settle();
    k.shelf.completeNext();
    k.shelf.clock.advance(HOUR);
    await until(() => k.shelf.find("/nzbs/tv/a.nzb") === undefined);
    expect(k.shelf.names("/nzbs")).toContain("b.nzb");
  });

  test.each<[string, (k: Kept) => Promise<void>, string]>([
    [
      "that failed",
      async ({ shelf }) => {
        await shelf.put("/nzbs/tv/a.nzb", nzb(1));
        shelf.failNext("no", "hint");
      },
      "a.nzb",
    ],
    [
      "whose import was cancelled",
      async ({ shelf }) => {
        await shelf.put("/nzbs/tv/a.nzb", nzb(1));
        shelf.catalog.jobs.update(shelf.jobs()[0]?.id as never, { state: "cancelled" });
      },
      "a.nzb",
    ],
    ["that never became an NZB", async ({ shelf }) => void (await shelf.put("/nzbs/tv/a.nzb.part", "x")), "a.nzb.part"],
    [
      "that say why one was refused",
      async ({ shelf }) => void (await shelf.put("/nzbs/tv/a.nzb", "no NZB").catch(() => undefined)),
      "a.nzb.error.txt",
    ],
  ])("%s go after a week, their folders stay", async (_which, make, name) => {
    await using k = await kept();
    await make(k);
    using _keeper = k.start();
    k.shelf.clock.advance(7 * DAY - 1);
    await settle();
    expect(k.shelf.names("/nzbs/tv")).toContain(name);
    k.shelf.clock.advance(HOUR);
    await until(() => k.shelf.names("/nzbs/tv").length === 0);
    expect(k.shelf.catalog.drops.find("tv")?.kind).toBe("folder");
  });

  test("are looked at a page at a time, all of them", async () => {
    await using k = await kept();
    k.shelf.make("/nzbs/tv/inner");
    for (let number = 0; number < 120; number += 1) await k.shelf.put(`/nzbs/tv/inner/${number}`, "x");
    k.shelf.clock.advance(8 * DAY);
    const { drops } = k.shelf.catalog;
    const { list } = drops;
    const limits: number[] = [];
    Object.assign(drops, {
      list: (path: string, after: string | undefined, limit: number) => {
        limits.push(limit);
        return list(path, after, limit);
      },
    });
    using _keeper = k.start();
    await until(() => k.logged.length === 1);
    Object.assign(drops, { list });
    expect(k.shelf.names("/nzbs/tv/inner")).toEqual([]);
    expect(Math.max(...limits)).toBeLessThanOrEqual(50);
  });
});
