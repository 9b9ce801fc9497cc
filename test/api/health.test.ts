import { describe, expect, test } from "@jest/globals";
import { type AppError, CatalogError } from "../../src/base/errors.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import { ManualClock } from "../manual-clock.ts";
import { provider, startApi } from "./api-server.ts";

const backingOff = { ...provider, state: "backing-off", reason: "login refused" } as const;

async function readiness(change: Parameters<typeof startApi>[0]) {
  await using api = await startApi(change);
  const response = await api.fetch("/readyz");
  return { status: response.status, body: await response.json() };
}

describe("GET /readyz", () => {
  test("is 200 when the catalog can be written and a provider be used", async () => {
    expect(await readiness({})).toEqual({
      status: 200,
      body: {
        status: "ready",
        checks: {
          catalog: { ok: true, words: "the catalog can be written" },
          providers: { ok: true, words: "1 of 1 providers can be used" },
          migrations: { ok: true, words: "the catalog's schema is up to date" },
        },
      },
    });
  });

  test.each([
    ["there is no provider", { providers: () => [] }, "providers", "no provider is configured"],
    [
      "every provider is backing off",
      { providers: () => [backingOff] },
      "providers",
      "no provider can be used at present (main: login refused)",
    ],
    [
      "migrations are not done",
      { isMigrated: () => false },
      "migrations",
      "the catalog's schema is not up to date yet",
    ],
  ])("is 503 in words when %s", async (_, change, name, words) => {
    const { status, body } = await readiness(change);
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: "not ready", checks: { [name]: { ok: false, words } } });
  });

  test("counts a provider that nobody asked yet, and one of two that works", async () => {
    const idle = { ...provider, state: "idle" } as const;
    expect((await readiness({ providers: () => [idle] })).status).toBe(200);
    expect((await readiness({ providers: () => [backingOff, provider] })).status).toBe(200);
  });

  test("is 503 when the catalog cannot be written, and asks it once a second at most, whoever asks", async () => {
    const clock = new ManualClock();
    let asked = 0;
    const catalog = {
      checkWritable() {
        asked += 1;
        throw new Error("disk I/O error");
      },
    } as unknown as Catalog;
    await using api = await startApi({ catalog, clock });
    for (let again = 0; again < 3; again += 1) expect((await api.fetch("/readyz")).status).toBe(503);
    expect(asked).toBe(1);
    clock.advance(1000);
    expect(await (await api.fetch("/readyz")).json()).toMatchObject({
      checks: { catalog: { ok: false, words: "the catalog cannot be written; the log says why" } },
    });
    expect(asked).toBe(2);
  });

  test.each<[string, AppError, string]>([
    [
      "what to do",
      new CatalogError("DISK_FULL", "cannot write the catalog: the disk is full", { hint: "Make room." }),
      "; Make room.",
    ],
    [
      "what it is",
      new CatalogError("CATALOG_UNUSABLE", "cannot use the catalog /d/catalog.db: the file is damaged"),
      "",
    ],
  ])("says %s", async (_, error, advice) => {
    const catalog = {
      checkWritable() {
        throw error;
      },
    } as unknown as Catalog;
    await using api = await startApi({ catalog });
    expect(await (await api.fetch("/readyz")).json()).toMatchObject({
      checks: { catalog: { ok: false, words: `${error.message}${advice}` } },
    });
    const stranger = await fetch(`${api.origin}/readyz`);
    expect([stranger.status, await stranger.json()]).toEqual([503, { status: "not ready" }]);
  });

  test("tells strangers no more than whether", async () => {
    await using api = await startApi({ providers: () => [backingOff] });
    const response = await fetch(`${api.origin}/readyz`);
    expect([response.status, await response.json()]).toEqual([503, { status: "not ready" }]);
  });
});
