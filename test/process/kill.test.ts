import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { loadSqlite } from "../../src/catalog/sqlite.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { startNewsServer } from "../../src/newsserver/news-server.ts";
import type { PostedFile } from "../../src/newsserver/posted-file.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { seededRandom } from "../random.ts";
import {
  eventually,
  type JobAnswer,
  type Product,
  postNzb,
  serve,
  serveVariables,
  tempDir,
  urlPath,
} from "./product.ts";

const RELEASES = 20;
const KILLS = 10;

interface Release {
  readonly name: string;
  readonly files: readonly PostedFile[];
}

/** Posts what nobody has confirmed yet; a process that is killed may have taken some of it without saying so. */
async function submitAll(product: Product, releases: readonly Release[], taken: Set<string>): Promise<void> {
  const left = releases.filter(({ name }) => !taken.has(name));
  await Promise.all(
    left.map(async ({ name, files }) => {
      const answer = await postNzb(product, toNzb(files), `category=test&name=${name}`).catch(lost);
      if (answer === undefined || answer.isBroken) return;
      expect([200, 202]).toContain(answer.status);
      taken.add(name);
    }),
  );
}

function lost(error: NodeJS.ErrnoException): undefined {
  if (!["ECONNRESET", "ECONNREFUSED", "EPIPE"].includes(error.code ?? "")) throw error;
}

async function listJobs(product: Product): Promise<readonly JobAnswer[]> {
  return (await product.json<{ imports: JobAnswer[] }>(`/api/v1/imports?limit=${RELEASES * 2}`)).imports;
}

/** Imports that the last process left half done. */
function queuedAgain(product: Product): number {
  const line = product.output().match(/"jobs":(\d+),"msg":"interrupted imports are queued again"/);
  return Number(line?.[1] ?? 0);
}

test("twenty imports all complete, each once and whole, however often the process is killed meanwhile", async () => {
  const random = seededRandom(20);
  const whole = (least: number, most: number) => least + Math.floor(random() * (most - least));
  await using dir = await tempDir();
  await using news = await startNewsServer({ behaviour: { rttMs: 40 } });
  const releases = Array.from({ length: RELEASES }, (_, r): Release => {
    const files = Array.from({ length: whole(2, 8) }, (_, f) =>
      news.store.addFile({
        name: `film-${r}-${f}.mkv`,
        content: patternContent(r * 10 + f, whole(20_000, 900_000)),
        partSize: whole(10_000, 60_000),
      }),
    );
    return { name: `Release-${r}`, files };
  });
  const variables = serveVariables(dir.path, news, { NEWSREEL_IMPORTS_MAX_JOBS: "4" });
  const taken = new Set<string>();
  let interrupted = 0;
  let unconfirmed = 0;

  for (let kill = 0; kill < KILLS; kill += 1) {
    await using product = await serve(variables);
    interrupted += queuedAgain(product);
    // After so many commands to the news server, and then anywhere between two system calls.
    let commandsLeft = whole(1, 16);
    const delayMs = random() * 60;
    using _tap = news.hold(() => {
      commandsLeft -= 1;
      if (commandsLeft === 0) setTimeout(() => product.kill("SIGKILL"), delayMs);
      return false;
    });
    await submitAll(product, releases, taken);
    unconfirmed += RELEASES - taken.size;
    expect(await product.ended).toEqual({ code: null, signal: "SIGKILL" });
  }
  // The kills came at all times: before a post was confirmed, and in the middle of imports.
  expect(unconfirmed).toBeGreaterThan(0);
  expect(interrupted).toBeGreaterThan(0);

  {
    await using product = await serve(variables);
    await submitAll(product, releases, taken);
    const jobs = await eventually("all imports end", async () => {
      const all = await listJobs(product);
      return all.every(({ state }) => state === "completed" || state === "failed") ? all : undefined;
    });
    expect(jobs.map(({ name, state }) => `${name} ${state}`).sort()).toEqual(
      releases.map(({ name }) => `${name} completed`).sort(),
    );
    const library = await product.json<{ entries: { name: string }[] }>("/api/v1/library?path=/library/test&limit=500");
    expect(library.entries.map(({ name }) => name).sort()).toEqual(releases.map(({ name }) => name).sort());
    for (const { id, name } of jobs) {
      const release = releases.find((one) => one.name === name) as Release;
      const { files } = await product.json<JobAnswer>(`/api/v1/imports/${id}`);
      expect(files.map(({ path, size }) => [path, size]).sort()).toEqual(
        release.files.map((file) => [`/dav/library/test/${name}/${file.name}`, file.size]).sort(),
      );
      for (const { content, name: fileName, size } of release.files) {
        const start = whole(0, size);
        const end = whole(start, size);
        const headers = { Range: `bytes=${start}-${end}` };
        const { status, body } = await product.request(urlPath(`/dav/library/test/${name}/${fileName}`), { headers });
        expect(status).toBe(206);
        expect(body.equals(content.read(start, end + 1 - start))).toBe(true);
      }
    }
    product.kill("SIGTERM");
    expect(await product.ended).toEqual({ code: 0, signal: null });
  }

  expect(await readdir(join(dir.path, "spool"))).toEqual([]);
  const db = new (loadSqlite())(join(dir.path, "catalog.db"), { readonly: true });
  expect(db.pragma("integrity_check")).toEqual([{ integrity_check: "ok" }]);
  expect(db.pragma("foreign_key_check")).toEqual([]);
  expect(db.prepare("SELECT releases FROM totals").pluck().get()).toBe(RELEASES);
  db.close();
}, 120_000);
