import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Job } from "../../src/catalog/jobs.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { run } from "../cli/run.ts";
import { WebServer } from "../import/web-server.ts";
import { zipOf } from "../import/zip-of.ts";
import { until } from "../until.ts";
import { RawClient } from "../webdav/raw-client.ts";
import { AUTHORIZATION, type System, startSystem } from "./fixture.ts";

let system: System;
let indexer: WebServer;
let posted = 0;
const watched = mkdtempSync(join(tmpdir(), "newsreel-watched-"));

beforeAll(async () => {
  indexer = await WebServer.open();
  system = await startSystem({
    settings: {
      // What the tests read must not hold up what they import.
      "imports.maxJobsWhileStreaming": 2,
      "imports.allowPrivateUrls": true,
      "imports.watchFolder": watched,
      "imports.watchMs": 100,
    },
  });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await indexer[Symbol.asyncDispose]();
  rmSync(watched, { recursive: true });
});

/** The NZB of a post that nobody has imported. */
function freshNzb(): Buffer {
  posted += 1;
  const content = patternContent(posted, 50_000 + posted);
  return Buffer.from(toNzb([system.store.addFile({ name: `film-${posted}.mkv`, content, partSize: 20_000 })]));
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Sends a body with Content-Length, or chunk by chunk when it is a list. */
function send(method: string, path: string, body: Buffer | readonly Buffer[], type?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: AUTHORIZATION,
      ...(type === undefined ? {} : { "Content-Type": type }),
      ...(Buffer.isBuffer(body) ? {} : { "Transfer-Encoding": "chunked" }),
    };
    const request = http.request(new URL(path, system.app.url), { method, agent: false, headers });
    request.on("error", reject);
    request.on("response", async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    });
    if (Buffer.isBuffer(body)) {
      request.end(body);
      return;
    }
    for (const chunk of body as readonly Buffer[]) request.write(chunk);
    request.end();
  });
}

const put = (path: string, body: Buffer | readonly Buffer[]) => send("PUT", `/dav/nzbs/${path}`, body);

function postForm(query: string, files: readonly (readonly [name: string, bytes: Buffer])[]): Promise<Response> {
  const form = new FormData();
  for (const [name, bytes] of files) form.append("nzbfile", new Blob([bytes]), name);
  const url = new URL(`/api/v1/imports${query}`, system.app.url);
  return fetch(url, { method: "POST", body: form, headers: { Authorization: AUTHORIZATION } });
}

const newestJob = () => system.app.catalog.jobs.list({ limit: 1 })[0] as Job;
const jobCount = () => Object.values(system.app.catalog.jobs.counts()).reduce((sum, count) => sum + count, 0);
const spooled = () => readdirSync(join(system.dataDir, "spool")).length;

describe("PUT to /dav/nzbs/<category>/", () => {
  test.each<[string, (nzb: Buffer) => Buffer | readonly Buffer[]]>([
    ["with Content-Length", (nzb) => nzb],
    ["chunked", (nzb) => [nzb.subarray(0, 100), nzb.subarray(100)]],
    ["packed with gzip", (nzb) => gzipSync(nzb)],
  ])("imports into a category that was made before, %s", async (how, encode) => {
    const category = `new ${how}`;
    const made = await system.get(`/dav/nzbs/${encodeURIComponent(category)}`, {}, "MKCOL");
    expect(made.status).toBe(201);
    const nzb = encode(freshNzb());
    const reply = await put(`${encodeURIComponent(category)}/Film.nzb`, nzb);
    expect(reply.status).toBe(201);
    const job = await system.ended(newestJob());
    expect(job).toMatchObject({ state: "completed", category, name: "Film" });
    const film = await system.get(`/dav/library/${encodeURIComponent(category)}/Film/film-${posted}.mkv`);
    expect(film.body.equals(patternContent(posted, 50_000 + posted).read(0, 50_000 + posted))).toBe(true);
    const seen = await system.get(`/dav/nzbs/${encodeURIComponent(category)}/Film.nzb`, { Depth: "0" }, "PROPFIND");
    expect(seen.status).toBe(207);
    const size = Buffer.isBuffer(nzb) ? nzb.length : Buffer.concat(nzb as Buffer[]).length;
    expect(seen.body.toString()).toContain(`getcontentlength>${size}<`);
  });

  test("the same file again replaces it, and is the same import", async () => {
    const nzb = freshNzb();
    expect((await put("tv/Film.nzb", nzb)).status).toBe(201);
    const jobs = jobCount();
    expect((await put("tv/Film.nzb", nzb)).status).toBe(204);
    expect(jobCount()).toBe(jobs);
  });

  test.each<[string, string, Buffer | readonly Buffer[], number, string]>([
    ["a category that nobody made", "nowhere/film.nzb", Buffer.from("bytes"), 409, "the folder to put the file into"],
    ["a folder that nobody made", "tv/folder/film.nzb", Buffer.from("bytes"), 409, "the folder to put the file into"],
    ["bytes that are no XML", "tv/bad.nzb", Buffer.from([0, 255, 1, 2, 3]), 422, "this is no nzb"],
    ["a web page", "tv/bad.nzb", Buffer.from("<!DOCTYPE html><html><p>Log in</html>"), 422, "a web page was received"],
    ["an NZB that is cut off", "tv/bad.nzb", Buffer.from('<?xml version="1.0"?><nzb><file'), 422, "the nzb is cut off"],
    ["broken gzip", "tv/bad.nzb.gz", Buffer.from("1f8b0800deadbeef", "hex"), 422, "gzip"],
  ])("refuses %s, and says why", async (_what, path, body, status, reason) => {
    const jobs = jobCount();
    const reply = await put(path, body);
    expect([reply.status, reply.text]).toEqual([status, expect.stringContaining(reason)]);
    expect([jobCount(), spooled()]).toEqual([jobs, 0]);
    expect((await system.get(`/dav/nzbs/${path}`, { Depth: "0" }, "PROPFIND")).status).toBe(404);
    const text = await system.get(`/dav/nzbs/${path}.error.txt`);
    expect([text.status, text.body.toString().includes(reason)]).toEqual(status === 422 ? [200, true] : [404, false]);
  });

  test.each<[string, string, Buffer | readonly Buffer[]]>([
    ["an empty NZB, which waits for its content", "tv/empty.nzb", Buffer.alloc(0)],
    ["the same, chunked", "tv/chunked.nzb", []],
    ["a file that is no NZB yet", "tv/film.nzb.partial", Buffer.from("bytes")],
  ])("keeps %s", async (_what, path, body) => {
    const jobs = jobCount();
    expect((await put(path, body)).status).toBe(201);
    expect([jobCount(), spooled()]).toEqual([jobs, 0]);
    expect((await system.get(`/dav/nzbs/${path}`, { Depth: "0" }, "PROPFIND")).status).toBe(207);
  });

  test("imports into a category called default what is put beside the categories", async () => {
    expect((await put("Beside.nzb", freshNzb())).status).toBe(201);
    expect(newestJob()).toMatchObject({ category: "default", name: "Beside" });
  });

  test("refuses a category that is no folder name, and says why", async () => {
    await system.get("/dav/nzbs/a%3Ab", {}, "MKCOL");
    const reply = await put("a%3Ab/film.nzb", freshNzb());
    expect([reply.status, reply.text]).toEqual([400, expect.stringContaining("is no folder name")]);
  });
});

describe("POST /api/v1/imports", () => {
  test.each<[string, (nzb: Buffer) => Buffer]>([
    ["plain", (nzb) => nzb],
    ["packed with gzip", gzipSync],
  ])("takes the NZB as the body, %s", async (_how, encode) => {
    const path = "/api/v1/imports?category=movies&name=Der%20gr%C3%B6%C3%9Fte%20Film";
    const reply = await send("POST", path, encode(freshNzb()), "application/x-nzb");
    expect(reply.status).toBe(202);
    const { id } = JSON.parse(reply.text) as { id: string };
    const job = await system.ended(system.app.catalog.jobs.get(id) as Job);
    expect(job).toMatchObject({ state: "completed", category: "movies", name: "Der größte Film" });
  });

  test("takes several files of a form, each under its name, whatever its script", async () => {
    const names = ["Größe – Teil 1", "映画 2", "Фильм 3"];
    const response = await postForm(
      "?category=movies",
      names.map((name) => [`${name}.nzb`, freshNzb()] as const),
    );
    expect(response.status).toBe(202);
    const answers = (await response.json()) as { id: string }[];
    const jobs = await Promise.all(answers.map(({ id }) => system.ended(system.app.catalog.jobs.get(id) as Job)));
    expect(jobs.map(({ state, name }) => [state, name])).toEqual(names.map((name) => ["completed", name]));
    const film = await system.get(`/dav/library/movies/${encodeURIComponent("映画 2")}/film-${posted - 1}.mkv`);
    expect(film.body).toHaveLength(50_000 + posted - 1);
  });

  test("a bad file among good ones is refused by name, the others are taken", async () => {
    const response = await postForm("", [
      ["good.nzb", freshNzb()],
      ["bad.nzb", Buffer.from("no nzb")],
      ["gut.nzb", freshNzb()],
    ]);
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual([
      expect.objectContaining({ id: expect.any(String) }),
      { name: "bad.nzb", error: expect.objectContaining({ code: "NZB_MALFORMED" }) },
      expect.objectContaining({ id: expect.any(String) }),
    ]);
  });

  test.each<[string, Buffer, string]>([
    ["rubbish", Buffer.from("no nzb"), "NZB_MALFORMED"],
    ["nothing", Buffer.alloc(0), "NZB_MALFORMED"],
  ])("refuses %s with 400", async (_what, body, code) => {
    const reply = await send("POST", "/api/v1/imports", body, "application/x-nzb");
    expect([reply.status, JSON.parse(reply.text)]).toEqual([400, { error: expect.objectContaining({ code }) }]);
    expect(spooled()).toBe(0);
  });
});

describe("newsreel import", () => {
  test("imports a file and prints the paths of what it holds", async () => {
    await writeFile(join(system.dataDir, "A Film (2026){{hunter2}}.nzb"), freshNzb());
    const { code, stdout } = await newsreelImport("A Film (2026){{hunter2}}.nzb");
    expect([code, stdout]).toEqual([0, `/dav/library/movies/A Film (2026)/film-${posted}.mkv\n`]);
    expect(system.app.catalog.jobs.source(newestJob().id).passwords).toEqual(["hunter2"]);
  });

  test("says what is wrong with a file that is no NZB", async () => {
    await writeFile(join(system.dataDir, "bad.nzb"), "no nzb");
    const { code, stderr } = await newsreelImport("bad.nzb");
    expect([code, stderr]).toEqual([1, expect.stringContaining("bad.nzb: ")]);
  });
});

/** Puts a file into the watched folder and waits until it was dealt with. */
async function watch(category: string, name: string, bytes: Buffer): Promise<void> {
  mkdirSync(join(watched, category), { recursive: true });
  writeFileSync(join(watched, category, name), bytes);
  await until(() => existsSync(join(watched, "_done", name)));
}

function newsreelImport(file: string) {
  const url = new URL(system.app.url);
  url.username = "tester";
  url.password = "secret";
  return run(["import", "--category", "movies", file], { cwd: system.dataDir, env: { NEWSREEL_URL: url.href } });
}

describe("all ways in", () => {
  test("make one import of one NZB", async () => {
    const nzb = freshNzb();
    const jobs = jobCount();
    expect((await put("movies/Same.nzb", nzb)).status).toBe(201);
    const { id } = newestJob();
    const raw = await send("POST", "/api/v1/imports?category=movies", gzipSync(nzb), "application/x-nzb");
    expect([raw.status, JSON.parse(raw.text)]).toEqual([200, expect.objectContaining({ id })]);
    const form = await postForm("?category=movies", [["Other.nzb", nzb]]);
    expect([form.status, await form.json()]).toEqual([200, expect.objectContaining({ id })]);
    const zip = zipOf([{ name: "Zipped.nzb", bytes: nzb }]);
    const zipped = await send("POST", "/api/v1/imports?category=movies", zip, "application/zip");
    expect([zipped.status, zipped.text]).toEqual([200, expect.stringContaining(id)]);
    await watch("movies", "Watched.nzb", nzb);
    await watch("movies", "Watched.zip", zip);
    await writeFile(join(system.dataDir, "Same.nzb"), nzb);
    const { stdout } = await newsreelImport("Same.nzb");
    expect(stdout).toBe(`/dav/library/movies/Same/film-${posted}.mkv\n`);
    expect(jobCount()).toBe(jobs + 1);
    // A fetch is a job until it is known what comes.
    const url = indexer.at("/get?apikey=geheim", nzb, { "Content-Disposition": "attachment; filename=Fetched.nzb" });
    const fetch = system.app.intake.submitUrl({ url, category: "movies" }).job;
    await until(() => system.app.catalog.jobs.get(fetch.id)?.state === "cancelled");
    const merged = await system.get(`/api/v1/imports/${fetch.id}`);
    const reason = expect.stringContaining(id);
    expect(JSON.parse(merged.body.toString())).toMatchObject({ state: "cancelled", mergedInto: id, reason });
    expect(await newsreelImport(url)).toMatchObject({ code: 0, stdout });
    expect(jobCount()).toBe(jobs + 3);
    expect(JSON.stringify(system.logged)).not.toContain("geheim");
  });

  test("bring the same bytes into the library, whichever of them comes first", async () => {
    const completed = async (name: string) => {
      await until(() => newestJob().name === name);
      expect(await system.ended(newestJob())).toMatchObject({ state: "completed", category: "movies", name });
      const film = await system.get(`/dav/library/movies/${name}/film-${posted}.mkv`);
      expect(film.body.equals(patternContent(posted, 50_000 + posted).read(0, 50_000 + posted))).toBe(true);
    };
    await watch("movies", "ByWatching.nzb", freshNzb());
    await completed("ByWatching");
    await send(
      "POST",
      "/api/v1/imports?category=movies",
      zipOf([{ name: "ByZip.nzb", bytes: freshNzb() }]),
      "application/zip",
    );
    await completed("ByZip");
    const url = indexer.at("/film", gzipSync(freshNzb()), { "X-DNZB-Name": "ByUrl" });
    system.app.intake.submitUrl({ url, category: "movies" });
    await completed("ByUrl");
  });

  test("make one job of one NZB that comes a thousand times at once", async () => {
    const nzb = freshNzb();
    const forms = [nzb, gzipSync(nzb), zipOf([{ name: "Same.nzb", bytes: nzb }])];
    const jobs = jobCount();
    const bodies = Array.from({ length: 940 }, (_, index) => forms[index % forms.length] as Buffer);
    const within = bodies.map(async (bytes, index) => {
      const body = (async function* () {
        yield bytes;
      })();
      const { signal } = new AbortController();
      const results = await system.app.intake.submitBundle({ body, fileName: `${index}.nzb`, category: "tv", signal });
      const { outcome } = results[0] as (typeof results)[number];
      return "job" in outcome ? outcome.job.id : outcome.error;
    });
    const sent = Array.from({ length: 50 }, async () => {
      const { text } = await send("POST", "/api/v1/imports?category=tv", nzb, "application/x-nzb");
      return (JSON.parse(text) as { id: string }).id;
    });
    const dropped = Array.from({ length: 10 }, (_, index) => put(`tv/thousand-${index}.nzb`, nzb));
    const ids = new Set(await Promise.all([...within, ...sent]));
    expect((await Promise.all(dropped)).map(({ status }) => status)).toEqual(dropped.map(() => 201));
    expect(ids.size).toBe(1);
    expect([jobCount(), spooled()]).toEqual([jobs + 1, 0]);
  });

  const BOUNDARY = "border";
  const PART_HEAD = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="nzbfile"; filename="a.nzb"\r\n\r\n`;
  test.each<[string, string, (nzb: Buffer) => string]>([
    ["PUT", "PUT /dav/nzbs/movies/Cut.nzb", (nzb) => `Content-Length: ${nzb.length + 9}\r\n\r\n`],
    [
      "chunked PUT",
      "PUT /dav/nzbs/movies/Cut.nzb",
      (nzb) => `Transfer-Encoding: chunked\r\n\r\n${nzb.length.toString(16)}\r\n`,
    ],
    ["POST", "POST /api/v1/imports", (nzb) => `Content-Length: ${nzb.length + 9}\r\n\r\n`],
    [
      "POST of a form",
      "POST /api/v1/imports",
      (nzb) =>
        `Content-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: ${nzb.length + 999}\r\n\r\n${PART_HEAD}`,
    ],
  ])("leave nothing of a %s that is cut off, even right after the NZB's last byte", async (_how, requestLine, head) => {
    const jobs = jobCount();
    const nzb = freshNzb();
    const client = await RawClient.open(Number(new URL(system.app.url).port));
    client.send(`${requestLine} HTTP/1.1\r\nHost: a\r\nAuthorization: ${AUTHORIZATION}\r\n${head(nzb)}`);
    client.send(nzb);
    await until(() => spooled() === 1);
    client.socket.destroy();
    await client.closed;
    await until(() => spooled() === 0);
    // Whatever that request still did would have come before this one's answer.
    expect((await system.get("/dav/nzbs/movies/Cut.nzb", { Depth: "0" }, "PROPFIND")).status).toBe(404);
    expect(jobCount()).toBe(jobs);
  });
});
