import type { Child } from "../child.ts";
import { ALLPROP, eachSide, pathOn, propfind, RCLONE, SIDES, type Side, type Sides, serverOf } from "../dav-sides.ts";
import { FILM, LARGE_FOLDER, type TreeShape } from "../dav-tree.ts";
import { type Asked, type Got, HttpClient } from "../http-client.ts";
import type { OneWish } from "../http-load.ts";
import { PEERS } from "../peers/peers.ts";
import { peakRss, resetPeakRss, rss } from "../process-meter.ts";
import { atMost, type Check, type Row, type Table } from "../report.ts";
import { median, takeTurns } from "../rounds.ts";
import type { Watched } from "../watch.ts";

const STREAM_BYTES_PER_SECOND = 10e6;

interface Listed {
  readonly firstMs: number;
  readonly totalMs: number;
  readonly grownMb: number;
  readonly blockedMs: number;
}

/** One client asks for all of a large folder. */
export async function listing(
  sides: Sides,
  load: Child,
  { shape, rounds }: { readonly shape: TreeShape; readonly rounds: number },
): Promise<Table> {
  const rows: Row[] = [];
  const wishes = { "rclone's properties": RCLONE, allprop: ALLPROP };
  for (const [what, wish] of Object.entries(wishes)) {
    const asked = propfind("1", wish);
    const listed = await takeTurns(
      {
        ...eachSide((name) => list(sides[name], load, asked)),
        streaming: () => whileStreaming(sides.newsreel, () => list(sides.newsreel, load, asked)),
      },
      rounds,
    );
    const grown = (name: keyof typeof listed) => middleOf(listed[name], "grownMb");
    const better = Math.min(...PEERS.map(grown));
    const share = atMost(
      grown("newsreel"),
      Number((better / 10).toPrecision(2)),
      ` MB (a tenth of ${better.toFixed(0)})`,
    );
    for (const name of SIDES) {
      const checks = name === "newsreel" ? [share, ...promptness(listed[name])] : [];
      rows.push(row(`${what}: ${name}`, listed[name], checks));
    }
    rows.push(row(`${what}: newsreel while a stream plays`, listed.streaming, promptness(listed.streaming)));
  }
  return {
    title: `webdav: PROPFIND depth 1 on a folder of ${shape.largeFolder} files`,
    columns: ["first byte ms", "total ms", "memory +MB", "longest block ms"],
    rows,
    notes: [
      "memory: the most that is resident during the request, beyond what is after a garbage collection before it",
    ],
  };
}

async function list(side: Side, load: Child, asked: Asked): Promise<Listed> {
  await side.ask("collect");
  await side.ask("watch");
  const before = rss(side.pid);
  resetPeakRss(side.pid);
  const path = pathOn(side, `${LARGE_FOLDER}/`);
  const wish: OneWish = { server: serverOf(side), path, asked: { ...asked, marks: [1] } };
  const { seconds, marksMs } = await load.ask<Got>("one", wish);
  const grownMb = (peakRss(side.pid) - before) / 1e6;
  const { loopMax } = await side.ask<Watched>("watched");
  return { firstMs: marksMs[0] ?? Number.NaN, totalMs: seconds * 1000, grownMb, blockedMs: loopMax };
}

async function whileStreaming<T>(side: Side, act: () => Promise<T>): Promise<T> {
  using client = await HttpClient.connect(side.url, side.headers);
  const streamed = client.request(pathOn(side, FILM), { bytesPerSecond: STREAM_BYTES_PER_SECOND });
  // It is left before its end.
  streamed.catch(() => {});
  return await act();
}

function middleOf(samples: readonly Listed[], what: keyof Listed): number {
  return median(samples.map((sample) => sample[what]));
}

function row(name: string, samples: readonly Listed[], checks: readonly Check[]): Row {
  const cells = [
    middleOf(samples, "firstMs").toFixed(1),
    middleOf(samples, "totalMs").toFixed(0),
    middleOf(samples, "grownMb").toFixed(1),
    middleOf(samples, "blockedMs").toFixed(1),
  ];
  return { name, cells, checks };
}

/** What all others may expect meanwhile. */
function promptness(samples: readonly Listed[]): readonly Check[] {
  return [
    atMost(middleOf(samples, "firstMs"), 50, " ms first byte"),
    atMost(middleOf(samples, "grownMb"), 20, " MB"),
    atMost(middleOf(samples, "blockedMs"), 50, " ms blocked"),
  ];
}
