/** The peer of every side, in a process of its own: one store, with every article encoded beforehand, over plain TCP and over TLS. */
import { readFileSync } from "node:fs";
import { ArticleStore } from "../src/newsserver/article-store.ts";
import type { Behaviour } from "../src/newsserver/behaviour.ts";
import { patternContent } from "../src/newsserver/content.ts";
import { startNewsServer } from "../src/newsserver/news-server.ts";
import { toNzb } from "../src/newsserver/write-nzb.ts";
import { answerRequests } from "./child-side.ts";
import type { BenchFile, NewsCounters, NewsServerArgument, NewsServerReady } from "./news.ts";

const { files, login, certificate } = JSON.parse(process.argv[2] as string) as NewsServerArgument;
const encoded = files.filter(({ isLazy }) => isLazy !== true);
const store = new ArticleStore({
  cacheBytes: Math.ceil(encoded.reduce((sum, { bytes }) => sum + bytes * 1.1, 128 * 2 ** 20)),
});
const posted = files.map(({ name, bytes, partSize }, index) =>
  store.addFile({ name, content: patternContent(index + 1, bytes), partSize }),
);
const withLogin = login === undefined ? {} : { credentials: login };
const plain = await startNewsServer({ store, ...withLogin });
const tls = await startNewsServer({
  store,
  tls: { key: readFileSync(certificate.key), cert: readFileSync(certificate.cert) },
  ...withLogin,
});
const servers = [plain, tls];

/** Sockets that are destroyed have closed by then. */
const DROP_MS = 500;

function sum(of: (counters: (typeof plain)["counters"]) => number): number {
  return servers.reduce((total, { counters }) => total + of(counters), 0);
}

function counters(): NewsCounters {
  return {
    bodies: sum(({ commands }) => commands.BODY + commands.ARTICLE),
    bytesSent: sum(({ bytesSent }) => bytesSent),
    connectionsNow: sum(({ connectionsNow }) => connectionsNow),
    connectionsEver: sum(({ connectionsEver }) => connectionsEver),
    bodiesInFlight: sum(({ bodiesInFlight }) => bodiesInFlight),
  };
}

/** Resolves when `holds` holds, looked at every few milliseconds. */
function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!holds()) return;
      clearInterval(timer);
      resolve();
    }, 3);
  });
}

answerRequests({
  ready(): NewsServerReady {
    posted.forEach((file, index) => {
      if (files[index]?.isLazy !== true) store.encode(file);
    });
    const described = posted.map((file, index): BenchFile => {
      const { partSize } = files[index] as NewsServerArgument["files"][number];
      return {
        name: file.name,
        bytes: file.size,
        partSize,
        nzb: toNzb([file]),
        ids: files[index]?.isLazy === true ? [] : [...file.segments].map(({ id }) => id),
        wireFactor: (store.find(file.idOf(1))?.bodyReply.length ?? 0) / Math.min(partSize, file.size),
      };
    });
    return { plainPort: plain.port, tlsPort: tls.port, files: described };
  },
  behave(change: Partial<Behaviour>) {
    for (const server of servers) server.behave(change);
  },
  counters,
  reset() {
    for (const server of servers) server.counters.reset();
  },
  /** No article is asked for, nor has been for a moment. */
  async quiet() {
    let calmSince = performance.now();
    let bodies = counters().bodies;
    await until(() => {
      const now = counters();
      if (now.bodiesInFlight > 0 || now.bodies !== bodies) calmSince = performance.now();
      bodies = now.bodies;
      return performance.now() - calmSince >= 40;
    });
  },
  /** Ends all connections; done when there are none, or when there was time for that and others have come instead. */
  async drop() {
    for (const server of servers) server.drop("all");
    const dropped = performance.now();
    await until(() => counters().connectionsNow === 0 || performance.now() - dropped > DROP_MS);
  },
  /** Seconds from the first article asked for to the end of the `bodies`-th. */
  async run(bodies: number): Promise<number> {
    await until(() => counters().bodies > 0);
    const before = performance.now();
    await until(() => counters().bodies >= bodies && counters().bodiesInFlight === 0);
    return (performance.now() - before) / 1000;
  },
  /** From now on the last of every `every` articles of a file is held back for so long, each time that it is asked for. */
  slow({ file, every, delayMs }: { file: number; every: number; delayMs: number }) {
    const { partCount } = posted[file] as (typeof posted)[number];
    for (let part = every; part <= partCount; part += every) {
      for (const server of servers) void holdBack(server, posted[file]?.idOf(part) as string, delayMs);
    }
  },
});

async function holdBack(server: typeof plain, id: string, delayMs: number): Promise<void> {
  for (;;) {
    using gate = server.hold(id);
    await gate.arrived();
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
