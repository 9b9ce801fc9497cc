/** What clients other than Sonarr and Radarr send and how they read the answers, by their sources. */
import { describe, expect, test } from "@jest/globals";
import { addJob, endedJob, freshNzb, openSab, type SabHouse } from "./sab-house.ts";

type Values = Readonly<Record<string, string>>;

/** A house with something in every list. */
async function busyHouse(): Promise<SabHouse> {
  const house = await openSab();
  const first = await house.client.grab("Show.S01E01", freshNzb());
  const run = await house.runOf(first);
  house.clock.advance(10_000);
  run.progress(0.5);
  endedJob(house, "Done", "completed");
  addJob(house, "Film", { category: "movies", isPaused: true });
  house.counted.bytes += 3 * 2 ** 40;
  return house;
}

async function ask(house: SabHouse, query: string, path = "/api"): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${house.origin}${path}?${query}&apikey=k3y&output=json`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

/** The queue, the history or the status; and its rows. */
async function list(house: SabHouse, query: string, path?: string) {
  const [values] = Object.values(await ask(house, query, path)) as [Values & { readonly slots?: unknown }];
  return { values: values as Values, slots: (values.slots ?? []) as readonly Values[] };
}

describe("Home Assistant (pysabnzbd)", () => {
  /** Its unit is the last letter; none is a gigabyte. */
  function gigabytes(size: string): number {
    const units: Readonly<Record<string, number>> = { K: 2 ** -20, M: 2 ** -10, T: 2 ** 10 };
    return Number.parseFloat(size.split(" ")[0] as string) * (units[size.at(-1) as string] ?? 1);
  }

  test("reads sums, speed and space as numbers", async () => {
    await using house = await busyHouse();
    const { values: history } = await list(house, "mode=history&limit=1", "/sabnzbd/api");
    const { values: queue } = await list(house, "mode=queue&start=0&limit=10", "/sabnzbd/api");
    expect(gigabytes(history["total_size"] as string)).toBeCloseTo(3 * 1024, -2);
    const read = ["kbpersec", "mb", "mbleft", "diskspacetotal1", "diskspace1", "noofslots_total", "speedlimit"];
    for (const name of read) expect([name, Number(queue[name])]).toEqual([name, expect.any(Number)]);
    expect(read.filter((name) => Number.isNaN(Number(queue[name])))).toEqual([]);
    expect([queue["status"], queue["have_warnings"]]).toEqual(["Downloading", "0"]);
  });

  test("pauses, goes on and sets a speed", async () => {
    await using house = await busyHouse();
    for (const call of ["mode=pause", "mode=resume", "mode=config&name=speedlimit&value=50"])
      expect(await ask(house, call)).toEqual({ status: true });
  });
});

describe("Homepage, Organizr and NZBUnity", () => {
  test("find speed, what is left and the time for it", async () => {
    await using house = await busyHouse();
    const { values: queue, slots } = await list(house, "mode=queue", "/api/");
    const [speed, unit] = (queue["speed"] as string).split(" ");
    expect([Number.isFinite(Number(speed)), ["", "K", "M", "G"].includes(unit as string)]).toEqual([true, true]);
    expect(/(\d+)\s+(\w+)/i.exec(queue["speed"] as string)).not.toBeNull();
    expect(Number.parseInt(queue["speedlimit_abs"] as string, 10)).toBe(0);
    expect(queue["timeleft"]).toMatch(/^\d+:\d\d:\d\d$/);
    expect(slots).toHaveLength(2);
    for (const slot of slots) {
      const [size, left] = [Number.parseFloat(slot["mb"] as string), Number.parseFloat(slot["mbleft"] as string)];
      expect(Math.floor(((size - left) / size) * 100)).toBeGreaterThanOrEqual(0);
    }
  });

  test("send what the address says a second time in the form", async () => {
    await using house = await busyHouse();
    const params = { apikey: "k3y", mode: "addfile", nzbname: "Given", output: "json", cat: "movies" };
    const form = new FormData();
    form.append("name", new Blob([freshNzb()], { type: "application/nzb" }), "Show.nzb");
    for (const [name, value] of Object.entries(params)) form.append(name, value);
    const url = `${house.origin}/api?${new URLSearchParams(params)}`;
    const { nzo_ids } = (await (await fetch(url, { method: "POST", body: form })).json()) as { nzo_ids: string[] };
    const job = house.jobs.get(nzo_ids[0]?.replace("SABnzbd_nzo_", "") ?? "");
    expect(job).toMatchObject({ name: "Given", category: "movies" });
  });
});

describe("LunaSea", () => {
  test("shows queue, history and statistics", async () => {
    await using house = await busyHouse();
    const { values: queue } = await list(house, "mode=queue&limit=100");
    for (const name of ["kbpersec", "mbleft", "speedlimit"]) expect(queue[name]).toMatch(/^\d+(?:\.\d+)?$/);
    const { slots } = await list(house, "mode=history&limit=200");
    expect(slots).toHaveLength(1);
    for (const slot of slots) {
      expect([typeof slot["bytes"], typeof slot["completed"], typeof slot["download_time"]]).toEqual(
        Array(3).fill("number"),
      );
      expect([slot["action_line"], Array.isArray(slot["stage_log"])]).toEqual(["", true]);
    }
    const { values: status } = await list(house, "mode=fullstatus&skip_dashboard=1");
    for (const name of ["speedlimit_abs", "speedlimit", "diskspace1", "diskspace2"])
      expect([name, status[name]]).toEqual([name, expect.stringMatching(/^\d+(?:\.\d+)?$/)]);
    expect(status["uptime"]).toMatch(/^\d+[mhd]$/);
    const stats = await ask(house, "mode=server_stats");
    expect(Object.values(stats["servers"] as object)).toEqual([expect.objectContaining({ day: expect.any(Number) })]);
  });

  test("does to jobs whatever it has a button for", async () => {
    await using house = await busyHouse();
    const [id] = house.jobs.list({ search: "Film", limit: 1 }).map((job) => `SABnzbd_nzo_${job.id}`);
    const failed = endedJob(house, "Bad", "failed");
    const calls = [
      `queue&name=resume&value=${id}`,
      `queue&name=pause&value=${id}`,
      `queue&name=rename&value=${id}&value2=Other`,
      `queue&name=rename&value=${id}&value2=Other&value3=pw`,
      "queue&name=sort&sort=avg_age&dir=asc",
      "queue&name=sort&sort=name&dir=desc",
      "queue&name=change_complete_action&value=script_x",
      `change_cat&value=${id}&value2=Default`,
      "config&name=set_pause&value=5",
      "addurl&name=http%3A%2F%2Fa.example%2Fx.nzb",
      `retry&value=SABnzbd_nzo_${failed}&password=pw`,
      `queue&name=delete&value=${id}&del_files=1`,
      "history&name=delete&value=completed&del_files=1",
    ];
    for (const call of calls) expect([call, await ask(house, `mode=${call}`)]).toMatchObject([call, { status: true }]);
    expect(await ask(house, `mode=switch&value=${id}&value2=0`)).toHaveProperty("result.position");
    expect(await ask(house, `mode=queue&name=priority&value=${id}&value2=1`)).toHaveProperty("position");
  });
});
