/** A news server in a process of its own that has a film and posts to import, and counts what the imports have under way. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ArticleStore } from "../src/newsserver/article-store.ts";
import type { Behaviour } from "../src/newsserver/behaviour.ts";
import { patternContent } from "../src/newsserver/content.ts";
import { startNewsServer } from "../src/newsserver/news-server.ts";
import { toNzb } from "../src/newsserver/write-nzb.ts";
import { largeRar } from "../test/app/kinds/rar.ts";
import { Turnstile } from "../test/app/storms/turnstile.ts";
import { answerRequests } from "./child-side.ts";
import { sleep } from "./rounds.ts";
import type { Fall, Since, StormArgument, StormReady } from "./storm-news.ts";

const FILM_PART = 716_800;
/** Smaller than usual, so that imports are a storm of requests and not of bytes: these two cores decode them too. */
const IMPORT_PART = 65_536;
const PARTS_PER_VOLUME = 4;
/** The film and the first articles of all volumes, encoded beforehand; the little else that is asked for finds room too. */
const CACHE_BYTES = 1_200_000_000;
const LOOK_MS = 2;
const LONGEST_MS = 20_000;

const { filmBytes, imports, volumes } = JSON.parse(process.argv[2] as string) as StormArgument;
const store = new ArticleStore({ cacheBytes: CACHE_BYTES });
const server = await startNewsServer({ store });
const underWay = new Turnstile(server, (id) => id.startsWith("import-"));
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const film = store.addFile({
  name: "film.mkv",
  content: patternContent(1, filmBytes),
  partSize: FILM_PART,
  idPrefix: "film",
});

function post(number: number): StormReady["imports"][number] {
  const name = `Episode ${number}`;
  const set = largeRar({
    format: 5,
    path: `Episode.${number}.mkv`,
    volumes,
    dataBytes: IMPORT_PART * PARTS_PER_VOLUME - 200,
  });
  const posted = set.volumes.map((volume, at) =>
    store.addFile({ ...volume, partSize: IMPORT_PART, idPrefix: `import-${number}-${at}` }),
  );
  for (const file of posted) store.find(file.idOf(1));
  return { name, nzb: toNzb(posted) };
}

answerRequests({
  ready(): StormReady {
    store.encode(film);
    return {
      port: server.port,
      film: { name: film.name, nzb: toNzb([film]) },
      filmPartSize: FILM_PART,
      imports: Array.from({ length: imports }, (_, number) => post(number)),
    };
  },
  behave: (change: Partial<Behaviour>) => server.behave(change),
  async fall(): Promise<Fall> {
    const before = underWay.max;
    const asked = performance.now();
    await underWay.gone();
    underWay.countAnew();
    delay.reset();
    return { before, ms: performance.now() - asked };
  },
  since: (): Since => ({ most: underWay.max, loopMax: delay.max / 1e6 }),
  async reached(count: number): Promise<number | undefined> {
    underWay.countAnew();
    const deadline = performance.now() + LONGEST_MS;
    while (performance.now() < deadline) {
      if (underWay.max >= count) return Date.now();
      await sleep(LOOK_MS);
    }
    return undefined;
  },
});
