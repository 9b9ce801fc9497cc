import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Content, patternContent } from "../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../src/newsserver/news-server.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import {
  importNzb,
  type JobAnswer,
  jobEnded,
  type Product,
  postNzb,
  readAnswer,
  serve,
  serveVariables,
  tempDir,
  urlPath,
} from "./product.ts";

/** More than kernel and program keep of it for a client that does not read. */
const FILM_BYTES = 48 * 1024 * 1024;
/** Longer than any test here lasts. */
const NO_END_MS = "600000";
/** What a stop may take, where nothing has to be waited for; a container is killed after ten seconds. */
const PROMPTLY_MS = 10_000;

let dir: Awaited<ReturnType<typeof tempDir>>;
let news: NewsServer;
let made = 0;
beforeEach(async () => {
  dir = await tempDir();
  news = await startNewsServer();
});
afterEach(async () => {
  await news.close();
  await dir[Symbol.asyncDispose]();
});

function start(graceMs: string): Promise<Product> {
  return serve(serveVariables(dir.path, news, { NEWSREEL_SHUTDOWN_GRACE_MS: graceMs }));
}

interface Film {
  readonly path: string;
  readonly content: Content;
}

async function addFilm(product: Product): Promise<Film> {
  made += 1;
  const content = patternContent(made, FILM_BYTES);
  const posted = news.store.addFile({ name: `film-${made}.mkv`, content });
  const { files } = await importNzb(product, toNzb([posted]), `Film ${made}`);
  return { path: urlPath(files[0]?.path ?? ""), content };
}

/** Opens a film and lets it flow until nothing fits any more, without reading it. */
async function openSlowly(product: Product, film: Film): Promise<IncomingMessage> {
  const response = await product.open(film.path);
  await once(response, "readable");
  return response;
}

/** Starts an import that the news server never lets come to its end. */
async function startImport(product: Product): Promise<string> {
  made += 1;
  const posted = news.store.addFile({ name: `late-${made}.mkv`, content: patternContent(made, 300_000) });
  const gate = news.hold(({ id }) => id?.startsWith(posted.idPrefix) === true);
  const { id } = JSON.parse((await postNzb(product, toNzb([posted]))).body.toString()) as JobAnswer;
  await gate.arrived();
  expect((await product.json<JobAnswer>(`/api/v1/imports/${id}`)).state).toBe("importing");
  // Closed until the news server goes: opening it is the restarted product's affair.
  openLater.set(id, () => gate.open());
  return id;
}
const openLater = new Map<string, () => void>();

async function endsPromptly(product: Product): Promise<unknown> {
  const late = new Promise((resolve) => setTimeout(() => resolve("still running"), PROMPTLY_MS).unref());
  return await Promise.race([product.ended, late]);
}

async function expectCompletedAfterRestart(id: string): Promise<void> {
  openLater.get(id)?.();
  await using restarted = await start("0");
  expect((await jobEnded(restarted, id)).state).toBe("completed");
}

const STOPPED = { code: 0, signal: null };
const QUEUED_AGAIN = '"msg":"import interrupted"';

describe("newsreel serve at SIGTERM", () => {
  test("lets a slow reader finish, and takes nobody in meanwhile", async () => {
    await using product = await start(NO_END_MS);
    const film = await addFilm(product);
    const response = await openSlowly(product, film);
    product.kill("SIGTERM");
    await product.logged("stopping");
    await expect(product.request("/healthz")).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    const { body, isBroken } = await readAnswer(response);
    expect(isBroken).toBe(false);
    expect(body.equals(film.content.read(0, FILM_BYTES))).toBe(true);
    expect(await endsPromptly(product)).toEqual(STOPPED);
  });

  test("cuts a reader off visibly after the grace period, and does the import under way after the restart", async () => {
    await using product = await start("300");
    const film = await addFilm(product);
    const id = await startImport(product);
    const response = await openSlowly(product, film);
    product.kill("SIGTERM");
    expect(await endsPromptly(product)).toEqual(STOPPED);
    const { body, isBroken } = await readAnswer(response);
    expect(isBroken).toBe(true);
    expect(body.equals(film.content.read(0, body.length))).toBe(true);
    expect(product.output()).toContain(QUEUED_AGAIN);
    await expectCompletedAfterRestart(id);
  });

  test("ends at once when nobody is connected, import or not", async () => {
    await using product = await start(NO_END_MS);
    const id = await startImport(product);
    product.kill("SIGTERM");
    expect(await endsPromptly(product)).toEqual(STOPPED);
    expect(product.output()).toContain(QUEUED_AGAIN);
    await expectCompletedAfterRestart(id);
  });

  test("ends at once when the news server no longer answers", async () => {
    await using product = await start(NO_END_MS);
    await addFilm(product);
    using _gate = news.hold(() => true);
    product.kill("SIGTERM");
    expect(await endsPromptly(product)).toEqual(STOPPED);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("is ended at once by another %s, and starts again", async (second) => {
    await using product = await start(NO_END_MS);
    const film = await addFilm(product);
    const id = await startImport(product);
    const response = await openSlowly(product, film);
    product.kill("SIGTERM");
    await product.logged("stopping");
    product.kill(second);
    expect(await endsPromptly(product)).toEqual({ code: null, signal: second });
    expect((await readAnswer(response)).isBroken).toBe(true);
    await expectCompletedAfterRestart(id);
  });
});
