import { describe, expect, test } from "@jest/globals";
import type { AdmissionLimits } from "../../src/admission/admission.ts";
import { AdmissionController } from "../../src/admission/controller.ts";
import { AdmissionSettings } from "../../src/api/admission-settings.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { Sources } from "../../src/config/changeable.ts";
import { ManualClock } from "../manual-clock.ts";
import { type ApiServer, startApi } from "./api-server.ts";

const LIMITS: AdmissionLimits = {
  connections: 30,
  maxJobs: 2,
  maxJobsWhileStreaming: 0,
  perStreamConnections: 2,
  floor: 1,
  holdOffMs: 15_000,
};

/** The API over the real controller. */
async function start(sources: Sources = new Map()) {
  const clock = new ManualClock();
  const admission = new AdmissionController({ limits: LIMITS, clock, log: silentLogger });
  return { admission, api: await startApi({ admission }, sources) };
}

async function change(api: ApiServer, query: string, body?: unknown, type = "application/json") {
  const more = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": type } };
  const response = await api.fetch(`/api/v1/admission${query}`, { method: "POST", ...more });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** What would count after the next start. */
function afterRestart(api: ApiServer, sources: Sources = new Map()) {
  return new AdmissionSettings({ configured: LIMITS, sources, stored: api.catalog.settings }).values;
}

describe("GET /api/v1/admission", () => {
  test("tells the numbers, the sentence and the limits, and which of them can be changed", async () => {
    const { admission, api } = await start(
      new Map([
        ["imports.maxJobs", { kind: "environment", place: "NEWSREEL_IMPORTS_MAX_JOBS" }],
        ["streaming.floor", { kind: "default", place: "default" }],
      ]),
    );
    await using _ = api;
    admission.openStream({ key: "film" });
    const shown = (await (await api.fetch("/api/v1/admission")).json()) as { settings: readonly object[] };
    expect(shown).toMatchObject({
      streams: 1,
      holdOffUntil: null,
      jobs: { running: 0, waiting: 0, limit: 0, isPaused: false },
      connections: { total: 30, imports: 28 },
      words: "1 stream active: imports hold 28 of 30 connections, no job waits; they resume 15 s after playback",
    });
    expect(shown.settings).toEqual([
      {
        ...{ name: "maxJobs", key: "imports.maxJobs", value: 2, default: 2 },
        ...{ expects: "a whole number from 1 to 100", setBy: "NEWSREEL_IMPORTS_MAX_JOBS" },
      },
      expect.objectContaining({ name: "maxJobsWhileStreaming", value: 0, setBy: null }),
      expect.objectContaining({ name: "perStreamConnections", value: 2, setBy: null }),
      expect.objectContaining({ name: "floor", key: "streaming.floor", value: 1, setBy: null }),
      expect.objectContaining({ name: "holdOffMs", value: 15_000, setBy: null }),
    ]);
  });
});

describe("POST /api/v1/admission", () => {
  test("changes limits at once, by query or by body, and keeps them for the next start", async () => {
    const { admission, api } = await start();
    await using _ = api;
    admission.openStream({ key: "film" });
    expect(await change(api, "?perStreamConnections=20&maxJobsWhileStreaming=1")).toMatchObject({
      status: 200,
      body: { connections: { imports: 10 }, jobs: { limit: 1 } },
    });
    expect((await change(api, "", { floor: 0, maxJobs: 7, perStreamConnections: 500 })).status).toBe(200);
    expect(admission.limits).toEqual({
      ...LIMITS,
      ...{ perStreamConnections: 500, maxJobsWhileStreaming: 1, floor: 0, maxJobs: 7 },
    });
    expect(admission.importConnections()).toBe(0);
    const { connections: _connections, ...kept } = admission.limits;
    expect(afterRestart(api)).toMatchObject(kept);
  });

  test("takes a change back where null or default is sent", async () => {
    const { admission, api } = await start();
    await using _ = api;
    await change(api, "?maxJobs=9&floor=0");
    expect((await change(api, "?maxJobs=default", { floor: null })).status).toBe(200);
    expect(admission.limits).toEqual(LIMITS);
    expect(api.catalog.settings.all().size).toBe(0);
  });

  test("refuses with 409 what the start gives, names where, and changes nothing of what came along", async () => {
    const sources: Sources = new Map([["imports.maxJobs", { kind: "file", place: "newsreel.yaml:7" }]]);
    const { admission, api } = await start(sources);
    await using _ = api;
    const { status, body } = await change(api, "?holdOffMs=1000&maxJobs=9");
    expect([status, body]).toEqual([
      409,
      {
        error: {
          code: "CONFLICT",
          message: "imports.maxJobs is set by newsreel.yaml:7, which is stronger",
          hint: expect.any(String),
        },
      },
    ]);
    expect(admission.limits).toEqual(LIMITS);
    expect(api.catalog.settings.all().size).toBe(0);
  });

  test("what is given with the start is stronger than what was changed before it was given", async () => {
    const { api } = await start();
    await using _ = api;
    await change(api, "?maxJobs=9&floor=0");
    const sources: Sources = new Map([["imports.maxJobs", { kind: "command line", place: "command line" }]]);
    expect(afterRestart(api, sources)).toMatchObject({ maxJobs: 2, floor: 0 });
  });

  test("what this version would not take counts for nothing at the next start", async () => {
    const { api } = await start();
    await using _ = api;
    api.catalog.settings.set("imports.maxJobs", "many");
    api.catalog.settings.set("streaming.floor", 7);
    expect(afterRestart(api)).toMatchObject({ maxJobs: 2, floor: 1 });
  });

  test.each<readonly [query: string, body: unknown]>([
    ["?maxJobs=0", undefined],
    ["?maxJobs=1.5", undefined],
    ["?floor=2", undefined],
    ["?holdOffMs=-1", undefined],
    ["?maxJobs=many", undefined],
    ["", undefined],
    ["", {}],
    ["", []],
    ["", 5],
    ["", { connections: 5 }],
    ["", { maxJobs: {} }],
    ["", { __proto__x: 1 }],
    ["?maxJobs=3", { floor: 9 }],
  ])("refuses %s with the body %j with 400, and changes nothing", async (query, body) => {
    const { admission, api } = await start();
    await using _ = api;
    expect(await change(api, query, body)).toMatchObject({ status: 400, body: { error: { code: "BAD_REQUEST" } } });
    expect(admission.limits).toEqual(LIMITS);
    expect(api.catalog.settings.all().size).toBe(0);
  });

  test("refuses a body that is no JSON with 415, and one that is too large with 413", async () => {
    const { api } = await start();
    await using _ = api;
    expect((await change(api, "", { maxJobs: 3 }, "text/plain")).status).toBe(415);
    expect((await change(api, "", { maxJobs: 3, x: "x".repeat(70_000) })).status).toBe(413);
  });

  test("is not open to a device's password", async () => {
    await using api = await startApi({
      authorize: async () => ({ user: "demo", mayWrite: true, via: "app-password" }),
    });
    expect((await change(api, "?maxJobs=3")).status).toBe(403);
    expect((await api.fetch("/api/v1/admission")).status).toBe(200);
  });
});
