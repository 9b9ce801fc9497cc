import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { loadSqlite } from "../../../src/catalog/sqlite.ts";
import { patternContent } from "../../../src/newsserver/content.ts";
import { type NewsServer, startNewsServer } from "../../../src/newsserver/news-server.ts";
import { toNzb } from "../../../src/newsserver/write-nzb.ts";
import {
  importNzb,
  postNzb,
  runProgram,
  serve,
  serveVariables,
  tempDir,
  urlPath,
  type Variables,
} from "../../process/product.ts";
import { seededRandom } from "../../random.ts";

const PAGE = 4096;

type Folder = Awaited<ReturnType<typeof tempDir>>;

let news: NewsServer;
/** A sound library, of which each test spoils a copy. */
let sound: Folder;
let dir: Folder;
let file: string;
beforeAll(async () => {
  news = await startNewsServer();
  sound = await tempDir();
  await makeLibrary(sound.path);
});
afterAll(async () => {
  await news.close();
  await sound[Symbol.asyncDispose]();
});
beforeEach(async () => {
  dir = await tempDir();
  file = join(dir.path, "catalog.db");
  copyFileSync(join(sound.path, "catalog.db"), file);
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

/** A library of one film, whose server has ended. */
async function makeLibrary(dataDir: string): Promise<void> {
  await using product = await serve(serveVariables(dataDir, news));
  const film = news.store.addFile({ name: "film.mkv", content: patternContent(1, 3_000_000), partSize: 1_000 });
  expect((await importNzb(product, toNzb([film]), "Film")).state).toBe("completed");
  product.kill("SIGTERM");
  expect(await product.ended).toEqual({ code: 0, signal: null });
}

/** What a start that fails says: one sentence and what to do, exit code 1, no stack. */
async function refusal(variables: Variables): Promise<string> {
  await using child = runProgram(["serve"], variables);
  expect(await child.ended).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toMatch(/^newsreel: [^\n]+\n {2}[^\n]+\n$/);
  expect(child.output()).not.toMatch(/^\s+at |node:internal|should not happen/m);
  return child.stderr();
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function spoil(change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

/** Page of the root of a table's tree, counted from 1. */
function rootPage(table: string): number {
  const db = new (loadSqlite())(file, { readonly: true });
  const page = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").pluck().get(table);
  db.close();
  return Number(page);
}

describe("newsreel serve refuses a catalog that it cannot use, says what to do, and leaves it as it was", () => {
  const RESTORE = /Move it away .* restore a backup, or start with an empty library/;

  test.each<[string, string, () => void]>([
    [
      "random bytes in the middle of its pages",
      "the file is damaged",
      () => {
        const random = seededRandom(1);
        spoil((bytes) => {
          for (let start = PAGE; start < bytes.length; start += PAGE) {
            for (let at = start + 1000; at < start + 3000; at += 1) bytes[at] = Math.floor(random() * 256);
          }
        });
      },
    ],
    [
      "a single damaged page of the table that says what there is",
      "the file is damaged",
      () => {
        const root = rootPage("entry");
        spoil((bytes) => bytes.fill(0xee, (root - 1) * PAGE, root * PAGE));
      },
    ],
    [
      "half of it missing",
      "the file is damaged",
      () => truncateSync(file, Math.floor(readFileSync(file).length / 2 / PAGE) * PAGE),
    ],
    ["zeros at its head", "it is not a database", () => spoil((bytes) => bytes.fill(0, 0, 8 * PAGE))],
    [
      "nothing of a database in it",
      "it is not a database",
      () => writeFileSync(file, "PK\u0003\u0004 this is a zip ".repeat(2000)),
    ],
  ])("with %s: %s", async (_, sentence, damage) => {
    damage();
    const before = digest(file);
    const text = await refusal(serveVariables(dir.path, news));
    expect(text).toContain(`cannot open the catalog ${file}: ${sentence}`);
    expect(text).toMatch(RESTORE);
    expect(digest(file)).toBe(before);
  });

  test("of another program", async () => {
    rmSync(file);
    const foreign = new (loadSqlite())(file);
    foreign.exec("CREATE TABLE theirs (a)");
    foreign.close();
    const before = digest(file);
    const text = await refusal(serveVariables(dir.path, news));
    expect(text).toContain(`${file} is a database of another program`);
    expect(text).toContain("NEWSREEL_DATA_DIR");
    expect(digest(file)).toBe(before);
  });
});

test("damage that shows itself later is one line in the log and a 503; what is intact is served, and nothing more is written", async () => {
  const root = rootPage("segment_chunk");
  spoil((bytes) => bytes.fill(0xee, (root - 1) * PAGE, root * PAGE));
  // Twice, since nobody should have to start it by hand again and again either.
  for (let start = 0; start < 2; start += 1) {
    await using product = await serve(serveVariables(dir.path, news));
    for (let times = 0; times < 3; times += 1) {
      const film = await product.request(urlPath("/dav/library/test/Film/film.mkv"));
      expect(film.status).toBe(503);
      expect(film.body.toString()).toContain("the file is damaged");
      expect(film.body.toString()).toContain("restore a backup");
    }
    const lines = product
      .output()
      .split("\n")
      .filter((line) => line.includes("the file is damaged"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`cannot use the catalog ${file}`);
    expect((await product.request("/dav/library/test/", { method: "PROPFIND", headers: { Depth: "1" } })).status).toBe(
      207,
    );
    const taken = await postNzb(
      product,
      toNzb([news.store.addFile({ name: `new-${start}.mkv`, content: patternContent(2, 1000) })]),
    );
    expect(taken.status).toBe(503);
    expect((await product.request("/dav/library/test/new", { method: "MKCOL" })).status).toBe(503);
    const ready = await product.json<{ checks: Record<string, { ok: boolean }> }>("/readyz");
    expect(ready.checks["catalog"]).toMatchObject({ ok: false });
    expect((await product.request("/healthz")).status).toBe(200);
    product.kill("SIGTERM");
    expect(await product.ended).toEqual({ code: 0, signal: null });
  }
});

test("segments that cannot be unpacked any more are a 503 that says so, and no other file is touched by it", async () => {
  const db = new (loadSqlite())(file);
  db.exec("UPDATE segment_chunk SET data = substr(data, 1, 100)");
  db.close();
  await using product = await serve(serveVariables(dir.path, news));
  const film = await product.request(urlPath("/dav/library/test/Film/film.mkv"));
  expect(film.status).toBe(503);
  expect(film.body.toString()).toMatch(/the segments of post 1 are damaged\n.*restore a backup/);
  const added = news.store.addFile({ name: "new.mkv", content: patternContent(3, 1000) });
  expect((await importNzb(product, toNzb([added]), "New")).state).toBe("completed");
});
