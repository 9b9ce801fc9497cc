import { describe, expect, test } from "@jest/globals";
import { addJob, startApi } from "./api-server.ts";

interface QueueAnswer {
  readonly isPaused: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly words: string;
  readonly imports: readonly { readonly id: string; readonly position: number; readonly timeLeftMs: number | null }[];
}

describe("GET /api/v1/queue", () => {
  test("lists what has not ended in the order of service, page by page, each with its place", async () => {
    await using api = await startApi();
    const [a, b, c] = ["a", "b", "c"].map((name) => addJob(api, name));
    const urgent = addJob(api, "urgent", { priority: "high" });
    const gone = addJob(api, "gone");
    api.catalog.jobs.update(gone, { state: "cancelled" });
    const look = async (query: string) => (await (await api.fetch(`/api/v1/queue${query}`)).json()) as QueueAnswer;
    const all = await look("");
    expect(all.imports.map(({ id, position }) => [id, position])).toEqual([
      [urgent, 0],
      [a, 1],
      [b, 2],
      [c, 3],
    ]);
    expect(all).toMatchObject({ isPaused: false, counts: { queued: 4, cancelled: 1 } });
    expect(all.words).toBe(api.deps.admission.state.words);
    const page = await look("?skip=1&limit=2");
    expect(page.imports.map(({ id, position }) => [id, position])).toEqual([
      [a, 1],
      [b, 2],
    ]);
    expect((await look("?skip=4")).imports).toEqual([]);
  });

  test.each(["skip=-1", "skip=x", "limit=0"])("refuses %s with 400", async (query) => {
    await using api = await startApi();
    expect((await api.fetch(`/api/v1/queue?${query}`)).status).toBe(400);
  });
});

test("the whole queue is paused and resumed, durably, and says so", async () => {
  await using api = await startApi();
  addJob(api, "a");
  const post = async (action: string) => (await api.fetch(`/api/v1/queue/${action}`, { method: "POST" })).json();
  expect(await post("pause")).toMatchObject({ isPaused: true, counts: { queued: 1 } });
  expect(api.catalog.jobs.claim()).toBeUndefined();
  expect(await post("pause")).toMatchObject({ isPaused: true });
  expect(await post("resume")).toMatchObject({ isPaused: false });
  expect(api.catalog.jobs.claim()).toBeDefined();
});
