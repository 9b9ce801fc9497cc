/** A news server in a process of its own that has archives of any size: their articles are encoded once, when they are first asked for. */
import { ArticleStore } from "../src/newsserver/article-store.ts";
import { startNewsServer } from "../src/newsserver/news-server.ts";
import { toNzb } from "../src/newsserver/write-nzb.ts";
import type { ArchiveNewsCounters, ArchiveNewsPost, ArchiveNewsReady } from "./archive-news.ts";
import { ARCHIVED_POSTS, type ArchivedPost, type ArchivedPostName } from "./archived-posts.ts";
import { answerRequests } from "./child-side.ts";

/** Of a set of a thousand volumes the first articles, and what else is read of the others. */
const CACHE_BYTES = 1_200_000_000;
/** Behind all headers, and in front of whatever else is looked at. */
const UNREAD_PART = 3;

const store = new ArticleStore({ cacheBytes: CACHE_BYTES });
const server = await startNewsServer({ store });

const posts = new Map<ArchivedPostName, ArchiveNewsPost>();

/** Puts a post on the server, and encodes the first article of each file. */
function put(name: ArchivedPostName): ArchiveNewsPost {
  const { files, partSize, password, holds }: ArchivedPost = ARCHIVED_POSTS[name]();
  const posted = files.map((file, index) => store.addFile({ ...file, partSize, idPrefix: `${name}-${index}` }));
  for (const file of posted) store.find(file.idOf(1));
  const nzb = toNzb(posted, password === undefined ? {} : { password });
  const unreadId = posted[0]?.idOf(UNREAD_PART) as string;
  return { name, nzb, unreadId, holds };
}

answerRequests({
  ready: (): ArchiveNewsReady => ({ port: server.port }),
  post(name: ArchivedPostName): ArchiveNewsPost {
    const known = posts.get(name) ?? put(name);
    posts.set(name, known);
    return known;
  },
  behave: (change: { readonly rttMs: number }) => server.behave(change),
  counters(): ArchiveNewsCounters {
    const { commands, bytesSent } = server.counters;
    return { bodies: commands.BODY + commands.ARTICLE, stats: commands.STAT, bytesSent };
  },
  reset: () => server.counters.reset(),
});
