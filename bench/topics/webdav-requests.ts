import type { Child } from "../child.ts";
import {
  ALLPROP,
  eachSide,
  pathOn,
  propfind,
  RCLONE,
  SIDES,
  type Side,
  type SideName,
  type Sides,
  serverOf,
} from "../dav-sides.ts";
import { deepFile, FILM, largeFolderFile, SMALL_FOLDER_FILES, type TreeShape } from "../dav-tree.ts";
import type { Asked, Got } from "../http-client.ts";
import type { Load, LoadWish, OneWish } from "../http-load.ts";
import { PEERS } from "../peers/peers.ts";
import { cpuSeconds } from "../process-meter.ts";
import { atLeast, atMost, type Check, type Row, type Table } from "../report.ts";
import { median, medianRatio, takeTurns } from "../rounds.ts";

const CONNECTIONS = 16;
const RANGE_BYTES = 65_536;
/** Different files, or places in the film, that are asked for in turn; some steps apart. */
const VARIETY = 256;
const STEP = 7919;

interface Extent {
  readonly shape: TreeShape;
  readonly rounds: number;
  readonly forMs: number;
}

interface Answered extends Load {
  readonly perSecond: number;
  readonly cpuUs: number;
}

type Requests = LoadWish["requests"];
type AllAnswered = Readonly<Record<SideName, readonly Answered[]>>;

/** Short requests, as many as a server can answer. */
export async function requests(sides: Sides, load: Child, { shape, rounds, forMs }: Extent): Promise<Table> {
  const rows: Row[] = [];
  const kinds: Readonly<Record<string, readonly [path: (index: number) => string, asked: Asked]>> = {
    "depth 0, rclone's properties": [(index) => largeFolderFile(shape, index), propfind("0", RCLONE)],
    "depth 0, allprop": [(index) => largeFolderFile(shape, index), propfind("0", ALLPROP)],
    "depth 0, allprop, four folders deep": [(index) => deepFile(shape, index).path, propfind("0", ALLPROP)],
    [`depth 1, allprop, ${SMALL_FOLDER_FILES} files`]: [
      (index) => `${deepFile(shape, index).folder}/`,
      propfind("1", ALLPROP),
    ],
  };
  for (const [what, [path, asked]] of Object.entries(kinds)) {
    const requestsOf = (side: Side): Requests => various((index) => ({ path: pathOn(side, path(index)), asked }));
    const answered = await takeTurns(
      eachSide((name) =>
        answer(sides[name], load, { requests: requestsOf(sides[name]), connections: CONNECTIONS, forMs }),
      ),
      rounds,
    );
    const bar = atLeast(ratioToBetter(answered, "perSecond", Math.max), 3, "x the better peer's requests");
    for (const name of SIDES) {
      rows.push({
        name: `${what}: ${name}`,
        cells: ratesOf(answered[name]),
        checks: name === "newsreel" ? [bar] : [],
      });
    }
  }
  return {
    title: `webdav: PROPFIND over ${CONNECTIONS} kept connections, ${shape.files} files`,
    columns: RATES,
    rows,
  };
}

/** Small reads, as a player's look at a file, or a mount's: from memory, since what a provider costs is another topic's question. */
export async function reading(sides: Sides, load: Child, { shape, rounds, forMs }: Extent): Promise<Table> {
  const requestsOf = (side: Side): Requests =>
    various((index) => {
      const start = (index * RANGE_BYTES) % (shape.filmBytes - RANGE_BYTES);
      return { path: pathOn(side, FILM), asked: { range: [start, start + RANGE_BYTES] } };
    });
  const ask = (side: Side, request: Omit<OneWish, "server">) =>
    load.ask<Got>("one", { ...request, server: serverOf(side) } satisfies OneWish);
  await ask(sides.newsreel, { path: pathOn(sides.newsreel, FILM), asked: {} });
  for (const name of SIDES) {
    const { status, bytes } = await ask(sides[name], requestsOf(sides[name])[1] as Requests[number]);
    if (status !== 206 || bytes !== RANGE_BYTES) throw new Error(`${name} answers ${status} with ${bytes} bytes`);
  }
  const over = (connections: number) =>
    takeTurns(
      eachSide((name) => answer(sides[name], load, { requests: requestsOf(sides[name]), connections, forMs })),
      rounds,
    );
  const one = await over(1);
  const many = await over(CONNECTIONS);
  const ms = (name: SideName, what: "medianMs" | "p99Ms") => median(one[name].map((sample) => sample[what]));
  const bars: readonly Check[] = [
    atMost(ms("newsreel", "medianMs"), 1, " ms"),
    atMost(ratioToBetter(one, "medianMs", Math.min), 1, "x the better peer's median"),
  ];
  return {
    title: `webdav: GET of 64 KiB anywhere in a film of ${shape.filmBytes / 1e6} MB, from memory`,
    columns: ["median ms", "p99 ms", ...RATES],
    rows: SIDES.map((name) => ({
      name,
      cells: [ms(name, "medianMs").toFixed(2), ms(name, "p99Ms").toFixed(2), ...ratesOf(many[name])],
      checks: name === "newsreel" ? bars : [],
    })),
    notes: [`milliseconds over one connection, requests/s and CPU over ${CONNECTIONS}`],
  };
}

function various(request: (index: number) => Requests[number]): Requests {
  return Array.from({ length: VARIETY }, (_, n) => request(n * STEP));
}

async function answer(side: Side, load: Child, wish: Omit<LoadWish, "server">): Promise<Answered> {
  const before = cpuSeconds(side.pid);
  const loaded = await load.ask<Load>("load", { ...wish, server: serverOf(side) } satisfies LoadWish);
  const cpuUs = ((cpuSeconds(side.pid) - before) / loaded.requests) * 1e6;
  return { ...loaded, cpuUs, perSecond: loaded.requests / loaded.seconds };
}

const RATES = ["requests/s", "CPU us"];

function ratesOf(answered: readonly Answered[]): readonly string[] {
  return [
    median(answered.map(({ perSecond }) => perSecond)).toFixed(0),
    median(answered.map(({ cpuUs }) => cpuUs)).toFixed(0),
  ];
}

/** To the peer that was the better one in the round. */
function ratioToBetter(
  answered: AllAnswered,
  what: "perSecond" | "medianMs",
  betterOf: (...values: readonly number[]) => number,
): number {
  const better = answered.newsreel.map((_, round) =>
    betterOf(...PEERS.map((name) => answered[name][round]?.[what] ?? Number.NaN)),
  );
  return medianRatio(
    answered.newsreel.map((sample) => sample[what]),
    better,
  );
}
