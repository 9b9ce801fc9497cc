import { fileURLToPath } from "node:url";
import type { BareLoopArgument, BareRun } from "./bare-loop.ts";
import { startChild } from "./child.ts";
import type { NewsServerArgument, NewsServerReady } from "./news-server.ts";
import { cpuSeconds, median, peakRss } from "./process-meter.ts";
import { startProduct } from "./product.ts";
import { drain } from "./sink.ts";

export interface EndToEndOptions {
  readonly bytes: number;
  readonly rounds: number;
}

interface Sample {
  readonly side: string;
  readonly megabytesPerSecond: number;
  /** CPU seconds of the measured process per GB (10^9 bytes) of decoded content. */
  readonly cpuPerGigabyte: number;
}

const PART_SIZE = 716_800;
const CONNECTIONS = 8;
const DEPTH = 2;
const CERT = fileURLToPath(new URL("../../test/fixtures/tls/cert.pem", import.meta.url));
const KEY = fileURLToPath(new URL("../../test/fixtures/tls/key.pem", import.meta.url));

/** Sequential read of one film, TLS and plain: the product beside a bare loop, turn and turn about, against the same news server. */
export async function endToEnd({ bytes, rounds }: EndToEndOptions): Promise<void> {
  const argument: NewsServerArgument = { bytes, partSize: PART_SIZE, key: KEY, cert: CERT };
  await using news = await startChild<NewsServerReady>("news-server", argument);
  const { plainPort, tlsPort, nzb, ids } = news.ready;
  const bareArgument: BareLoopArgument = { ids, plainPort, tlsPort, partSize: PART_SIZE };
  await using bare = await startChild<{ httpPort: number }>("bare-loop", bareArgument);

  for (const isTls of [true, false]) {
    const provider = {
      name: "bench",
      host: "127.0.0.1",
      port: isTls ? tlsPort : plainPort,
      tls: isTls,
      verifyTls: false,
      connections: CONNECTIONS,
      pipeline: DEPTH,
    };
    await using product = await startProduct({
      NEWSREEL_PROVIDERS: JSON.stringify([provider]),
      NEWSREEL_LOG_LEVEL: "info",
    });
    const [path] = await product.add(nzb);
    const url = product.url + encodeURI(path as string);
    const sides: Readonly<Record<string, () => Promise<Sample>>> = {
      "bare loop, discard": () =>
        measureBare(bare, { isTls, connections: CONNECTIONS, depth: DEPTH, output: "discard" }),
      "bare loop -> HTTP": () => measureBare(bare, { isTls, connections: CONNECTIONS, depth: DEPTH, output: "http" }),
      "newsreel -> HTTP": async () => {
        const before = cpuSeconds(product.pid);
        const drained = await drain(url, product.headers);
        if (drained.status !== 200 || drained.bytes !== bytes)
          throw new Error(`got ${drained.bytes} of ${bytes} bytes`);
        return sample("newsreel -> HTTP", drained, cpuSeconds(product.pid) - before);
      },
    };
    for (const run of Object.values(sides)) await run();
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const run of Object.values(sides)) samples.push(await run());
    }
    print(isTls ? "TLS" : "plain", Object.keys(sides), samples, peakRss(product.pid));
  }
}

async function measureBare(
  bare: Awaited<ReturnType<typeof startChild<{ httpPort: number }>>>,
  run: BareRun,
): Promise<Sample> {
  const before = cpuSeconds(bare.pid);
  const sink = run.output === "http" ? drain(`http://127.0.0.1:${bare.ready.httpPort}/`) : undefined;
  const result = await bare.ask<{ bytes: number; seconds: number }>(run);
  await sink;
  return sample(`bare loop${run.output === "http" ? " -> HTTP" : ", discard"}`, result, cpuSeconds(bare.pid) - before);
}

function sample(side: string, { bytes, seconds }: { bytes: number; seconds: number }, cpu: number): Sample {
  return { side, megabytesPerSecond: bytes / 1e6 / seconds, cpuPerGigabyte: cpu / (bytes / 1e9) };
}

function print(transport: string, sides: readonly string[], samples: readonly Sample[], rss: number): void {
  const rows = sides.map((side) => {
    const own = samples.filter((one) => one.side === side);
    return {
      side,
      speed: median(own.map((one) => one.megabytesPerSecond)),
      cpu: median(own.map((one) => one.cpuPerGigabyte)),
    };
  });
  const reference = rows.find(({ side }) => side === "bare loop -> HTTP");
  console.log(
    `\n${transport}, ${CONNECTIONS} connections, depth ${DEPTH}, medians; ratios against the bare loop -> HTTP`,
  );
  console.log("side                    MB/s   ratio    CPU s/GB   ratio");
  for (const { side, speed, cpu } of rows) {
    const ratios = [speed / (reference?.speed ?? 1), cpu / (reference?.cpu ?? 1)].map(
      (ratio) => `${ratio.toFixed(2)}x`,
    );
    console.log(
      `${side.padEnd(20)} ${speed.toFixed(0).padStart(7)} ${(ratios[0] ?? "").padStart(7)} ${cpu.toFixed(3).padStart(11)} ${(ratios[1] ?? "").padStart(7)}`,
    );
  }
  console.log(`newsreel's peak memory: ${(rss / 1e6).toFixed(0)} MB`);
}
