import { once } from "node:events";
import { get, request } from "node:http";
import { describe, expect, test } from "@jest/globals";
import type { Verify } from "../../src/api/verify.ts";
import { ArticleError } from "../../src/base/errors.ts";
import { addRelease, KEY, startApi } from "./api-server.ts";

const FILE = `/api/v1/verify?path=${encodeURIComponent("/library/movies/Ein Schöner Film/a.mkv")}`;

async function startWithFile(verify?: Verify) {
  const api = await startApi(verify === undefined ? {} : { verify });
  addRelease(api.catalog, ["a.mkv"]);
  return api;
}

describe("POST /api/v1/verify", () => {
  test("tells the findings one a line, about the catalog's path", async () => {
    await using api = await startWithFile();
    const response = await api.fetch(FILE, { method: "POST" });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
    const path = "movies/Ein Schöner Film/a.mkv";
    expect((await response.text()).split("\n")).toEqual([
      JSON.stringify({ path, verdict: "whole" }),
      JSON.stringify({ path, verdict: "damaged" }),
      "",
    ]);
  });

  test("answers 200 without a line when there is nothing to tell", async () => {
    await using api = await startWithFile(async function* () {});
    const response = await api.fetch(FILE, { method: "POST" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("sends a finding as soon as it is there, and stops when the client leaves", async () => {
    const events: string[] = [];
    await using api = await startWithFile(async function* (_, { signal }) {
      try {
        yield { n: 1 };
        events.push("asked for more");
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      } finally {
        events.push("stopped");
      }
    });
    const call = request(`${api.origin}${FILE}`, { method: "POST", headers: { "x-api-key": KEY } }).end();
    const [response] = await once(call, "response");
    const [line] = await once(response, "data");
    expect(String(line)).toBe('{"n":1}\n');
    response.on("error", () => {});
    call.destroy();
    while (events.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual(["asked for more", "stopped"]);
    expect(api.logged).toEqual([]);
  });

  test("a failure to begin has a status of its own; a later one is the last line", async () => {
    const failure = new ArticleError("ARTICLE_MISSING", "an article is missing");
    const refusal = { error: { code: "ARTICLE_MISSING", message: "an article is missing", hint: null } };
    const atOnce: Verify = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }) });
    await using early = await startWithFile(atOnce);
    const refused = await early.fetch(FILE, { method: "POST" });
    expect([refused.status, await refused.json()]).toEqual([502, refusal]);

    await using late = await startWithFile(async function* () {
      yield { n: 1 };
      throw failure;
    });
    const begun = await late.fetch(FILE, { method: "POST" });
    expect([begun.status, await begun.text()]).toEqual([200, `{"n":1}\n${JSON.stringify(refusal)}\n`]);
  });

  test.each([
    ["", 400, "BAD_REQUEST"],
    ["?path=/etc/passwd", 400, "BAD_PATH"],
    ["?path=/library/nothing", 404, "PATH_MISSING"],
  ])("refuses %s with %i", async (query, status, code) => {
    await using api = await startApi();
    const response = await api.fetch(`/api/v1/verify${query}`, { method: "POST" });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.objectContaining({ code }) });
  });

  test("refuses a body beyond 64 KiB with 413 and is made with POST only", async () => {
    await using api = await startWithFile();
    const large = await api.fetch(FILE, { method: "POST", body: "x".repeat(65 * 1024) });
    expect(large.status).toBe(413);
    const [response] = await once(get(`${api.origin}${FILE}`, { headers: { "x-api-key": KEY } }), "response");
    response.resume();
    expect([response.statusCode, response.headers.allow]).toEqual([405, "POST"]);
  });
});
