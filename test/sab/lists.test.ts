import { describe, expect, test } from "@jest/globals";
import type { Job, JobId, JobState } from "../../src/catalog/jobs.ts";
import { allOf } from "../../src/catalog/row-list.ts";
import { readHistory } from "../../src/sab/history-rows.ts";
import { placeOf } from "../../src/sab/lists.ts";
import { readQueue, WHOLE_QUEUE } from "../../src/sab/queue-rows.ts";
import { seededRandom } from "../random.ts";
import { addJob, freshNzb, openSab, releaseOf, type SabHouse } from "./sab-house.ts";

/** Both lists at one instant. */
function snapshot({ catalog }: Pick<SabHouse, "catalog">) {
  const queue = allOf(readQueue(catalog, WHOLE_QUEUE).rows).map(({ id }) => id);
  const states = ["completed", "failed"] as const;
  const { rows, total } = readHistory(catalog, { states, isArchive: false, start: 0, limit: 0 });
  return { queue, history: allOf(rows).map(({ id }) => id), total };
}

const LIVING: readonly JobState[] = ["queued", "waiting", "importing", "paused"];

describe("queue and history", () => {
  test("T6 have each job in exactly one of them at every instant, whatever happens to it", async () => {
    await using house = await openSab();
    await house.stopImports();
    const { jobs, queue, catalog } = house;
    const random = seededRandom(6);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const alive: JobId[] = [];
    const seen = new Set<string>();
    const complete = (job: Job, more: { readonly mustAnnounce?: true } = {}) => {
      if (job.state === "importing") catalog.addRelease({ ...releaseOf(job), ...more });
    };
    const moves: readonly ((job: Job) => unknown)[] = [
      ({ id }) => queue.pause(id),
      ({ id }) => queue.resume(id),
      ({ id }) => queue.retry(id),
      ({ id }) => queue.cancel(id),
      ({ id }) => queue.archive(id),
      ({ id }) => jobs.update(id, { state: "waiting", notBefore: house.clock.wall() + 1000 }),
      ({ id }) => jobs.update(id, { state: "failed", error: "no" }),
      ({ id }) => jobs.update(id, { state: "importing" }),
      (job) => complete(job),
      (job) => complete(job, { mustAnnounce: true }),
      ({ id }) => catalog.completed.setReady(id),
      ({ id }) => catalog.completed.remove(id),
    ];

    /** Whether the job stands where it must; `seen` is told where that is. */
    function isRight(id: JobId, inQueue: ReadonlySet<JobId>, inHistory: ReadonlySet<JobId>): boolean {
      const job = jobs.get(id) as Job;
      const isLiving = LIVING.includes(job.state);
      const isHidden = job.state === "cancelled" || (job.isArchived && !isLiving);
      seen.add(`${job.state} ${placeOf(job, catalog.completed.ofJob(id))}`);
      const places = Number(inQueue.has(id)) + Number(inHistory.has(id));
      return places === (isHidden ? 0 : 1) && (!isLiving || inQueue.has(id));
    }

    for (let step = 0; step < 1200; step++) {
      if (alive.length < 30 || random() < 0.02) alive.push(addJob(house, `Job ${step}`).id);
      try {
        pick(moves)(jobs.get(pick(alive)) as Job);
      } catch {
        // A move that is not legal changes nothing, and the lists have to be right all the same.
      }
      const { queue: queued, history, total } = snapshot(house);
      const [inQueue, inHistory] = [new Set(queued), new Set(history)];
      expect([total, inQueue.size, inHistory.size]).toEqual([history.length, queued.length, history.length]);
      expect(alive.filter((id) => !isRight(id, inQueue, inHistory))).toEqual([]);
    }
    expect([...seen].sort()).toEqual([
      "cancelled nowhere",
      "completed history",
      "completed nowhere",
      "completed queue",
      "failed history",
      "failed nowhere",
      "importing queue",
      "paused queue",
      "queued queue",
      "waiting queue",
    ]);
  }, 60_000);

  test("T6 know a job by the same id from the add to the end", async () => {
    await using house = await openSab();
    const id = await house.client.grab("Show", freshNzb());
    const run = await house.runOf(id);
    expect((await house.client.queue()).items.map((item) => item.id)).toEqual([id]);
    run.complete({ mustAnnounce: true });
    await house.state(id, "completed");
    expect((await house.client.items()).map((item) => [item.id, item.status])).toEqual([[id, "Downloading"]]);
    expect((await house.client.queue()).items[0]).toMatchObject({ id, status: "Moving", sizeleft: 0, percentage: 100 });
    expect(await house.client.history()).toEqual([]);
    house.catalog.completed.setReady(run.job.id);
    expect((await house.client.queue()).items).toEqual([]);
    expect((await house.client.history()).map((item) => [item.id, item.status])).toEqual([[id, "Completed"]]);
    house.catalog.completed.remove(run.job.id);
    expect((await house.client.items()).map((item) => [item.id, item.status])).toEqual([[id, "Completed"]]);
  });
});
