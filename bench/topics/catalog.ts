import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { MessageId } from "../../src/base/message-id.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { NzbParser } from "../../src/nzb/parser-thread.ts";
import type { FileTimes } from "../catalog-side.ts";
import { startChild } from "../child.ts";
import { type Asked, HttpClient } from "../http-client.ts";
import { type BenchFile, providerOf, startNews } from "../news.ts";
import { cpuSeconds } from "../process-meter.ts";
import { startProduct } from "../product.ts";
import { atLeast, atMost, type Row } from "../report.ts";
import { median, takeTurns } from "../rounds.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import type { Topic } from "../topic.ts";

const SEGMENTS = 100_000;
const WORKER = new URL("../../../dist/nzb/parse-worker.js", import.meta.url);

/** The library: taking in, finding again, starting with a lot of it. */
export const catalog: Topic = {
  name: "catalog",
  about: "NZB parsing, the catalog, start-up, and requests without a body",
  seconds: [105, 12],
  async *run({ isQuick }) {
    yield {
      title: `catalog: an NZB of ${SEGMENTS} segments, medians`,
      columns: ["figure"],
      rows: [...(await parsing(isQuick)), ...(await storing(isQuick))],
    };
    yield { title: "catalog: a film of 25 GB handed in", columns: ["figure"], rows: await importing(isQuick) };
    const files = isQuick ? 50_000 : 1_000_000;
    yield {
      title: `catalog: ${files} files in the library`,
      columns: ["figure"],
      rows: await manyFiles(files, isQuick),
    };
  },
};

async function parsing(isQuick: boolean): Promise<readonly Row[]> {
  const segments = {
    *[Symbol.iterator]() {
      for (let number = 1; number <= SEGMENTS; number += 1) {
        const id = createHash("sha256").update(String(number)).digest("base64url");
        yield { id: `${id}@ngPost` as MessageId, number, encodedSize: 740_000 };
      }
    },
  };
  const subject = `"film.mkv" yEnc (1/${SEGMENTS})`;
  const nzb = Buffer.from(
    toNzb([{ subject, poster: "a <a@b.example>", postedAt: 0, groups: ["alt.binaries.test"], segments }]),
  );
  using folder = temporaryFolder();
  const path = join(folder.path, "film.nzb");
  writeFileSync(path, nzb);
  await using parser = new NzbParser({ workerUrl: WORKER });
  const { signal } = new AbortController();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const times: number[] = [];
  let blockedMs = 0;
  for (let round = -1; round < (isQuick ? 3 : 9); round += 1) {
    delay.reset();
    delay.enable();
    const before = performance.now();
    const { files } = await parser.parse({ path }, { signal });
    const ms = performance.now() - before;
    delay.disable();
    if (files[0]?.segments.length !== SEGMENTS) throw new Error("segments were lost");
    if (round < 0) continue;
    times.push(ms);
    blockedMs = Math.max(blockedMs, delay.max / 1e6);
  }
  const speed = nzb.length / 1e6 / (median(times) / 1000);
  return [
    {
      name: `parsed in the worker, ${(nzb.length / 1e6).toFixed(1)} MB`,
      cells: [`${speed.toFixed(0)} MB/s`],
      checks: [atLeast(speed, 250, " MB/s")],
    },
    { name: "the event loop meanwhile, longest block", cells: [`${blockedMs.toFixed(1)} ms`] },
  ];
}

async function storing(isQuick: boolean): Promise<readonly Row[]> {
  using folder = temporaryFolder();
  await using side = startChild("catalog-side", {});
  const runs: FileTimes[] = [];
  for (let round = -1; round < (isQuick ? 2 : 5); round += 1) {
    const path = join(folder.path, `catalog-${round}.db`);
    const run = await side.ask<FileTimes>("oneFile", { path, segments: SEGMENTS });
    if (round >= 0) runs.push(run);
  }
  const figure = (name: string, what: keyof FileTimes, { most, unit, digits }: Limit): Row => {
    const value = median(runs.map((run) => run[what]));
    return { name, cells: [`${value.toFixed(digits)}${unit}`], checks: [atMost(value, most, unit)] };
  };
  return [
    figure("stored in the catalog", "importMs", { most: 150, unit: " ms", digits: 0 }),
    figure("opened, every segment unpacked", "openMs", { most: 15, unit: " ms", digits: 1 }),
    figure("first segment of the file, unopened", "firstMs", { most: 1, unit: " ms", digits: 2 }),
    figure("segment in its middle, unopened", "randomMs", { most: 1, unit: " ms", digits: 2 }),
    figure("database", "bytesPerSegment", { most: 32, unit: " bytes/segment", digits: 1 }),
  ];
}

interface Limit {
  readonly most: number;
  readonly unit: string;
  readonly digits: number;
}

/** The same kind of film with and without a round trip, in turn: the difference is the round trips. */
async function importing(isQuick: boolean): Promise<readonly Row[]> {
  const rttMs = 40;
  const rounds = isQuick ? 2 : 5;
  await using news = await startNews(
    Array.from({ length: 2 * (rounds + 1) }, (_, n) => ({
      name: `film-${n}.mkv`,
      bytes: 25e9 + n,
      partSize: 716_800,
      isLazy: true,
    })),
  );
  await using product = await startProduct({ provider: providerOf(news, { connections: 20, pipeline: "auto" }) });
  const films = news.files.values();
  let articles = 0;
  const timed = async (delay: number) => {
    await news.behave({ rttMs: delay });
    await news.reset();
    const before = performance.now();
    await product.add(films.next().value as BenchFile);
    const ms = performance.now() - before;
    articles = Math.max(articles, (await news.counters()).bodies);
    return ms;
  };
  const { near, far } = await takeTurns({ near: () => timed(0), far: () => timed(rttMs) }, rounds);
  const trips = (median(far) - median(near)) / rttMs;
  return [
    { name: "articles fetched, at most", cells: [String(articles)], checks: [atMost(articles, 4, " articles")] },
    { name: "in the library after, at 0 ms", cells: [`${median(near).toFixed(0)} ms`] },
    { name: `in the library after, at ${rttMs} ms, warm`, cells: [`${median(far).toFixed(0)} ms`] },
    { name: "round trips", cells: [trips.toFixed(1)], checks: [atMost(trips, 3.3, " round trips (3, and the noise)")] },
  ];
}

async function manyFiles(files: number, isQuick: boolean): Promise<readonly Row[]> {
  using folder = temporaryFolder();
  let file: string;
  {
    await using side = startChild("catalog-side", {});
    file = await side.ask<string>("manyFiles", { path: join(folder.path, "catalog.db"), files });
  }
  const empty: number[] = [];
  const full: number[] = [];
  for (let round = 0; round < (isQuick ? 1 : 5); round += 1) {
    {
      await using product = await startProduct();
      empty.push(product.readyMs);
    }
    await using product = await startProduct({ dataDir: folder.path });
    full.push(product.readyMs);
  }
  const ready = median(full);
  await using product = await startProduct({ dataDir: folder.path });
  await using bare = startChild("bare-loop", { plainPort: 0, tlsPort: 0, partSize: 1 });
  const { httpPort } = await bare.ask<{ httpPort: number }>("ready");
  const floor = { pid: bare.pid, connect: () => HttpClient.connect(`http://127.0.0.1:${httpPort}`) };
  const path = `/dav/library/${encodeURI(file)}`;
  const propfind = { method: "PROPFIND", headers: { Depth: "0", "Content-Length": "0" } } as const;
  const count = isQuick ? 4_000 : 20_000;
  const { nothing, head, properties } = await takeTurns(
    {
      nothing: () => cpuPerRequest(floor, { path: "/memory?0", asked: {}, count }),
      head: () => cpuPerRequest(product, { path, asked: { method: "HEAD" }, count }),
      properties: () => cpuPerRequest(product, { path, asked: propfind, count }),
    },
    isQuick ? 1 : 3,
  );
  const cost = (name: string, microseconds: readonly number[]): Row => ({
    name,
    cells: [`${median(microseconds).toFixed(0)} us`],
    checks: [atMost(median(microseconds), 60, " us")],
  });
  return [
    {
      name: "start until ready",
      cells: [`${ready.toFixed(0)} ms (${median(empty).toFixed(0)} with an empty library)`],
      checks: [atMost(ready, 1000, " ms")],
    },
    { name: "an empty answer of node:http, CPU", cells: [`${median(nothing).toFixed(0)} us`] },
    cost("HEAD, CPU", head),
    cost("PROPFIND depth 0, CPU", properties),
  ];
}

interface Asking {
  readonly path: string;
  readonly asked: Asked;
  readonly count: number;
}

/** Microseconds of the server's CPU for one of many requests over 16 connections. */
async function cpuPerRequest(
  server: { readonly pid: number; connect(): Promise<HttpClient> },
  { path, asked, count }: Asking,
): Promise<number> {
  const clients = 16;
  const before = cpuSeconds(server.pid);
  await Promise.all(
    Array.from({ length: clients }, async () => {
      using client = await server.connect();
      for (let n = 0; n < count / clients; n += 1) await client.request(path, asked);
    }),
  );
  return ((cpuSeconds(server.pid) - before) / count) * 1e6;
}
