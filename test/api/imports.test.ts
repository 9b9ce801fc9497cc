import { once } from "node:events";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { JobId } from "../../src/catalog/jobs.ts";
import { until } from "../until.ts";
import { type ApiServer, addJob, addRelease, KEY, MAX_NZB, nzb, startApi } from "./api-server.ts";

let api: ApiServer;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

function post(query: string, body: string | Uint8Array | FormData, type?: string): Promise<Response> {
  const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
  return api.fetch(`/api/v1/imports${query}`, { method: "POST", body, headers });
}

function form(...files: readonly (readonly [field: string, name: string, text: string])[]): FormData {
  const data = new FormData();
  for (const [field, name, text] of files) data.append(field, new Blob([text]), name);
  return data;
}

function lastSubmission() {
  const submission = api.intake.submissions.at(-1);
  if (submission === undefined) throw new Error("nothing was submitted");
  const { fileName, name, category, passwords } = submission;
  return { fileName, name, category, passwords };
}

describe("POST /api/v1/imports with the NZB as body", () => {
  test("queues it and answers 202, and 200 with the same job when it comes again", async () => {
    const first = await post("?category=tv&name=A%20%C3%9Cber&password=s%3Dcret", nzb("twice"), "application/x-nzb");
    expect(first.status).toBe(202);
    const job = (await first.json()) as { id: string };
    expect(job).toEqual({ id: expect.any(String), state: "queued", position: expect.any(Number) });
    expect(lastSubmission()).toEqual({ fileName: undefined, name: "A Über", category: "tv", passwords: ["s=cret"] });

    const again = await post("?category=tv", nzb("twice"), "application/octet-stream");
    expect([again.status, await again.json()]).toEqual([200, job]);
  });

  test("hands gzip on as it is, with or without Content-Encoding", async () => {
    const body = gzipSync(nzb("packed"));
    expect((await post("", body, "application/x-nzb")).status).toBe(202);
    const init = { method: "POST", body, headers: { "content-type": "application/x-nzb", "content-encoding": "gzip" } };
    expect((await api.fetch("/api/v1/imports", init)).status).toBe(200);
  });

  test("leaves the category to the intake when none is named", async () => {
    await post("", nzb("nowhere"), "application/x-nzb");
    expect(lastSubmission().category).toBe("");
  });

  test("refuses what is no NZB with 400 and a hint", async () => {
    const response = await post("", "<html>", "application/x-nzb");
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { code: "NZB_MALFORMED", message: "the nzb has no end", hint: "fetch it again" },
    });
  });

  test("refuses a bad category with 400", async () => {
    const response = await post("?category=..%2Fetc", nzb("x"), "application/x-nzb");
    expect([response.status, await errorCodeOf(response)]).toEqual([400, "BAD_REQUEST"]);
  });

  test.each([
    ["application/json", undefined],
    ["application/x-www-form-urlencoded", undefined],
    ["application/x-nzb", "br"],
  ])("refuses a body of type %s encoded as %s with 415", async (type, encoding) => {
    const headers = { "content-type": type, ...(encoding === undefined ? {} : { "content-encoding": encoding }) };
    const response = await api.fetch("/api/v1/imports", { method: "POST", body: "x", headers });
    expect([response.status, await errorCodeOf(response)]).toEqual([415, "UNSUPPORTED_MEDIA"]);
  });

  test("refuses one that is too large with 413, without reading all of it", async () => {
    const response = await post("", new Uint8Array(3 * MAX_NZB), "application/x-nzb");
    expect([response.status, await errorCodeOf(response)]).toEqual([413, "NZB_TOO_LARGE"]);
    expect(api.intake.received).toBeLessThan(2 * MAX_NZB);
  });

  test("hands the bytes on while they arrive", async () => {
    const text = nzb("slow");
    const call = request(`${api.origin}/api/v1/imports`, {
      method: "POST",
      headers: { "x-api-key": KEY, "content-type": "application/x-nzb" },
    });
    call.write(text.slice(0, 20));
    await until(() => api.intake.received === 20);
    call.end(text.slice(20));
    const [response] = await once(call, "response");
    response.resume();
    expect(response.statusCode).toBe(202);
  });

  test("gives up when the client leaves in the middle, and says nothing in the log", async () => {
    const call = request(`${api.origin}/api/v1/imports`, {
      method: "POST",
      headers: { "x-api-key": KEY, "content-type": "application/x-nzb" },
    });
    call.on("error", () => {});
    call.write("<nzb>");
    await until(() => api.intake.received === 5);
    const signal = api.intake.submissions.at(-1)?.signal;
    call.destroy();
    await until(() => signal?.aborted === true);
    expect(api.logged).toEqual([]);
  });
});

describe("POST /api/v1/imports with a wish", () => {
  test("hands priority and pause on, and tells the place in the queue", async () => {
    await using own = await startApi();
    addJob(own, "before");
    const init = { method: "POST", headers: { "content-type": "application/x-nzb" } };
    const late = await own.fetch("/api/v1/imports?priority=low&paused=1", { ...init, body: nzb("late") });
    expect(await late.json()).toMatchObject({ state: "paused", position: 1 });
    const first = await own.fetch("/api/v1/imports?priority=force", { ...init, body: nzb("first") });
    expect(await first.json()).toMatchObject({ state: "queued", position: 0 });
    expect(own.intake.submissions.map(({ priority, isPaused }) => [priority, isPaused])).toEqual([
      ["low", true],
      ["force", undefined],
    ]);
  });

  test.each(["priority=urgent", "paused=yes"])("refuses %s with 400", async (query) => {
    const response = await post(`?${query}`, nzb("x"), "application/x-nzb");
    expect([response.status, await errorCodeOf(response)]).toEqual([400, "BAD_REQUEST"]);
  });

  test("answers a bundle with a list, one for each NZB in it, refusals among them", async () => {
    const response = await post("?name=bundle", nzb("bundle"), "application/x-nzb");
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual([
      { id: expect.any(String), state: "queued", position: expect.any(Number) },
      { name: "broken.nzb", error: { code: "NZB_MALFORMED", message: "it has no end", hint: null } },
    ]);
  });
});

describe("POST /api/v1/imports?url=", () => {
  test("queues a fetch without a body; of the address only scheme and host are shown", async () => {
    const url = "https://indexer.example/get?id=7&apikey=hush";
    const query = `?url=${encodeURIComponent(url)}&category=tv&name=Episode&password=pw&priority=high&paused=1`;
    const response = await post(query, "");
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    expect(api.intake.fetches).toEqual([
      { url, category: "tv", name: "Episode", passwords: ["pw"], priority: "high", isPaused: true },
    ]);
    const shown = await (await api.fetch(`/api/v1/imports/${id}`)).text();
    expect(JSON.parse(shown)).toMatchObject({ state: "paused", fetchFrom: "https://indexer.example", bytes: 0 });
    expect(shown).not.toContain("hush");
    expect((await post(query, "")).status).toBe(200);
  });

  test("refuses an empty one with 400", async () => {
    const response = await post("?url=", "");
    expect([response.status, await errorCodeOf(response)]).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("POST /api/v1/imports with a form", () => {
  test.each(["name", "nzbfile", "nzbFile", "anything"])("takes the file in the field %s", async (field) => {
    const response = await post("?category=tv", form([field, "Ein schöner Film – 日本.nzb", nzb(`field ${field}`)]));
    expect([response.status, await response.json()]).toEqual([
      202,
      { id: expect.any(String), state: "queued", position: expect.any(Number) },
    ]);
    expect(lastSubmission().fileName).toBe("Ein schöner Film – 日本.nzb");
  });

  test("reads the extended form of a file name", async () => {
    const head = "Content-Disposition: form-data; name=\"name\"; filename*=UTF-8''%C3%9Cber.nzb";
    await post("", `--b\r\n${head}\r\n\r\n${nzb("extended")}\r\n--b--\r\n`, "multipart/form-data; boundary=b");
    expect(lastSubmission().fileName).toBe("Über.nzb");
  });

  test("answers several files with a list in their order, refusals among them", async () => {
    const files = form(["a", "1.nzb", nzb("one")], ["b", "2.nzb", "<html>"], ["c", "3.nzb", nzb("three")]);
    const response = await post("", files);
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual([
      { id: expect.any(String), state: "queued", position: expect.any(Number) },
      { name: "2.nzb", error: { code: "NZB_MALFORMED", message: "the nzb has no end", hint: "fetch it again" } },
      { id: expect.any(String), state: "queued", position: expect.any(Number) },
    ]);
    expect((await post("", files)).status).toBe(200);
  });

  test("goes on behind a file that is too large", async () => {
    const response = await post("", form(["a", "big.nzb", "x".repeat(2 * MAX_NZB)], ["b", "2.nzb", nzb("behind")]));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual([
      { name: "big.nzb", error: expect.objectContaining({ code: "NZB_TOO_LARGE" }) },
      { id: expect.any(String), state: "queued", position: expect.any(Number) },
    ]);
  });

  test("answers a single file that is refused like a body that is refused", async () => {
    const response = await post("", form(["a", "1.nzb", "<html>"]));
    expect([response.status, await errorCodeOf(response)]).toEqual([400, "NZB_MALFORMED"]);
  });

  test("takes a hundred files and says that it takes no more", async () => {
    const files = Array.from({ length: 101 }, (_, index) => ["f", `${index}.nzb`, nzb(`many ${index}`)] as const);
    const before = api.intake.submissions.length;
    const response = await post("", form(...files));
    const said = (await response.json()) as readonly { id?: string; error?: { code: string } }[];
    expect([response.status, said.length, said.at(-1)?.error?.code]).toEqual([202, 101, "BODY_TOO_LARGE"]);
    expect(new Set(said.slice(0, -1).map(({ id }) => id)).size).toBe(100);
    expect(api.intake.submissions.length - before).toBe(100);
  });

  test("gives up when the client leaves within a file", async () => {
    const head = brokenForm("");
    const call = request(`${api.origin}/api/v1/imports`, {
      method: "POST",
      headers: { "x-api-key": KEY, "content-type": "multipart/form-data; boundary=b" },
    });
    call.on("error", () => {});
    const before = api.intake.submissions.length;
    call.write(`${head}${" ".repeat(1000)}`);
    await until(() => api.intake.submissions.length > before && api.intake.received > 0);
    call.destroy();
    const failure: unknown = await api.intake.last?.catch((error) => error);
    expect(failure).toMatchObject({ name: "AbortError" });
    expect(failure).toBe(api.intake.submissions.at(-1)?.signal.reason);
    expect(api.logged).toEqual([]);
  });

  test.each([
    ["without a file", "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n", "; boundary=b"],
    ["without a boundary", "", ""],
    ["that breaks off within a file", brokenForm("</nzb>"), "; boundary=b"],
    ["that is none", "no form at all", "; boundary=b"],
  ])("refuses a form %s with 400", async (_, body, boundary) => {
    const before = api.catalog.jobs.list({ limit: 500 }).length;
    const response = await post("", body, `multipart/form-data${boundary}`);
    expect([response.status, await errorCodeOf(response)]).toEqual([400, "BAD_REQUEST"]);
    expect(api.catalog.jobs.list({ limit: 500 })).toHaveLength(before);
  });
});

describe("GET /api/v1/imports", () => {
  test("pages through imports, newest first, and ends with null", async () => {
    await using own = await startApi();
    const ids = ["a", "b", "c"].map((name) => addJob(own, name)).reverse();
    const first = (await (await own.fetch("/api/v1/imports?limit=2")).json()) as {
      imports: { id: string }[];
      next: string;
    };
    expect(first.imports.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(first.next).toBe(ids[1]);
    const last = (await (await own.fetch(`/api/v1/imports?limit=2&after=${first.next}`)).json()) as typeof first;
    expect(last).toEqual({ imports: [expect.objectContaining({ id: ids[2] })], next: null });
  });

  test("lists those in one state", async () => {
    await using own = await startApi();
    const [failed] = [addJob(own, "a"), addJob(own, "b")];
    const job = own.catalog.jobs.claim();
    expect(job?.id).toBe(failed);
    own.catalog.jobs.update(job?.id as NonNullable<typeof job>["id"], {
      state: "failed",
      error: "3 of 9 articles are missing",
      hint: "add a backup provider",
    });
    const page = await (await own.fetch("/api/v1/imports?state=failed")).json();
    expect(page).toEqual({
      imports: [
        expect.objectContaining({ id: failed, state: "failed", error: "3 of 9 articles are missing", reason: null }),
      ],
      next: null,
    });
  });

  test("filters by several states, by category and by words of the name", async () => {
    await using own = await startApi();
    for (const name of ["An Old Film", "a new film", "Something Else"]) addJob(own, name);
    own.catalog.jobs.claim();
    const found = async (query: string) => {
      const page = (await (await own.fetch(`/api/v1/imports?${query}`)).json()) as { imports: { name: string }[] };
      return page.imports.map(({ name }) => name);
    };
    expect(await found("search=FILM")).toEqual(["a new film", "An Old Film"]);
    expect(await found("state=importing,failed")).toEqual(["An Old Film"]);
    expect(await found("state=importing,queued&search=else")).toEqual(["Something Else"]);
    expect(await found("category=movies&limit=1")).toEqual(["Something Else"]);
    expect(await found("category=tv")).toEqual([]);
  });

  test("says all that is known of an import, and null for what is not", async () => {
    await using own = await startApi();
    const id = addJob(own, "film");
    const page = (await (await own.fetch("/api/v1/imports")).json()) as { imports: unknown[] };
    expect(page.imports).toEqual([
      {
        id,
        state: "queued",
        name: "film",
        nzbName: null,
        category: "movies",
        priority: "normal",
        bytes: 1000,
        fetchFrom: null,
        progress: 0,
        reason: null,
        error: null,
        code: null,
        hint: null,
        attempts: 0,
        notBefore: null,
        createdAt: expect.any(Number),
        updatedAt: expect.any(Number),
        startedAt: null,
        endedAt: null,
        isArchived: false,
        mergedInto: null,
      },
    ]);
  });

  test.each([
    "state=queued,nonsense",
    "state=nonsense",
    "limit=0",
    "limit=501",
    "limit=ten",
    "limit=-1",
    `after=${"x".repeat(5000)}`,
  ])("refuses a bad query with 400: %#", async (query) => {
    const response = await api.fetch(`/api/v1/imports?${query}`);
    expect([response.status, await errorCodeOf(response)]).toEqual([400, "BAD_REQUEST"]);
  });
});

describe("GET /api/v1/imports/{id}", () => {
  test("names the error of a failed import for programs, and when it was tried", async () => {
    await using own = await startApi();
    const id = addJob(own, "film");
    own.catalog.jobs.claim();
    own.catalog.jobs.update(id as JobId, {
      state: "failed",
      error: "it is compressed",
      errorCode: "ARCHIVE_COMPRESSED",
    });
    expect(await (await own.fetch(`/api/v1/imports/${id}`)).json()).toMatchObject({
      ...{ state: "failed", error: "it is compressed", code: "ARCHIVE_COMPRESSED", attempts: 1, position: null },
      ...{ startedAt: expect.any(Number), endedAt: expect.any(Number) },
    });
  });

  test("tells its place in the queue", async () => {
    await using own = await startApi();
    const ids = ["a", "b", "c"].map((name) => addJob(own, name));
    const places = ids.map(async (id) => (await own.fetch(`/api/v1/imports/${id}`)).json());
    expect(await Promise.all(places)).toMatchObject([{ position: 0 }, { position: 1 }, { position: 2 }]);
  });

  test("names the files that a completed import made, as they stand under /dav", async () => {
    await using own = await startApi();
    const id = addJob(own, "film");
    const job = own.catalog.jobs.claim();
    if (job === undefined) throw new Error("nothing to claim");
    addRelease(own.catalog, ["Film #1.mkv", "subs/Film.srt"], { job: job.id });
    const shown = (await (await own.fetch(`/api/v1/imports/${id}`)).json()) as { files: unknown[] };
    expect(shown).toMatchObject({ id, state: "completed", name: "film", category: "movies", progress: 1 });
    expect(shown).toMatchObject({ reason: null, error: null, hint: null });
    expect(shown.files).toHaveLength(2);
    expect(shown.files).toEqual(
      expect.arrayContaining([
        { path: "/dav/library/movies/Ein Schöner Film/Film #1.mkv", size: 100 },
        { path: "/dav/library/movies/Ein Schöner Film/subs/Film.srt", size: 100 },
      ]),
    );
  });

  test("has no files before that", async () => {
    const { id } = (await (await post("", nzb("young"), "application/x-nzb")).json()) as { id: string };
    expect(await (await api.fetch(`/api/v1/imports/${id}`)).json()).toMatchObject({ id, state: "queued", files: [] });
  });

  test.each(["nobody", "%00", "a%2Fb", "%E0%A4%A"])("answers 404 for the id %s", async (id) => {
    const response = await api.fetch(`/api/v1/imports/${id}`);
    expect([response.status, await errorCodeOf(response)]).toEqual([404, "NOT_FOUND"]);
  });
});

/** Ends in the middle of its only file, though that file would pass for whole. */
function brokenForm(end: string): string {
  return `--b\r\nContent-Disposition: form-data; name="name"; filename="a.nzb"\r\n\r\n<nzb>${end}`;
}

async function errorCodeOf(response: Response): Promise<string> {
  const { error } = (await response.json()) as { error: { code: string } };
  return error.code;
}
