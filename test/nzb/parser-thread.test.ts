import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { NzbParser } from "../../src/nzb/parser-thread.ts";
import { ManualClock } from "../manual-clock.ts";
import { document, idsOf, oneFile, parse, plain, segment } from "./documents.ts";

/** The thread cannot load TypeScript, so it runs what the build made; `npm test` builds first. */
const WORKER = new URL("../../dist/nzb/parse-worker.js", import.meta.url);
const MORTAL = new URL("../fixtures/nzb/parse-or-die.js", import.meta.url);

const { signal } = new AbortController();
const bytesOf = (text: string) => Buffer.from(text);
/** Takes the thread long enough that nothing else can have happened before. */
const LONG = bytesOf(
  oneFile(Array.from({ length: 100_000 }, (_, i) => segment(i + 1, `${i}@long.example`)).join("\n")),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nzb-parser-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the parser's thread", () => {
  test("gives what parsing in this thread gives, from bytes, from a file, and from gzip", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    const text = document(
      `<head><meta type="title">T</meta><meta type="password">pä</meta></head>${Array.from(
        { length: 1203 },
        (_, f) =>
          `<file subject="&quot;${f}.ü&quot; (1/${f})" poster="p${f}" date="${f}"><groups><group>a</group></groups>${segment(2, `${f}@x`)}${segment(2, `alt${f}@x`)}${segment(3, "b ad")}</file>`,
      ).join("")}<file subject=""/>`,
    );
    const path = join(folder, "some.nzb");
    writeFileSync(path, text);
    const expected = plain(await parse(text));
    expect(plain(await parser.parse({ bytes: bytesOf(text) }, { signal }))).toEqual(expected);
    expect(plain(await parser.parse({ bytes: gzipSync(text) }, { signal }))).toEqual(expected);
    expect(plain(await parser.parse({ path }, { signal }))).toEqual(expected);
    expect(parser.stats()).toEqual({ started: 1, isRunning: true, jobs: 0 });
  });

  test("starts with the first job and not before", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    expect(parser.stats()).toEqual({ started: 0, isRunning: false, jobs: 0 });
    await parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
    expect(parser.stats().started).toBe(1);
  });

  test("does jobs in the order they came", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    const done: number[] = [];
    const jobs = [LONG, bytesOf(oneFile()), LONG, gzipSync(oneFile()), bytesOf(oneFile())].map(
      async (bytes, number) => {
        await parser.parse({ bytes }, { signal });
        done.push(number);
      },
    );
    expect(parser.stats().jobs).toBe(5);
    await Promise.all(jobs);
    expect(done).toEqual([0, 1, 2, 3, 4]);
  });

  test("leaves the caller its bytes", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    const bytes = new Uint8Array(bytesOf(oneFile()));
    await parser.parse({ bytes }, { signal });
    expect(Buffer.from(bytes).toString()).toBe(oneFile());
  });

  test("rejects with code, phrase and hint as in this thread, and the next parse works", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    for (const text of ["<html/>", "", "<nzb>", oneFile().slice(0, -20)]) {
      const { code, message, hint, name } = await parse(text).catch((error) => error);
      await expect(parser.parse({ bytes: bytesOf(text) }, { signal })).rejects.toMatchObject({
        code,
        message,
        hint,
        name,
      });
    }
    expect((await parser.parse({ bytes: bytesOf(oneFile()) }, { signal })).files).toHaveLength(1);
    expect(parser.stats().started).toBe(1);
  });

  test("passes limits on", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    await expect(parser.parse({ bytes: bytesOf(oneFile()) }, { signal, limits: { bytes: 10 } })).rejects.toMatchObject({
      code: "NZB_TOO_LARGE",
      message: "the nzb has more than 10 bytes",
    });
  });

  test("rejects with the file system's code when the file is not there", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    await expect(parser.parse({ path: join(folder, "none.nzb") }, { signal })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  test("an abort rejects with the signal's reason: before the job, while it waits, and under way", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    await expect(parser.parse({ bytes: LONG }, { signal: AbortSignal.abort("early") })).rejects.toBe("early");
    expect(parser.stats().started).toBe(0);

    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = parser.parse({ bytes: LONG }, { signal: running.signal });
    const second = parser.parse({ bytes: LONG }, { signal: waiting.signal });
    const third = parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
    waiting.abort("waiting");
    running.abort("running");
    await expect(second).rejects.toBe("waiting");
    await expect(first).rejects.toBe("running");
    expect(idsOf(await third)).toEqual(["one@example"]);
    expect(parser.stats()).toEqual({ started: 1, isRunning: true, jobs: 0 });
  });

  test("stops after a minute without a job, and starts again for the next", async () => {
    const clock = new ManualClock();
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER, clock });
    await parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
    clock.advance(59_999);
    expect(parser.stats().isRunning).toBe(true);
    await parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
    clock.advance(59_999);
    expect(parser.stats().isRunning).toBe(true);
    clock.advance(1);
    expect(parser.stats().isRunning).toBe(false);
    await parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
    expect(parser.stats()).toEqual({ started: 2, isRunning: true, jobs: 0 });
    expect(clock.timers).toBe(1);
  });

  test("is not stopped for idleness while a job is under way", async () => {
    const clock = new ManualClock();
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER, clock });
    await parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
    const parsing = parser.parse({ bytes: LONG }, { signal });
    clock.advance(600_000);
    expect((await parsing).files[0]?.segments.length).toBe(100_000);
    expect(parser.stats().started).toBe(1);
  });

  test.each(["die 1", "die 2"])(
    "when the thread dies (%s), its job is rejected and the next is done by a new one",
    async (how) => {
      await using parser = new NzbParser({ inlineBytes: 0, workerUrl: MORTAL });
      await parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
      const dying = parser.parse({ bytes: bytesOf(how) }, { signal });
      const next = parser.parse({ bytes: bytesOf(oneFile()) }, { signal });
      await expect(dying).rejects.toThrow("the nzb parser's thread died");
      expect(idsOf(await next)).toEqual(["one@example"]);
      expect(parser.stats()).toEqual({ started: 2, isRunning: true, jobs: 0 });
    },
  );

  test("an NZB that needs more memory than the thread may have is too large, and the next parse works", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER, heapMb: 12 });
    const files = Array.from({ length: 40_000 }, (_, f) => `<file subject="${f} ${"x".repeat(400)}"/>`).join("");
    const parsing = parser.parse({ bytes: bytesOf(document(files)) }, { signal });
    await expect(parsing).rejects.toMatchObject({ code: "NZB_TOO_LARGE", message: expect.stringContaining("12 MB") });
    expect((await parser.parse({ bytes: bytesOf(oneFile()) }, { signal })).files).toHaveLength(1);
  });

  test("a worker file that is not there is said to be missing", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: new URL("./no-such-worker.js", import.meta.url) });
    await expect(parser.parse({ bytes: bytesOf(oneFile()) }, { signal })).rejects.toMatchObject({
      code: "INSTALL_INCOMPLETE",
    });
  });

  test("bytes that were handed away before their turn reject their own job only", async () => {
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    const gone = new Uint8Array(bytesOf(oneFile()));
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    await expect(parser.parse({ bytes: gone }, { signal })).rejects.toThrow();
    expect((await parser.parse({ bytes: bytesOf(oneFile()) }, { signal })).files).toHaveLength(1);
  });

  test("closing rejects whoever waits, and whoever comes later; closing twice is harmless", async () => {
    const parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    const jobs = [LONG, LONG].map((bytes) =>
      expect(parser.parse({ bytes }, { signal })).rejects.toThrow("the nzb parser was closed"),
    );
    await parser[Symbol.asyncDispose]();
    await Promise.all(jobs);
    await parser[Symbol.asyncDispose]();
    await expect(parser.parse({ bytes: LONG }, { signal })).rejects.toThrow("the nzb parser was closed");
    expect(parser.stats()).toEqual({ started: 1, isRunning: false, jobs: 0 });
  });

  test("a file of 750 000 segments is read while this thread's loop goes on turning", async () => {
    const idOf = (number: number) => `${(number * 2_654_435_761).toString(36)}.${number}-1795216185879@nyuu`;
    const rows: string[] = [];
    for (let number = 1; number <= 750_000; number += 1) rows.push(segment(number, idOf(number), 700_000 + number));
    const path = join(folder, "big.nzb");
    writeFileSync(path, oneFile(rows.join("\n"), 'subject="&quot;big.mkv&quot; (1/750000)"'));
    await using parser = new NzbParser({ inlineBytes: 0, workerUrl: WORKER });
    let turns = 0;
    let isParsing = true;
    const turn = () => {
      turns += 1;
      if (isParsing) setImmediate(turn);
    };
    turn();
    const nzb = await parser.parse({ path }, { signal });
    isParsing = false;

    expect(turns).toBeGreaterThan(100);
    const [file] = nzb.files;
    expect(file).toMatchObject({ name: "big.mkv", partsHint: 750_000, rejectedIds: 0 });
    expect(file?.segments.length).toBe(750_000);
    const wrong: number[] = [];
    for (let index = 0; index < 750_000; index += 1) {
      if (file?.segments.idAt(index) !== idOf(index + 1) || file.segments.encodedSizeAt(index) !== 700_001 + index)
        wrong.push(index);
    }
    expect(wrong).toEqual([]);
  });
});
