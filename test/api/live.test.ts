import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type ApiServer, provider, startApi, stream } from "./api-server.ts";

const ended = { ...stream, openRequests: 0, endedAt: 1_700_000_016_000, firstByteMs: undefined };

let api: ApiServer;
beforeAll(async () => {
  const careless = { ...provider, password: "hunter2", username: "me" };
  api = await startApi({ providers: () => [careless], recentStreams: () => [ended] });
});
afterAll(() => api[Symbol.asyncDispose]());

async function look(call: string): Promise<unknown> {
  return (await api.fetch(`/api/v1/${call}`)).json();
}

describe("the calls that say what happens now", () => {
  test("streams: who reads what, where its time goes, and who did lately", async () => {
    expect(await look("streams")).toEqual({
      streams: [{ ...stream, endedAt: null }],
      recent: [{ ...ended, firstByteMs: null }],
    });
  });

  test("providers: everything but what may come along with a snapshot", async () => {
    expect(await look("providers")).toEqual({
      providers: [{ ...provider, reason: null, retryAt: null, bytesPerSecond: null }],
    });
  });

  test("cache: its counters", async () => {
    expect(await look("cache")).toEqual(api.deps.cache());
  });
});
