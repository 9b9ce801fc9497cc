import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { JobId, JobState } from "../../src/catalog/jobs.ts";
import { type ApiServer, addJob, addRelease, LOGIN, startApi } from "./api-server.ts";

let api: ApiServer;
let made = 0;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

/** A job of its own for each test, in this state. */
function job(state: JobState = "queued"): JobId {
  made += 1;
  const id = addJob(api, `job ${made}`);
  const isBegun = state === "importing" || state === "completed";
  if (state !== "queued") api.catalog.jobs.update(id, { state: isBegun ? "importing" : state });
  if (state === "completed") addRelease(api.catalog, [`${made}.mkv`], { job: id, name: `Release ${made}` });
  return id;
}

async function act(id: string, action: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await api.fetch(`/api/v1/imports/${id}/${action}`, { method: "POST" });
  return { status: response.status, body: await response.json() };
}

describe("what can be done to an import", () => {
  test.each<readonly [string, JobState, JobState]>([
    ["pause", "queued", "paused"],
    ["pause", "waiting", "paused"],
    ["pause", "importing", "paused"],
    ["resume", "paused", "queued"],
    ["resume", "waiting", "queued"],
    ["cancel", "queued", "cancelled"],
    ["cancel", "importing", "cancelled"],
    ["cancel", "paused", "cancelled"],
    ["retry", "failed", "queued"],
    ["retry", "cancelled", "queued"],
  ])("%s brings a job that is %s to %s", async (action, from, to) => {
    const id = job(from);
    expect(await act(id, action)).toMatchObject({ status: 200, body: { id, state: to } });
    expect(api.catalog.jobs.get(id)?.state).toBe(to);
  });

  test.each<readonly [string, JobState]>([
    ["pause", "completed"],
    ["retry", "completed"],
    ["cancel", "completed"],
    ["archive", "queued"],
    ["archive", "importing"],
    ["move?position=0", "completed"],
  ])("%s of a job that is %s is refused with 409, and changes nothing", async (action, from) => {
    const id = job(from);
    expect(await act(id, action)).toMatchObject({ status: 409, body: { error: { code: "CONFLICT" } } });
    expect(api.catalog.jobs.get(id)).toMatchObject({ state: from, isArchived: false });
  });

  test("retry takes a password, which is tried before the others", async () => {
    const id = job("failed");
    await act(id, "retry?password=s%3Dcret");
    expect(api.catalog.jobs.source(id).passwords).toEqual(["s=cret"]);
  });

  test.each<JobState>(["completed", "failed", "cancelled"])("archives a job that is %s", async (state) => {
    const id = job(state);
    expect(await act(id, "archive")).toMatchObject({ status: 200, body: { id, state, isArchived: true } });
    expect((await act(id, "archive")).status).toBe(200);
  });

  test("changes priority and category, and refuses what is none with 400", async () => {
    const id = job();
    expect(await act(id, "priority?value=low")).toMatchObject({ status: 200, body: { priority: "low" } });
    expect(await act(id, "category?value=tv")).toMatchObject({ status: 200, body: { category: "tv" } });
    for (const wrong of [
      "priority",
      "priority?value=soon",
      "category",
      "category?value=..%2Fetc",
      "move",
      "move?position=-1",
    ]) {
      expect(await act(id, wrong)).toMatchObject({ status: 400, body: { error: { code: "BAD_REQUEST" } } });
    }
    expect(api.catalog.jobs.get(id)).toMatchObject({ priority: "low", category: "tv" });
  });

  test("moves a job to a place, or to the end where the place is too high", async () => {
    await using own = await startApi();
    const [a, b, c] = ["a", "b", "c"].map((name) => addJob(own, name));
    const move = (id: string | undefined, position: number) =>
      own.fetch(`/api/v1/imports/${id}/move?position=${position}`, { method: "POST" });
    const order = () => own.catalog.jobs.queue({ limit: 10 }).map(({ id }) => id);
    expect(await (await move(c, 0)).json()).toMatchObject({ id: c, position: 0 });
    expect(order()).toEqual([c, a, b]);
    expect(await (await move(c, 999_999_999)).json()).toMatchObject({ position: 2 });
    expect(order()).toEqual([a, b, c]);
  });

  test.each([
    "pause",
    "resume",
    "cancel",
    "retry",
    "archive",
    "priority?value=low",
    "category?value=tv",
    "move?position=0",
  ])("%s of an import that is not there answers 404", async (action) => {
    expect(await act("nobody", action)).toMatchObject({ status: 404, body: { error: { code: "NOT_FOUND" } } });
  });

  test("none of it can be asked for by another site's page", async () => {
    const id = job();
    const headers = { authorization: LOGIN, origin: "https://evil.example" };
    const response = await fetch(`${api.origin}/api/v1/imports/${id}/cancel`, { method: "POST", headers });
    expect([response.status, api.catalog.jobs.get(id)?.state]).toEqual([403, "queued"]);
  });
});

describe("DELETE /api/v1/imports/{id}", () => {
  test("removes a job whatever its state, and keeps what it imported", async () => {
    for (const state of ["queued", "importing", "failed", "completed"] as const) {
      const id = job(state);
      const response = await api.fetch(`/api/v1/imports/${id}`, { method: "DELETE" });
      expect([response.status, await response.json()]).toEqual([200, { id }]);
      expect(api.catalog.jobs.get(id)).toBeUndefined();
    }
    expect(api.catalog.find(`movies/Release ${made}/${made}.mkv`)).toBeDefined();
  });

  test("answers 404 for one that is not there", async () => {
    const id = job();
    await api.fetch(`/api/v1/imports/${id}`, { method: "DELETE" });
    expect((await api.fetch(`/api/v1/imports/${id}`, { method: "DELETE" })).status).toBe(404);
  });
});
