import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import type { Job } from "../../../src/catalog/jobs.ts";
import { allOf } from "../../../src/catalog/row-list.ts";
import { readHistory } from "../../../src/sab/history-rows.ts";
import { placeOf } from "../../../src/sab/lists.ts";
import { readQueue, WHOLE_QUEUE } from "../../../src/sab/queue-rows.ts";
import { ToldServer } from "../../announce/told-server.ts";
import { ArrClient, type ArrItem } from "../../sab/arr-client.ts";
import { until } from "../../until.ts";
import { type System, startSystem } from "../fixture.ts";
import { freshNzb } from "../posts.ts";

const MOUNT = "/mnt/newsreel";

function sonarr({ app }: System, category = "tv"): ArrClient {
  return new ArrClient({ base: app.url, apiKey: "key", category });
}

/** What the client finds at a path of its own, which the mount shows it. */
function davPath(path: string): string {
  expect(path.startsWith(`${MOUNT}/`)).toBe(true);
  return `/dav${path.slice(MOUNT.length).split("/").map(encodeURIComponent).join("/")}`;
}

async function hrefsIn(system: System, path: string): Promise<readonly string[]> {
  const answer = await system.get(path, { Depth: "1" }, "PROPFIND");
  expect(answer.status).toBe(207);
  return [...answer.body.toString().matchAll(/<(?:\w+:)?href>([^<]+)</g)].map(([, href]) => href as string);
}

/** As the later of its two calls has it: a job that goes on between them is in both answers, and never in neither. */
async function itemOf(client: ArrClient, id: string): Promise<ArrItem> {
  const found = (await client.items()).findLast((item) => item.id === id);
  expect(found).toBeDefined();
  return found as ArrItem;
}

describe("Sonarr", () => {
  test("T11 tests, grabs, polls, imports and removes, on a server that nobody may write to", async () => {
    await using system = await startSystem({ settings: { "library.readOnly": true } });
    const client = sonarr(system);
    expect(await client.test()).toEqual([]);
    const [root] = (await client.health()).roots;
    expect((await system.get(davPath(root ?? ""), { Depth: "0" }, "PROPFIND")).status).toBe(207);

    const title = "Die.Brücke.S01E01.1080p.WEB-DL-GRP";
    const id = await client.grab(title, freshNzb(system, "grabbed", 2));
    let item = await itemOf(client, id);
    while (item.status !== "Completed") {
      expect(["Queued", "Downloading"]).toContain(item.status);
      expect(item.title).toBe(title);
      item = await itemOf(client, id);
    }
    expect(item.outputPath).toBe(`${MOUNT}/completed/tv/${title}`);

    // T9: it looks into the folder, and follows the links that rclone makes of the files in it.
    const folder = davPath(item.outputPath);
    const links = (await hrefsIn(system, folder)).filter((href) => href.endsWith(".rclonelink"));
    expect(links).toHaveLength(2);
    const targets: string[] = [];
    for (const link of links) {
      const target = (await system.get(link)).body.toString();
      const film = await system.get(davPath(target), { Range: "bytes=0-99" });
      expect([film.status, film.body.length]).toEqual([206, 100]);
      targets.push(target);
    }

    // T10: it moves the links, which deletes them here, then deletes the folder, then asks for the job to be removed.
    for (const link of links) expect((await system.get(link, {}, "DELETE")).status).toBe(204);
    expect((await itemOf(client, id)).outputPath).toBe(item.outputPath);
    expect((await system.get(folder, {}, "DELETE")).status).toBe(204);
    expect((await system.get(folder, { Depth: "0" }, "PROPFIND")).status).toBe(404);
    expect((await itemOf(client, id)).status).toBe("Completed");
    await client.removeItem(id);
    expect(await client.items()).toEqual([]);
    for (const target of targets) {
      expect((await system.get(davPath(target), {}, "HEAD")).status).toBe(200);
      expect((await system.get(davPath(target), {}, "DELETE")).status).toBe(403);
    }
  });

  test("finds the API with and without the proxy's base, where neither the JSON API nor the page is", async () => {
    await using system = await startSystem({ settings: { urlBase: "/news" } });
    const { origin } = new URL(system.app.url);
    for (const base of [`${origin}/news`, `${origin}/news/sabnzbd`, origin, `${origin}/sabnzbd`]) {
      expect(await new ArrClient({ base, apiKey: "key", category: "tv" }).test()).toEqual([]);
    }
    const others = await Promise.all(["/api/v1/imports", "/", "/news/api/v1/imports"].map((path) => system.get(path)));
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(others[0]?.body.toString()).toMatch(/^{"imports":/);
  });

  test("T10 may also delete the whole folder at once", async () => {
    await using system = await startSystem({ settings: { "library.readOnly": true } });
    const client = sonarr(system);
    const id = await client.grab("Show.S01E01", freshNzb(system, "whole", 3));
    await until(() => system.app.catalog.jobs.get(id.replace("SABnzbd_nzo_", ""))?.state === "completed");
    const folder = davPath((await itemOf(client, id)).outputPath);
    expect((await system.get(folder, {}, "DELETE")).status).toBe(204);
    expect((await system.get("/dav/library/tv/Show.S01E01/", { Depth: "0" }, "PROPFIND")).status).toBe(207);
  });

  test("T9 is not told that a job has completed before its rclone sees the folder", async () => {
    await using rclone = await ToldServer.open();
    const { answer } = rclone;
    const held: (() => void)[] = [];
    rclone.answer = (told, res) => void held.push(() => answer(told, res));
    await using system = await startSystem({ settings: { rclone: JSON.stringify([{ url: rclone.url }]) } });
    const client = sonarr(system);
    const id = await client.grab("Show.S01E01", freshNzb(system, "gated"));
    const folder = "/dav/completed/tv/Show.S01E01/";
    await until(() => held.length > 0);
    // The folder is there for rclone to read, while the client is told to wait.
    expect((await system.get(folder, { Depth: "0" }, "PROPFIND")).status).toBe(207);
    for (let poll = 0; poll < 20; poll++) {
      expect(await itemOf(client, id)).toMatchObject({ status: "Downloading", remainingSize: 0, outputPath: "" });
      expect((await client.queue()).items[0]?.status).toBe("Moving");
    }
    rclone.answer = answer;
    for (const go of held) go();
    let item = await itemOf(client, id);
    while (item.status !== "Completed") item = await itemOf(client, id);
    expect(JSON.stringify(rclone.told)).toContain("completed/tv/Show.S01E01");
    expect((await system.get(davPath(item.outputPath), { Depth: "0" }, "PROPFIND")).status).toBe(207);
  });

  test("finds every job in exactly one list at each of thousands of polls during a hundred imports", async () => {
    await using system = await startSystem({ settings: { "imports.maxJobs": 8 } });
    const { jobs, completed } = system.app.catalog;
    const client = sonarr(system);
    const ids: string[] = [];
    let polls = 0;
    let isDone = false;
    const seen = new Set<string>();

    /** One read of both lists, without anything in between. */
    const look = (): void => {
      polls += 1;
      const filter = { states: ["completed", "failed"], isArchive: false, start: 0, limit: 0 } as const;
      const queue = new Set(allOf(readQueue(system.app.catalog, WHOLE_QUEUE).rows).map(({ id }) => id));
      const history = new Set(allOf(readHistory(system.app.catalog, filter).rows).map(({ id }) => id));
      for (const id of ids) {
        const job = jobs.get(id.replace("SABnzbd_nzo_", "")) as Job;
        if (queue.has(job.id) === history.has(job.id))
          throw new Error(`${job.name} (${job.state}) is in both or neither`);
        seen.add(`${job.state} ${placeOf(job, completed.ofJob(job.id))}`);
      }
    };
    const watching = (async () => {
      while (!isDone || polls < 2_000) {
        look();
        await pause(isDone ? 0 : 2);
      }
    })();

    /** Over HTTP the queue is read before the history: a job may move on in between, but not get lost. */
    const ended = new Set<string>();
    const polling = (async () => {
      while (!isDone) {
        const known = [...ids];
        const queue = (await client.queue()).items.map(({ id }) => id);
        const history = await client.history();
        const done = history.map(({ id }) => id);
        const lost = known.filter((id) => !queue.includes(id) && !done.includes(id));
        expect(lost).toEqual([]);
        expect(queue.filter((id) => ended.has(id))).toEqual([]);
        for (const { id, storage, status } of history) {
          if (ended.has(id)) continue;
          ended.add(id);
          expect(status).toBe("Completed");
          expect((await system.get(davPath(storage), { Depth: "0" }, "PROPFIND")).status).toBe(207);
        }
      }
    })();

    const adding = (async () => {
      await client.call("pause");
      for (let number = 0; number < 100; number++) {
        ids.push(await client.grab(`Show.S01E${number}`, freshNzb(system, `storm${number}`)));
      }
      await client.call("resume");
      while (!isDone && ended.size < 100) await pause(10);
    })();
    try {
      await Promise.race([adding, watching, polling]);
    } finally {
      isDone = true;
      await Promise.all([adding, watching, polling]);
    }
    expect(polls).toBeGreaterThanOrEqual(2_000);
    expect(new Set(ids).size).toBe(100);
    expect([...seen].sort()).toEqual(["completed history", "importing queue", "queued queue"]);
    const traffic = (await client.call("server_stats")) as { total: number; servers: { p0: { day: number } } };
    expect(traffic.total).toBeGreaterThan(100 * 20_000);
    expect(traffic.servers.p0.day).toBe(traffic.total);
  }, 120_000);
});
