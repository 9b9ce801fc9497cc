import { describe, expect, test } from "@jest/globals";
import { FormatError } from "../../src/base/errors.ts";
import type { JobId } from "../../src/catalog/jobs.ts";
import { LOCAL_WRITE_ERROR } from "../../src/sab/history-slot.ts";
import { COMPLETE, endedJob, freshNzb, openSab, type SabHouse } from "./sab-house.ts";

type Params = Readonly<Record<string, string | number>>;
interface Listing {
  readonly slots: readonly { readonly name: string; readonly nzo_id: string; readonly [key: string]: unknown }[];
  readonly noofslots: number;
  readonly last_history_update: number;
}

async function historyOf(house: SabHouse, params: Params = {}): Promise<Listing> {
  return ((await house.client.call("history", params)) as { history: Listing }).history;
}

async function names(house: SabHouse, params: Params = {}): Promise<string[]> {
  return (await historyOf(house, params)).slots.map(({ name }) => name);
}

const remove = (house: SabHouse, value: string, params: Params = { archive: 1 }) =>
  house.client.call("history", { name: "delete", del_files: 1, value, ...params });

async function quietHouse(): Promise<SabHouse> {
  const house = await openSab();
  await house.stopImports();
  return house;
}

/** What the client does when it has imported everything: the folder is gone. */
function takeFolder({ catalog }: SabHouse, id: JobId): void {
  expect(catalog.completed.remove(id)).toBe(true);
}

describe("the history's listing", () => {
  test("T7 keeps a job that nobody has imported, however old it is and however short the page", async () => {
    await using house = await quietHouse();
    const ids = Array.from({ length: 1000 }, (_, number) => endedJob(house, `Job ${number}`, "completed"));
    const [untouched] = ids.splice(100, 1);
    for (const id of ids) takeFolder(house, id);
    const { slots, noofslots } = await historyOf(house, { start: 0, limit: 60 });
    expect(noofslots).toBe(1000);
    expect(slots).toHaveLength(60);
    expect(slots[0]?.nzo_id).toBe(`SABnzbd_nzo_${untouched}`);
    expect(slots[1]?.name).toBe("Job 999");
    expect(await names(house, { limit: 0 })).toHaveLength(1000);
    const second = await names(house, { start: 60, limit: 60 });
    expect([second[0], second.length]).toEqual(["Job 940", 60]);
  });

  test("T7 cuts off none that are still to be imported or failed, even beyond the limit", async () => {
    await using house = await quietHouse();
    for (let number = 0; number < 100; number++) endedJob(house, `Job ${number}`, number % 2 ? "failed" : "completed");
    expect(await names(house, { limit: 10 })).toHaveLength(100);
    expect((await house.arr({ historyLimit: 5 }).items()).length).toBe(100);
  });

  test("shows a category, a search, a status, some ids, and the failed ones", async () => {
    await using house = await quietHouse();
    const done = endedJob(house, "Show.S01E01", "completed");
    endedJob(house, "Show.S01E02", "failed");
    expect(await names(house, { category: "tv" })).toHaveLength(2);
    expect(await historyOf(house, { category: "movies" })).toMatchObject({ slots: [], noofslots: 0 });
    expect(await names(house, { search: "e02" })).toEqual(["Show.S01E02"]);
    expect(await names(house, { failed_only: 1 })).toEqual(["Show.S01E02"]);
    expect(await names(house, { status: "Completed" })).toEqual(["Show.S01E01"]);
    expect(await names(house, { nzo_ids: `SABnzbd_nzo_${done},gone` })).toEqual(["Show.S01E01"]);
  });

  test("is spared whoever has it already", async () => {
    await using house = await quietHouse();
    endedJob(house, "a", "completed");
    const { last_history_update } = await historyOf(house);
    expect(await house.client.call("history", { last_history_update })).toEqual({ history: false });
    endedJob(house, "b", "completed");
    const next = await historyOf(house, { last_history_update });
    expect(next.slots).toHaveLength(2);
    expect(next.last_history_update).not.toBe(last_history_update);
  });

  test("tells sums in units without a letter behind them, as who reads their last letter expects", async () => {
    await using house = await quietHouse();
    house.counted.bytes += 5 * 2 ** 30;
    expect(await historyOf(house)).toMatchObject({ total_size: "5.1 G", day_size: "5.1 G", week_size: "5.1 G" });
  });

  test("names the folder as the job, and as the path ends", async () => {
    await using house = await quietHouse();
    endedJob(house, "Show.S01E01", "completed");
    const { slots } = await historyOf(house);
    expect(slots[0]).toMatchObject({
      name: "Show.S01E01",
      storage: `${COMPLETE}/tv/Show.S01E01`,
      category: "tv",
      status: "Completed",
      fail_message: "",
    });
    expect((await house.client.items())[0]?.outputPath).toBe(`${COMPLETE}/tv/Show.S01E01`);
  });

  test("shows what was archived to whoever asks for that", async () => {
    await using house = await quietHouse();
    const id = endedJob(house, "a", "completed");
    endedJob(house, "b", "completed");
    await remove(house, id);
    expect(await names(house)).toEqual(["b"]);
    expect(await historyOf(house, { archive: 1 })).toMatchObject({
      slots: [{ name: "a", archive: true }],
      noofslots: 1,
    });
  });
});

describe("why a job failed", () => {
  async function messageOf(error: unknown): Promise<{ message: string | undefined; status: string | undefined }> {
    await using house = await openSab();
    const id = await house.client.grab("Show", freshNzb());
    (await house.runOf(id)).fail(error);
    await house.state(id, "failed");
    const [item] = await house.client.items();
    return { message: item?.message, status: item?.status };
  }

  test("is said with what to do about it", async () => {
    const error = new FormatError("ARCHIVE_COMPRESSED", "film.rar is compressed", { hint: "look for another release" });
    expect(await messageOf(error)).toEqual({
      message: "film.rar is compressed; look for another release",
      status: "Failed",
    });
  });

  test("is said to be encryption where it is", async () => {
    const { message, status } = await messageOf(new FormatError("ARCHIVE_ENCRYPTED", "no password opens film.rar"));
    expect([message, status]).toEqual(["Aborted, encryption detected: no password opens film.rar", "Failed"]);
  });

  test.each(["DISK_FULL", "SQLITE_FULL", "SQLITE_READONLY_DBMOVED", "ENOSPC"])(
    "is a warning and no reason to look for another release with %s",
    async (errorCode) => {
      await using house = await quietHouse();
      const id = endedJob(house, "Show", "failed");
      house.jobs.update(id, { errorCode });
      expect((await house.client.items())[0]).toMatchObject({ message: LOCAL_WRITE_ERROR, status: "Warning" });
    },
  );

  test("does not matter for a defect of this program, which fails the release too", async () => {
    expect((await messageOf(new TypeError("x is not a function"))).status).toBe("Failed");
  });
});

describe("the history's jobs", () => {
  test("T8 are deleted, be they there, gone or never there", async () => {
    await using house = await quietHouse();
    const id = endedJob(house, "a", "completed");
    for (const value of [`SABnzbd_nzo_${id}`, id, id, "SABnzbd_nzo_never"]) {
      expect(await remove(house, value)).toEqual({ status: true });
    }
    expect(await names(house)).toEqual([]);
    await expect(remove(house, "")).rejects.toThrow("expects one parameter");
  });

  test("T8 are deleted by a list, by kind, and by a search", async () => {
    await using house = await quietHouse();
    const ids = ["a", "b", "c"].map((name) => endedJob(house, name, "completed"));
    await remove(house, `${ids[0]}, SABnzbd_nzo_${ids[1]},gone`);
    expect(await names(house)).toEqual(["c"]);
    for (const name of ["bad 1", "bad 2"]) endedJob(house, name, "failed");
    await remove(house, "failed", { search: "bad 1" });
    expect((await names(house)).sort()).toEqual(["bad 2", "c"]);
    await remove(house, "failed");
    expect(await names(house)).toEqual(["c"]);
    await remove(house, "completed");
    expect(await names(house)).toEqual([]);
    for (const name of ["d", "e"]) endedJob(house, name, "completed");
    await remove(house, "all");
    expect(await names(house)).toEqual([]);
  });

  test("are out of sight with archive=1, and forgotten without; the library keeps what they brought", async () => {
    await using house = await quietHouse();
    const [a, b, c] = ["a", "b", "c"].map((name) => endedJob(house, name, "completed"));
    await remove(house, a ?? "", { archive: 1, del_files: 1 });
    await remove(house, b ?? "", { archive: 0, del_files: 1 });
    await remove(house, c ?? "", { del_files: 1 });
    expect(house.jobs.get(a ?? "")).toMatchObject({ state: "completed", isArchived: true });
    expect([house.jobs.get(b ?? ""), house.jobs.get(c ?? "")]).toEqual([undefined, undefined]);
    for (const name of ["a", "b", "c"]) {
      expect(house.catalog.find(`tv/${name}/${name}.mkv`)?.size).toBe(100);
      expect(house.catalog.completed.find("tv", name)).toBeUndefined();
    }
  });

  test("are left alone while they are in the queue again", async () => {
    await using house = await quietHouse();
    const id = endedJob(house, "a", "failed");
    house.queue.retry(id);
    expect(await remove(house, id, { archive: 0 })).toEqual({ status: true });
    expect(await remove(house, id, { archive: 1 })).toEqual({ status: true });
    expect((await house.client.queue()).items.map(({ title }) => title)).toEqual(["a"]);
  });

  test.each(["mark_as_completed", "nonsense"])("know nothing of %s", async (name) => {
    await using house = await quietHouse();
    await expect(house.client.call("history", { name })).rejects.toThrow("not implemented");
  });
});
