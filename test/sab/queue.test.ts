import { describe, expect, test } from "@jest/globals";
import { LEGAL_MOVES } from "../../src/catalog/job-moves.ts";
import type { JobState } from "../../src/catalog/jobs.ts";
import { PRIORITIES } from "../../src/catalog/jobs.ts";
import { queueStatus } from "../../src/sab/queue-slot.ts";
import { until } from "../until.ts";
import { STATUSES } from "./arr-models.ts";
import { addJob, freshNzb, openSab, type SabHouse } from "./sab-house.ts";

type Params = Readonly<Record<string, string | number>>;

async function queueOf(house: SabHouse, params: Params = {}) {
  const answer = (await house.client.call("queue", params)) as {
    queue: {
      slots: { filename: string; nzo_id: string; index: number }[];
      noofslots: number;
      noofslots_total: number;
      finish: number;
    } & Record<string, unknown>;
  };
  return answer.queue;
}

async function names(house: SabHouse, params: Params = {}): Promise<string[]> {
  return (await queueOf(house, params)).slots.map(({ filename }) => filename);
}

/** A house where nothing is imported, so that what is queued stays so. */
async function quietHouse(): Promise<SabHouse> {
  const house = await openSab();
  await house.stopImports();
  return house;
}

describe("the queue's listing", () => {
  test("T2 limit=0 is all of it, limit=1 one, and a start past the end none", async () => {
    await using house = await quietHouse();
    for (let number = 0; number < 150; number++) addJob(house, `Job ${number}`);
    expect(await names(house, { start: 0, limit: 0 })).toHaveLength(150);
    expect(await names(house)).toHaveLength(150);
    expect(await queueOf(house, { start: 1, limit: 1 })).toMatchObject({
      slots: [{ index: 1, filename: "Job 1" }],
      noofslots: 150,
      noofslots_total: 150,
      finish: 2,
    });
    expect(await queueOf(house, { start: 150, limit: 10 })).toMatchObject({ slots: [], noofslots: 150 });
  });

  test("T2 shows the jobs of a category, of several, and of one that is not there", async () => {
    await using house = await quietHouse();
    addJob(house, "a", { category: "tv" });
    addJob(house, "b", { category: "movies" });
    addJob(house, "c", { category: "default" });
    expect(await names(house, { category: "tv" })).toEqual(["a"]);
    expect(await names(house, { cat: "tv,movies" })).toEqual(["a", "b"]);
    expect(await names(house, { cat: "*" })).toEqual(["c"]);
    expect(await queueOf(house, { category: "nowhere" })).toMatchObject({
      slots: [],
      noofslots: 0,
      noofslots_total: 3,
    });
  });

  test("shows whoever has no category what has none", async () => {
    await using house = await quietHouse();
    addJob(house, "c", { category: "default" });
    const items = await house.arr({ category: "" }).items();
    expect(items.map(({ title, category }) => [title, category])).toEqual([["c", "*"]]);
  });

  test("finds by name, priority, status and id", async () => {
    await using house = await quietHouse();
    addJob(house, "Show.S01E01");
    addJob(house, "Film", { priority: "force" });
    const paused = addJob(house, "Rest", { isPaused: true });
    expect(await names(house, { search: "show.s01" })).toEqual(["Show.S01E01"]);
    expect(await names(house, { priority: "2" })).toEqual(["Film"]);
    expect(await names(house, { priority: "2,0" })).toEqual(["Film", "Show.S01E01", "Rest"]);
    expect(await names(house, { status: "paused" })).toEqual(["Rest"]);
    expect(await names(house, { nzo_ids: `SABnzbd_nzo_${paused.id}` })).toEqual(["Rest"]);
    expect(await names(house, { nzo_ids: paused.id })).toEqual(["Rest"]);
  });

  test("T3 has no state and no priority that is called otherwise than SABnzbd does", async () => {
    for (const state of Object.keys(LEGAL_MOVES) as JobState[]) {
      for (const fetchFrom of [undefined, "https://indexer.example"]) {
        expect(STATUSES).toContain(queueStatus({ state, fetchFrom }));
      }
    }
    await using house = await quietHouse();
    for (const priority of PRIORITIES) addJob(house, priority, { priority });
    house.jobs.addFetch({ url: "https://indexer.example/get?key=s3cret", name: "", category: "tv", passwords: [] });
    addJob(house, "paused", { isPaused: true });
    const { id } = addJob(house, "waiting");
    house.jobs.update(id, { state: "waiting", notBefore: house.clock.wall() + 60_000 });
    const first = house.jobs.claim();
    expect(first?.name).toBe("force");
    const shown = (await house.client.queue()).items.map(({ title, status, priority }) => [title, status, priority]);
    expect(shown).toEqual([
      ["force", "Downloading", "Force"],
      ["high", "Queued", "High"],
      ["normal", "Queued", "Normal"],
      ["Fetching an NZB from https://indexer.example", "Grabbing", "Normal"],
      ["paused", "Paused", "Normal"],
      ["waiting", "Queued", "Normal"],
      ["low", "Queued", "Low"],
    ]);
  });

  test("T4 tells a time left of more than a day as days, hours, minutes and seconds", async () => {
    await using house = await openSab({ maxJobs: 1 });
    const first = addJob(house, "long");
    house.wake();
    const run = await house.runOf(first.id);
    addJob(house, "next");
    house.clock.advance(30 * 3_600_000);
    run.progress(0.5);
    const [here] = (await house.client.queue()).items;
    expect(here).toMatchObject({ title: "long", percentage: 50, timeleft: 30 * 3600, sizeleft: 50 * 2 ** 20 });
    const { slots } = await queueOf(house);
    expect(slots[0]).toMatchObject({ timeleft: "1:06:00:00", mb: "100.00", mbleft: "50.00", percentage: "50" });
  });

  test("tells the speed at which jobs get on, and how long all of it takes", async () => {
    await using house = await openSab({ maxJobs: 1 });
    const first = addJob(house, "a");
    house.wake();
    const run = await house.runOf(first.id);
    house.clock.advance(10_000);
    run.progress(0.5);
    expect(await queueOf(house)).toMatchObject({
      status: "Downloading",
      kbpersec: "5120.00",
      speed: "5.0 M",
      mb: "100.00",
      mbleft: "50.00",
      timeleft: "0:00:10",
    });
    run.complete();
    await house.state(first.id, "completed");
    await house.stopImports();
    for (const name of ["b", "c"]) addJob(house, name);
    // The pace is looked at once in a second.
    house.clock.advance(1_000);
    expect(await queueOf(house)).toMatchObject({
      status: "Idle",
      kbpersec: "0.00",
      timeleft: "0:00:20",
      slots: [{ timeleft: "0:00:10" }, { timeleft: "0:00:20" }],
    });
  });

  test("has the same jobs, figures and times whether the store or a look at each finds them", async () => {
    await using house = await openSab({ maxJobs: 2 });
    const busy = addJob(house, "busy", { category: "movies" });
    house.wake();
    const run = await house.runOf(busy.id);
    house.clock.advance(10_000);
    run.progress(0.5);
    for (let number = 0; number < 20; number++)
      addJob(house, `Job ${number}`, { category: number % 3 ? "tv" : "movies", isPaused: number % 4 === 0 });
    house.wake();
    await until(() => house.jobs.counts().importing === 2);
    const all = await queueOf(house);
    const ids = house.jobs.queue({ limit: 99 }).map(({ id }) => id);
    expect(all.slots).toHaveLength(21);
    expect(await queueOf(house, { nzo_ids: ids.join(",") })).toEqual(all);
    expect(await queueOf(house, { status: "downloading,queued,paused" })).toEqual(all);
    for (const category of ["tv", "movies"]) {
      const found = await queueOf(house, { category });
      expect(await queueOf(house, { category, nzo_ids: ids.join(",") })).toEqual(found);
      expect(found.slots.map(({ nzo_id }) => nzo_id)).toEqual(
        all.slots.flatMap((slot) => ((slot as { cat?: string }).cat === category ? [slot.nzo_id] : [])),
      );
      const page = await queueOf(house, { category, start: 3, limit: 4 });
      expect(page.slots.map(({ nzo_id }) => nzo_id)).toEqual(found.slots.slice(3, 7).map(({ nzo_id }) => nzo_id));
      expect({ ...page, slots: [], start: 0, limit: 0, finish: 0 }).toEqual({ ...found, slots: [] });
    }
  });

  test("begins with what is about to be announced, on each page", async () => {
    await using house = await openSab();
    const first = addJob(house, "moving");
    house.wake();
    (await house.runOf(first.id)).complete({ mustAnnounce: true });
    await house.state(first.id, "completed");
    await house.stopImports();
    for (const name of ["a", "b"]) addJob(house, name);
    expect(await names(house)).toEqual(["moving", "a", "b"]);
    const page = async (start: number, limit: number) => await names(house, { start, limit });
    expect([await page(0, 1), await page(0, 2), await page(1, 1), await page(2, 5)]).toEqual([
      ["moving"],
      ["moving", "a"],
      ["a"],
      ["b"],
    ]);
    expect(await queueOf(house, { limit: 1 })).toMatchObject({ noofslots: 3, mb: "300.00", mbleft: "200.00" });
    expect(await names(house, { status: "moving" })).toEqual(["moving"]);
  });

  test("is told in the old way, too, to whoever asks for qstatus", async () => {
    await using house = await quietHouse();
    const { id } = addJob(house, "a");
    const { jobs, ...rest } = (await house.client.call("qstatus")) as { jobs: unknown[]; [name: string]: unknown };
    expect(rest).toMatchObject({
      state: "IDLE",
      paused: false,
      mb: 100,
      mbleft: 100,
      noofslots: 1,
      timeleft: "0:00:00",
    });
    expect(jobs).toEqual([{ id: `SABnzbd_nzo_${id}`, filename: "a", mb: 100, mbleft: 100, timeleft: "0:00:00" }]);
  });

  test("tells ten thousand jobs in one answer", async () => {
    await using house = await quietHouse();
    for (let number = 0; number < 10_000; number++) addJob(house, `Job ${number}`);
    const { items } = await house.client.queue();
    expect(items).toHaveLength(10_000);
    expect(items.every(({ index }, place) => index === place)).toBe(true);
  });

  test("is what SABnzbd answers to a name that it does not know", async () => {
    await using house = await quietHouse();
    addJob(house, "a");
    expect(await names(house, { name: "woooops", value: "x" })).toEqual(["a"]);
  });
});

describe("the queue's jobs", () => {
  test("T8 are deleted, be they there, gone or never there", async () => {
    await using house = await quietHouse();
    const [a, b, c] = ["a", "b", "c"].map((name) => addJob(house, name));
    const remove = (value: string) => house.client.call("queue", { name: "delete", del_files: 1, value });
    const id = `SABnzbd_nzo_${a?.id}`;
    expect(await remove(id)).toEqual({ status: true, nzo_ids: [id] });
    expect(await remove(id)).toEqual({ status: true, nzo_ids: [id] });
    expect(await remove("SABnzbd_nzo_never")).toEqual({ status: true, nzo_ids: ["SABnzbd_nzo_never"] });
    await remove(`${b?.id}, SABnzbd_nzo_${c?.id},gone`);
    expect(await names(house)).toEqual([]);
    await expect(remove("")).rejects.toThrow("expects one parameter");
  });

  test("T8 are deleted all at once, or those that a search finds", async () => {
    await using house = await quietHouse();
    for (let number = 0; number < 100; number++) addJob(house, `${number % 2 ? "odd" : "even"} ${number}`);
    await house.client.call("queue", { name: "purge", search: "odd" });
    expect(await names(house)).toHaveLength(50);
    await house.client.call("queue", { name: "delete", value: "all" });
    expect(await names(house)).toEqual([]);
    expect(house.jobs.count({})).toBe(0);
  });

  test("T8 that are being imported stop, and are gone", async () => {
    await using house = await openSab();
    const id = await house.client.grab("Show", freshNzb());
    await house.runOf(id);
    await house.client.removeItem(id);
    expect(await house.client.items()).toEqual([]);
    expect(house.jobs.count({})).toBe(0);
  });

  test("are paused and resumed one by one and all together", async () => {
    await using house = await quietHouse();
    const { id } = addJob(house, "a");
    const nzo = `SABnzbd_nzo_${id}`;
    expect(await house.client.call("queue", { name: "pause", value: nzo })).toEqual({ status: true, nzo_ids: [nzo] });
    expect((await house.client.items())[0]?.status).toBe("Paused");
    expect(await house.client.call("queue", { name: "resume", value: nzo })).toEqual({ status: true, nzo_ids: [nzo] });
    expect((await house.client.items())[0]?.status).toBe("Queued");
    expect(await house.client.call("pause")).toEqual({ status: true });
    expect((await house.client.queue()).paused).toBe(true);
    expect((await house.client.items())[0]).toMatchObject({ status: "Paused", remainingTime: undefined });
    expect(await house.client.call("resume")).toEqual({ status: true });
    expect((await house.client.queue()).paused).toBe(false);
  });

  test("of priority force go on while all else is paused", async () => {
    await using house = await openSab();
    await house.client.call("pause");
    const id = await house.client.grab("Show", freshNzb(), 2);
    await house.runOf(id);
    expect((await house.client.items())[0]?.status).toBe("Downloading");
  });

  test("change their priority, and say where they stand then", async () => {
    await using house = await quietHouse();
    const [a, , c] = ["a", "b", "c"].map((name) => addJob(house, name));
    const set = (value: string, value2: string | number) =>
      house.client.call("queue", { name: "priority", value, value2 });
    expect(await set(c?.id ?? "", 2)).toEqual({ position: 0 });
    expect(await names(house)).toEqual(["c", "a", "b"]);
    expect(await set(`SABnzbd_nzo_${a?.id}`, -1)).toEqual({ position: 2 });
    expect(await set("gone", 1)).toEqual({ position: -1 });
    await set(a?.id ?? "", -2);
    expect(house.jobs.get(a?.id ?? "")?.state).toBe("paused");
    await expect(set(a?.id ?? "", "high")).rejects.toThrow("expects integer value");
  });

  test("change places with an id or a number", async () => {
    await using house = await quietHouse();
    const [a, , c] = ["a", "b", "c"].map((name) => addJob(house, name));
    const swap = (value: string, value2: string) => house.client.call("switch", { value, value2 });
    expect(await swap(c?.id ?? "", `SABnzbd_nzo_${a?.id}`)).toEqual({ result: { position: 0, priority: 0 } });
    expect(await names(house)).toEqual(["c", "a", "b"]);
    expect(await swap(c?.id ?? "", "2")).toEqual({ result: { position: 2, priority: 0 } });
    expect(await names(house)).toEqual(["a", "b", "c"]);
    expect(await swap("gone", "0")).toEqual({ result: { position: -1, priority: 0 } });
  });

  test("change their category", async () => {
    await using house = await quietHouse();
    const { id } = addJob(house, "a");
    expect(await house.client.call("change_cat", { value: id, value2: "movies" })).toEqual({ status: true });
    expect(house.jobs.get(id)?.category).toBe("movies");
    await house.client.call("change_cat", { value: id, value2: "*" });
    expect(house.jobs.get(id)?.category).toBe("default");
    const { body } = await house.client.raw("change_cat", { value: "gone", value2: "movies" });
    expect(JSON.parse(body)).toEqual({ status: false });
  });

  test("get another name and a password by rename, however that is written", async () => {
    await using house = await quietHouse();
    const { id } = addJob(house, "a");
    const rename = (value2: string, value3 = "") =>
      house.client.call("queue", { name: "rename", value: `SABnzbd_nzo_${id}`, value2, value3 });
    expect(await rename("a", "hunter2")).toEqual({ status: true });
    expect(await rename("Film: Teil 2{{s3cret}}")).toEqual({ status: true });
    expect(house.jobs.source(id).passwords).toEqual(["s3cret", "hunter2"]);
    expect(await names(house)).toEqual(["Film_ Teil 2"]);
    expect((await house.client.raw("queue")).body).not.toMatch(/hunter2|s3cret/);
    await expect(rename("???")).rejects.toThrow("cannot name a release");
    await expect(rename("")).rejects.toThrow("expects two parameters");
    const gone = await house.client.raw("queue", { name: "rename", value: "gone", value2: "b" });
    expect(JSON.parse(gone.body)).toEqual({ status: false });
    house.jobs.claim();
    await expect(rename("late")).rejects.toThrow("its name stays");
  });

  test("are sorted by name, size and age, each priority for itself", async () => {
    await using house = await quietHouse();
    addJob(house, "b", { bytes: 3 });
    addJob(house, "C", { bytes: 1 });
    addJob(house, "a", { bytes: 2 });
    addJob(house, "z", { bytes: 9, priority: "force" });
    const sorted = async (sort: string, dir = "") => {
      expect(await house.client.call("queue", { name: "sort", sort, dir })).toEqual({ status: true });
      return (await names(house)).join(" ");
    };
    expect(await sorted("name", "asc")).toBe("z a b C");
    expect(await sorted("name", "desc")).toBe("z C b a");
    expect(await sorted("size")).toBe("z C a b");
    expect(await sorted("avg_age", "asc")).toBe("z a C b");
    expect(await sorted("avg_age", "desc")).toBe("z b C a");
    await expect(house.client.call("queue", { name: "sort", sort: "constructor" })).rejects.toThrow("sorted by name");
    await expect(house.client.call("queue", { name: "sort" })).rejects.toThrow("expects two parameters");
  });

  test("that are named are paused and resumed alone, whichever way it is asked", async () => {
    await using house = await quietHouse();
    const [a] = ["a", "b"].map((name) => addJob(house, name));
    const nzo = `SABnzbd_nzo_${a?.id}`;
    expect(await house.client.call("pause", { value: nzo })).toEqual({ status: true, nzo_ids: [nzo] });
    expect((await house.client.items()).map(({ status }) => status)).toEqual(["Paused", "Queued"]);
    expect(house.queue.isPaused).toBe(false);
    expect(await house.client.call("resume", { value: nzo })).toEqual({ status: true, nzo_ids: [nzo] });
    expect((await house.client.items()).map(({ status }) => status)).toEqual(["Queued", "Queued"]);
  });

  test("keep all their files, which is said", async () => {
    await using house = await quietHouse();
    const { id } = addJob(house, "a");
    await expect(house.client.call("queue", { name: "delete_nzf", value: id, value2: "x" })).rejects.toThrow(
      "a file cannot be taken out of a job",
    );
  });

  test("list the files of their NZB", async () => {
    await using house = await quietHouse();
    const id = await house.client.grab("Show", freshNzb(1_000_000));
    const answer = await house.client.call("get_files", { value: id });
    expect(answer).toMatchObject({
      files: [{ filename: expect.stringMatching(/^show-\d+\.mkv$/), status: "queued", mbleft: "0.98" }],
    });
    expect(await house.client.call("get_files", { value: "gone" })).toEqual({ files: [] });
  });

  test.each([
    ["config", { name: "set_apikey" }],
    ["status", { name: "unblock_server", value: "main" }],
    ["set_config", {}],
  ])("are not meant by %s %j, which is said", async (mode, params: Params) => {
    await using house = await quietHouse();
    await expect(house.client.call(mode, params)).rejects.toThrow("not implemented");
  });
});
