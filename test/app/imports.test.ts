import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import type { Job } from "../../src/catalog/jobs.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import type { PartHeader, PostedFile } from "../../src/newsserver/posted-file.ts";
import { type NzbFileLines, toNzb } from "../../src/newsserver/write-nzb.ts";
import { seededRandom } from "../random.ts";
import { until } from "../until.ts";
import { type System, startSystem } from "./fixture.ts";
import { ListenerWatch } from "./listener-watch.ts";
import { SkippingClock } from "./skipping-clock.ts";

const PART = 20_000;

/** How often each article was fetched, and how many were only asked for. */
function asked(system: System, server = 0) {
  const { bodies, stats } = system.servers[server]?.counters ?? { bodies: new Map(), stats: new Map() };
  return { bodies: [...bodies.values()], stats: [...stats.values()] };
}

function post(system: System, name: string, size: number, more: object = {}): PostedFile {
  return system.store.addFile({ name, content: patternContent(size, size), partSize: PART, ...more });
}

/** What an NZB says of the file, with other segments. */
function lines(file: PostedFile, segments: NzbFileLines["segments"], subject = file.subject): NzbFileLines {
  const { poster, postedAt, groups } = file;
  return { subject, poster, postedAt, groups, segments };
}

/** Names and sizes of the files of an import that has completed. */
function filesOf(system: System, job: Job): readonly { readonly path: string; readonly size: number }[] {
  return job.release === undefined ? [] : system.app.catalog.releaseFiles(job.release);
}

async function readBack(system: System, path: string) {
  return await system.get(`/dav/library/${path.split("/").map(encodeURIComponent).join("/")}`);
}

/** Imports and reads the only file of the release back; fails unless it is the posted one. */
async function expectWhole(system: System, file: PostedFile, nzb = toNzb([file])): Promise<Job> {
  const job = await system.ended(await system.submit("Release", nzb));
  expect(job).toMatchObject({ state: "completed" });
  const files = filesOf(system, job);
  expect(files.map(({ size }) => size)).toEqual([file.size]);
  const answer = await readBack(system, files[0]?.path as string);
  expect(answer.body.equals(file.content.read(0, file.size))).toBe(true);
  return job;
}

describe("imports over the wire", () => {
  test("a film of equal parts costs two articles, however many it has", async () => {
    await using system = await startSystem();
    const file = post(system, "film.mkv", 400 * PART - 77);
    await system.add("Film", [file]);
    expect(asked(system)).toEqual({ bodies: [1, 1], stats: [] });
    expect([...(system.servers[0]?.counters.bodies.keys() ?? [])].sort()).toEqual([file.idOf(1), file.idOf(400)]);
  });

  test("a file of a single article costs that one", async () => {
    await using system = await startSystem();
    await expectWhole(system, post(system, "cover.jpg", 12_345));
    // Whoever reads it finds what the import has read.
    expect(asked(system)).toEqual({ bodies: [1], stats: [] });
  });

  test("a file whose parts are listed as files of their own is one file", async () => {
    await using system = await startSystem();
    const file = post(system, "film.mkv", 7 * PART + 5);
    const singles = [...file.segments].map((segment) =>
      lines(file, [{ ...segment, number: 1 }], `"film.mkv" yEnc (${segment.number}/8)`),
    );
    await expectWhole(system, file, toNzb(singles));
  });

  test("parts of unequal sizes are placed exactly", async () => {
    await using system = await startSystem();
    const partSize = [20_000, 20_000, 13_000, 1, 20_000, 50_000, 999, 20_000, 4_001];
    const size = partSize.reduce((sum, part) => sum + part, 0);
    await expectWhole(system, post(system, "film.mkv", size, { partSize }));
  });

  test.each<[string, (truth: PartHeader) => PartHeader]>([
    ["file size, too large", (truth) => ({ ...truth, fileSize: truth.fileSize * 3 })],
    ["file size, too small", (truth) => ({ ...truth, fileSize: 17 })],
    ["file size, different in each part", (truth) => ({ ...truth, fileSize: 1_000_000 + (truth.begin ?? 0) })],
    ["name", (truth) => ({ ...truth, name: `decoy-${truth.partNumber}.bin` })],
    ["number of parts", (truth) => ({ ...truth, totalParts: 3 })],
    ["part number", (truth) => ({ ...truth, partNumber: 1 })],
  ])("yEnc headers that lie about the %s do no harm", async (_what, header) => {
    await using system = await startSystem();
    await expectWhole(system, post(system, "film.mkv", 11 * PART - 3, { header }));
  });

  test("an obfuscated file is named after its release, by its content", async () => {
    await using system = await startSystem();
    const name = "b082fa0beaa644d3aa01045d5b8d0b36.mkv";
    const file = post(system, name, 3 * PART, { subject: `[1/1] - "${name}" yEnc` });
    const job = await system.ended(await system.submit("Nice.Film.2026", toNzb([file])));
    expect(filesOf(system, job).map(({ path }) => path)).toEqual(["test/Nice.Film.2026/Nice.Film.2026.mkv"]);
  });

  test("the same NZB again is the same import, and in another category the same release", async () => {
    await using system = await startSystem();
    const nzb = toNzb([post(system, "film.mkv", 3 * PART)]);
    const first = await system.ended(await system.submit("Film", nzb));
    const again = await system.submit("Another name", nzb);
    expect(again.id).toBe(first.id);
    const elsewhere = await system.ended(await system.submit("Film", nzb, "movies"));
    expect(elsewhere).toMatchObject({
      state: "completed",
      release: first.release,
      reason: "the library has this post already, as test/Film",
    });
    expect(system.app.catalog.stats()).toMatchObject({ releases: 1, files: 1 });
    expect((await readBack(system, "movies")).status).toBe(404);
  });

  test("an NZB packed with gzip is the same as the plain one", async () => {
    await using system = await startSystem();
    const nzb = toNzb([post(system, "film.mkv", 3 * PART)]);
    const packed = await system.submit("Film", gzipSync(nzb));
    expect((await system.submit("Film", nzb)).id).toBe(packed.id);
    expect(await system.ended(packed)).toMatchObject({ state: "completed" });
  });

  test("segments in any order and listed twice make the same file", async () => {
    await using system = await startSystem();
    const file = post(system, "film.mkv", 9 * PART + 1);
    const segments = [...file.segments];
    const shuffled = [...segments.slice(5).reverse(), ...segments, ...segments.slice(2, 5)];
    await expectWhole(system, file, toNzb([lines(file, shuffled)]));
  });

  test("a part that the NZB does not list is a hole: reading over it breaks off, everything else is right", async () => {
    await using system = await startSystem();
    const file = post(system, "film.mkv", 12 * PART - 9);
    const listed = [...file.segments].filter(({ number }) => number !== 6);
    const job = await system.ended(await system.submit("Film", toNzb([lines(file, listed)])));
    const [found] = filesOf(system, job);
    expect(found).toEqual({ path: "test/Film/film.mkv", size: file.size });
    const before = await readBack(system, "test/Film/film.mkv");
    expect(before).toMatchObject({ status: 200, isBroken: true });
    expect(before.body.equals(file.content.read(0, 5 * PART))).toBe(true);
    const after = await system.get("/dav/library/test/Film/film.mkv", { Range: `bytes=${6 * PART}-` });
    expect(after.body.equals(file.content.read(6 * PART, 6 * PART - 9))).toBe(true);
    const inside = await system.get("/dav/library/test/Film/film.mkv", { Range: `bytes=${5 * PART}-${5 * PART + 9}` });
    expect(inside.status).toBe(502);
  });

  test("a post that is gone fails after twelve articles, and says so", async () => {
    await using system = await startSystem({ providers: [{}, {}] });
    for (const server of system.servers) server.behave({ faults: () => "missing" });
    const job = await system.ended(await system.submit("Film", toNzb([post(system, "film.mkv", 400 * PART)])));
    expect(job).toMatchObject({
      state: "failed",
      error: "12 of 12 sampled articles are missing on all providers",
      hint: expect.stringContaining("another"),
    });
    for (const server of [0, 1]) {
      const { bodies, stats } = asked(system, server);
      expect([...bodies, ...stats]).toEqual(Array(12).fill(1));
    }
    expect(system.app.catalog.stats()).toMatchObject({ releases: 0, files: 0 });
  });

  test("what is merely called a volume of an archive is a file of its own, and the import says so", async () => {
    await using system = await startSystem();
    const volumes = [1, 2, 3].map((number) => post(system, `film.part0${number}.rar`, 3 * PART + number));
    const job = await system.ended(await system.submit("Film", toNzb(volumes)));
    expect(job).toMatchObject({
      state: "completed",
      reason: "3 files kept as posted: called an archive, and does not begin like one",
    });
    expect(filesOf(system, job).map(({ path }) => path.split("/").at(-1))).toEqual(volumes.map(({ name }) => name));
  });

  test("a password in the NZB's name is kept, and is no part of the release's name", async () => {
    await using system = await startSystem();
    const nzb = toNzb([post(system, "film.mkv", PART)]);
    const job = await system.ended(await system.submit("Film (2026){{hunter2}}", nzb));
    expect(job).toMatchObject({ state: "completed", name: "Film (2026)" });
    expect(system.app.catalog.jobs.source(job.id).passwords).toEqual(["hunter2"]);
    expect(filesOf(system, job).map(({ path }) => path)).toEqual(["test/Film (2026)/film.mkv"]);
    expect(JSON.stringify(system.logged)).not.toContain("hunter2");
  });
});

test("imports run where every provider is a backup", async () => {
  await using system = await startSystem({ providers: [{ backup: true }] });
  const job = await system.ended(await system.submit("Film", toNzb([post(system, "film.mkv", 5 * PART)])));
  expect(job.state).toBe("completed");
});

describe("what an import leaves", () => {
  test("no signal gets more listeners than it allows, and none stays behind", async () => {
    await using system = await startSystem();
    const { pool } = system.app;
    const watch = new ListenerWatch();
    Object.assign(pool, watch.over({ body: pool.body.bind(pool), stat: pool.stat.bind(pool) }));
    const random = seededRandom(5);
    const partSize = Array.from({ length: 120 }, () => 1_000 + Math.floor(random() * 9_000));
    const size = partSize.reduce((sum, part) => sum + part, 0);
    await system.add("Film", [post(system, "film.mkv", size, { partSize })]);
    expect(asked(system).bodies).toEqual(Array(120).fill(1));
    expect(watch.most).toBeGreaterThan(0);
    expect(watch.overfull).toBe(0);
    expect(watch.left()).toBe(0);
  });
});

describe("imports while a provider cannot be asked", () => {
  const troubles: readonly [string, Parameters<System["servers"][number]["behave"]>[0], RegExp][] = [
    ["is down", { greetingFault: "closeBeforeGreeting" }, /127\.0\.0\.1.*; next try in \d+ s$/],
    ["says nothing to anybody who connects", { greetingFault: "hangBeforeGreeting" }, /127\.0\.0\.1.*; next try in/],
    ["says nothing when asked", { faults: () => "hangInsteadOfReply" }, /127\.0\.0\.1.*; next try in/],
    [
      "refuses the login",
      { loginRefusal: "481 Authentication failed" },
      /127\.0\.0\.1.* refused to log in: 481.*; next try in/,
    ],
  ];

  test.each(troubles)(
    "one that %s makes the import wait, with the reason; it completes when all is well",
    async (_what, trouble, reason) => {
      const clock = new SkippingClock();
      await using system = await startSystem({
        clock,
        providers: [{ timeoutMs: 150, username: "reader", password: "sesame" }],
      });
      const [server] = system.servers;
      server?.behave(trouble);
      const { id } = await system.submit("Film", toNzb([post(system, "film.mkv", 30 * PART)]));
      const job = () => system.app.catalog.jobs.get(id);
      await until(() => job()?.state === "waiting");
      expect(job()?.reason).toMatch(reason);
      expect(job()?.error).toBeUndefined();
      server?.behave({ greetingFault: undefined, loginRefusal: undefined, faults: new Map() });
      // Providers that refused a login are left alone for longer than a job waits.
      await until(() => {
        if (job()?.state === "waiting") clock.skip(60_000);
        return job()?.state === "completed";
      });
      expect(system.logged.filter(({ message }) => message === "import failed")).toEqual([]);
      expect(JSON.stringify(system.logged)).not.toContain("sesame");
    },
  );
});
