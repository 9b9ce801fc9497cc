import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { patternContent } from "../../../../src/newsserver/content.ts";
import { startNewsServer } from "../../../../src/newsserver/news-server.ts";
import { toNzb } from "../../../../src/newsserver/write-nzb.ts";
import {
  eventually,
  importNzb,
  type JobAnswer,
  jobEnded,
  type Product,
  postNzb,
  runProgram,
  serve,
  serveVariables,
  tempDir,
  urlPath,
} from "../../../process/product.ts";
import { audit } from "../audit.ts";
import { openSmallDisk } from "./small-disk.ts";

const MB = 2 ** 20;
const SENTENCE = /the disk is full/;
const ADVICE = /[Mm]ake room on the disk of the data folder/;

interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

async function idOf(answer: ReturnType<typeof postNzb>): Promise<string> {
  return (JSON.parse((await answer).body.toString()) as JobAnswer).id;
}

async function catalogCheck(product: Product): Promise<{ readonly ok: boolean; readonly words: string }> {
  const { checks } = await product.json<{ checks: Record<string, { ok: boolean; words: string }> }>("/readyz");
  return checks["catalog"] as { ok: boolean; words: string };
}

test("a disk that fills up during an import costs nothing: what is queued stays, what is there is served, and all go on once there is room", async () => {
  await using dir = await tempDir();
  await using disk = await openSmallDisk(16 * MB);
  await using news = await startNewsServer();
  const post = (number: number, bytes: number, partSize: number) =>
    news.store.addFile({ name: `film-${number}.mkv`, content: patternContent(number, bytes), partSize });
  const films = [post(0, 300_000, 50_000), post(1, 40 * MB, 2_000), post(2, 300_000, 50_000)];
  const [there, coming, late] = films.map((film) => toNzb([film])) as [string, string, string];
  await using product = await serve(serveVariables(disk.path, news), undefined, disk.launcher);
  expect((await importNzb(product, there, "there")).state).toBe("completed");

  // The import has begun when the disk fills up: its release, of 20 000 segments, does not fit any more.
  using gate = news.hold((command) => command.verb === "BODY");
  const started = await idOf(postNzb(product, coming, "category=test&name=coming"));
  await gate.arrived();
  await disk.fill();
  gate.open();
  // Not even that it waits can be written down, so the log says it.
  expect(await product.logged("import waits")).toMatchObject({
    job: started,
    reason: expect.stringMatching(SENTENCE),
    hint: expect.stringMatching(ADVICE),
  });

  const refused = await postNzb(product, late, "category=test&name=late");
  expect(refused.status).toBe(507);
  const { error } = JSON.parse(refused.body.toString()) as Refusal;
  expect(error).toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(SENTENCE),
    hint: expect.stringMatching(ADVICE),
  });
  const dropped = await product.request("/dav/nzbs/test/late.nzb", { method: "PUT", body: late });
  expect(dropped.status).toBe(507);
  expect(dropped.body.toString()).toMatch(SENTENCE);
  expect(await catalogCheck(product)).toMatchObject({ ok: false });
  const { body } = await product.request(urlPath("/dav/library/test/there/film-0.mkv"));
  expect(body.equals(patternContent(0, 300_000).read(0, 300_000))).toBe(true);

  await disk.makeRoom();
  await eventually("the catalog can be written again", async () => (await catalogCheck(product)).ok || undefined);
  expect((await importNzb(product, late, "late")).state).toBe("completed");
  expect((await jobEnded(product, started)).files).toEqual([
    { path: "/dav/library/test/coming/film-1.mkv", size: 40 * MB },
  ]);

  product.kill("SIGTERM");
  expect(await product.ended).toEqual({ code: 0, signal: null });
  const copy = join(dir.path, "catalog.db");
  await copyFile(join(disk.outside, "catalog.db"), copy);
  expect(audit(copy)).toEqual({ findings: [], releases: 3, jobs: { completed: 3 } });
}, 60_000);

test("a program that was killed on a full disk refuses to start there in one sentence, and finishes what was queued once there is room", async () => {
  await using disk = await openSmallDisk(16 * MB);
  await using news = await startNewsServer();
  const films = [0, 1].map((number) =>
    news.store.addFile({ name: `film-${number}.mkv`, content: patternContent(number, 300_000), partSize: 50_000 }),
  );
  const [there, coming] = films.map((film) => toNzb([film])) as [string, string];
  const variables = serveVariables(disk.path, news);
  let started: string;
  {
    await using product = await serve(variables, undefined, disk.launcher);
    expect((await importNzb(product, there, "there")).state).toBe("completed");
    using gate = news.hold((command) => command.verb === "BODY");
    started = await idOf(postNzb(product, coming, "category=test&name=coming"));
    await gate.arrived();
    await disk.fill();
    product.kill("SIGKILL");
    await product.ended;
  }
  await using refused = runProgram(["serve"], variables, disk.launcher);
  expect(await refused.ended).toEqual({ code: 1, signal: null });
  expect(refused.stderr()).toMatch(
    /^newsreel: [^\n]*the disk is full\n {2}Make room on the disk of the data folder[^\n]*\n$/,
  );
  await disk.makeRoom();
  await using product = await serve(variables, undefined, disk.launcher);
  expect((await jobEnded(product, started)).state).toBe("completed");
}, 60_000);

test("a library on a disk that was mounted read-only is refused in one sentence and left alone, and taken when that is over", async () => {
  await using disk = await openSmallDisk(16 * MB);
  await using news = await startNewsServer();
  const film = news.store.addFile({ name: "film.mkv", content: patternContent(1, 300_000), partSize: 50_000 });
  const variables = serveVariables(disk.path, news);
  {
    await using product = await serve(variables, undefined, disk.launcher);
    expect((await importNzb(product, toNzb([film]), "Film")).state).toBe("completed");
    product.kill("SIGTERM");
    await product.ended;
  }
  await disk.remount("ro");
  const before = await readFile(join(disk.outside, "catalog.db"));
  await using refused = runProgram(["serve"], variables, disk.launcher);
  expect(await refused.ended).toEqual({ code: 1, signal: null });
  expect(refused.stderr()).toMatch(/^newsreel: [^\n]+written[^\n]*\n {2}[^\n]+\n$/);
  expect(refused.stderr()).toContain(disk.path);
  expect(await readFile(join(disk.outside, "catalog.db"))).toEqual(before);
  await disk.remount("rw");
  await using product = await serve(variables, undefined, disk.launcher);
  const { status } = await product.request(urlPath("/dav/library/test/Film/film.mkv"), { method: "HEAD" });
  expect(status).toBe(200);
}, 60_000);
