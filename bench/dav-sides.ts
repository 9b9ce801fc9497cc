import type { Closers } from "../src/base/closers.ts";
import type { Child } from "./child.ts";
import { FILM, LARGE_FOLDER, type TreeShape } from "./dav-tree.ts";
import type { Asked } from "./http-client.ts";
import type { Server } from "./http-load.ts";
import { providerOf, startNews } from "./news.ts";
import { PEERS, type PeerName, startPeer } from "./peers/peers.ts";
import { startProduct } from "./product.ts";

export const SIDES = ["newsreel", ...PEERS] as const;
export type SideName = (typeof SIDES)[number];

/** A WebDAV server that serves the tree, in a process of its own. */
export interface Side extends Server, Pick<Child, "pid" | "ask"> {
  /** URL path of the tree, with a slash at its end. */
  readonly root: string;
}

export type Sides = Readonly<Record<SideName, Side>>;

/** All of them; the product over the catalog in `dataDir`, with the film handed in. */
export async function startSides(closers: Closers, dataDir: string, shape: TreeShape): Promise<Sides> {
  const news = closers.use(await startNews([{ name: "film.mkv", bytes: shape.filmBytes, partSize: 716_800 }]));
  const provider = providerOf(news, { connections: 4, pipeline: "auto" });
  const product = closers.use(await startProduct({ dataDir, provider }));
  const [film] = news.files;
  const path = film === undefined ? undefined : await product.add(film);
  if (path !== `/dav/library/${FILM}`) throw new Error(`the film is not where it was expected, but at ${path}`);
  const peer = async (name: PeerName): Promise<Side> => ({ ...closers.use(await startPeer(name, shape)), root: "/" });
  return {
    newsreel: { ...product, root: "/dav/library/" },
    "webdav-server": await peer("webdav-server"),
    nephele: await peer("nephele"),
  };
}

/** What `takeTurns` needs to measure all of them alike. */
export function eachSide<Sample>(
  measure: (name: SideName) => Promise<Sample>,
): Readonly<Record<SideName, () => Promise<Sample>>> {
  return {
    newsreel: () => measure("newsreel"),
    "webdav-server": () => measure("webdav-server"),
    nephele: () => measure("nephele"),
  };
}

/** URL path of a path in the tree. */
export function pathOn({ root }: Side, path: string): string {
  return root + path.split("/").map(encodeURIComponent).join("/");
}

/** What a process of its own needs to ask it. */
export function serverOf({ url, headers }: Side): Server {
  return { url, headers };
}

type Wish = Pick<Asked, "body" | "headers">;

const RCLONE_BODY =
  '<?xml version="1.0"?>\n<d:propfind xmlns:d="DAV:"><d:prop><d:displayname/><d:getlastmodified/><d:getcontentlength/>' +
  "<d:resourcetype/><d:getcontenttype/></d:prop></d:propfind>";
export const RCLONE: Wish = { body: RCLONE_BODY, headers: { "Content-Type": "application/xml" } };
export const ALLPROP: Wish = { headers: { "Content-Length": "0" } };

export function propfind(depth: "0" | "1", wish: Wish): Asked {
  return { ...wish, method: "PROPFIND", headers: { ...wish.headers, Depth: depth } };
}

/** Rejects when a server leaves out entries of the large folder, or their sizes: it would be measured doing less than the others. */
export async function checkListing(side: Side, { largeFolder }: TreeShape): Promise<void> {
  const { body, headers } = propfind("1", RCLONE);
  const answer = await fetch(side.url.replace(/\/$/, "") + pathOn(side, `${LARGE_FOLDER}/`), {
    method: "PROPFIND",
    headers: { ...headers, ...side.headers },
    body: body ?? null,
  });
  const text = await answer.text();
  const entries = text.match(/<(?:\w+:)?response[\s>]/g)?.length ?? 0;
  let bytes = 0;
  for (const [, size] of text.matchAll(/getcontentlength>(\d+)</g)) bytes += Number(size);
  const expected = (700_000 + (largeFolder - 1) / 2) * largeFolder;
  if (answer.status === 207 && entries === largeFolder + 1 && bytes === expected) return;
  throw new Error(`${side.url} lists ${entries} entries of ${bytes} bytes (${answer.status}): ${text.slice(0, 500)}`);
}
