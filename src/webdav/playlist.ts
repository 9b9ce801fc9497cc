import { sendAnswer } from "./answer.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { encodeSegment, hrefOf } from "./href.ts";
import { PAGE, written } from "./member-pages.ts";
import type { DavEntry, DavPath } from "./tree.ts";

/** Levels of folders below the one that is asked for. */
const MOST_LEVELS = 5;
/** Files of those folders; of the one itself all are listed. */
const MOST_BELOW = 1_000;
/** Entries of those folders that are looked at, whatever they are. */
const MOST_SEEN_BELOW = 20_000;

/** Characters of a list that are worth a write. */
const PIECE = 8 * 1024;

const ROOT_NAME = "Newsreel";

/** Addresses depend on how the client reached us, so that nobody else may be given them. */
const HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** `?format=strm` or `?format=m3u`; every other query means nothing. */
export function playlistFormat(url: string): "strm" | "m3u" | undefined {
  const query = url.indexOf("?");
  const format = query === -1 ? null : new URLSearchParams(url.slice(query)).get("format");
  return format === "strm" || format === "m3u" ? format : undefined;
}

/** Whether players play it. */
export function isMedia({ kind, contentType }: DavEntry): boolean {
  return kind === "resource" && /^(?:video|audio)\//.test(contentType);
}

/** A .strm, as Kodi, Jellyfin and Emby read it: one line with the file's URL as this client reaches it, without a login. */
export function sendFileLink(dav: Dav, exchange: Exchange, entry: DavEntry): Promise<void> {
  const headers = { ...HEADERS, "Content-Disposition": disposition(`${titleOf(entry)}.strm`) };
  return sendAnswer(exchange, { status: 200, headers, text: `${urlOf(dav, exchange, exchange.path)}\n` }, dav);
}

/** An extended M3U in UTF-8 of what can be played in a collection and, within bounds, below it; URLs as this client reaches them. */
export async function sendFolderPlaylist(dav: Dav, exchange: Exchange, entry: DavEntry): Promise<void> {
  const { req, res, socket, path } = exchange;
  const name = entry.name || ROOT_NAME;
  const head = {
    ...HEADERS,
    "Content-Type": "audio/x-mpegurl; charset=utf-8",
    "Content-Disposition": disposition(`${name}.m3u`),
  };
  if (req.method === "HEAD") {
    res.writeHead(200, head).end();
    return;
  }
  const pages = mediaPages(dav, path);
  // What fails at once is an honest error.
  let page = pages.next();
  res.writeHead(200, head);
  let lines = `#EXTM3U\n#EXTENC:UTF-8\n#PLAYLIST:${oneLine(name)}\n`;
  for (; !page.done && !socket.destroyed; page = pages.next()) {
    for (const file of page.value) lines += `#EXTINF:-1,${titleOf(file.entry)}\n${urlOf(dav, exchange, file.path)}\n`;
    // Most folders hold one film: their lines travel together, but the others get a turn after each.
    if (lines.length < PIECE) await new Promise<void>((resolve) => setImmediate(resolve));
    else {
      await written(exchange, lines);
      lines = "";
    }
  }
  if (page.done && page.value.isCut) lines += "# There is more below than is listed here.\n";
  if (!socket.destroyed) res.end(lines);
}

/** Whether a collection's list would not be empty, as far as a first look tells. */
export function hasMedia(dav: Dav, path: DavPath): boolean {
  let looks = 0;
  for (const page of mediaPages(dav, path)) {
    if (page.length > 0) return true;
    looks += 1;
    if (looks === 8) return false;
  }
  return false;
}

interface MediaFile {
  readonly path: DavPath;
  readonly entry: DavEntry;
}

/**
 * What can be played in a collection, then in those below it, depth first, by name; a page for each look into the tree, which may be
 * empty, so that whoever takes them can let others have their turn.
 */
function* mediaPages({ tree }: Dav, root: DavPath): Generator<readonly MediaFile[], { isCut: boolean }, undefined> {
  let files = MOST_BELOW;
  let seen = MOST_SEEN_BELOW;

  function* folder(path: DavPath, level: number): Generator<readonly MediaFile[], void, undefined> {
    for (const page of pagesOf(path)) {
      const playable = page.filter(isMedia).map((entry) => ({ path: [...path, entry.name], entry }));
      if (level === 0) yield playable;
      else {
        yield playable.slice(0, files);
        files -= Math.min(files, playable.length);
        seen -= page.length + 1;
        if (files === 0 || seen <= 0) return;
      }
    }
    if (level === MOST_LEVELS) return;
    for (const page of pagesOf(path)) {
      for (const entry of page) {
        if (entry.kind !== "collection") continue;
        yield* folder([...path, entry.name], level + 1);
        if (files === 0 || seen <= 0) return;
      }
      yield [];
    }
  }

  function* pagesOf(path: DavPath): Generator<readonly DavEntry[], void, undefined> {
    let page: readonly DavEntry[];
    let after: string | undefined;
    do {
      page = tree.list(path, after, PAGE);
      yield page;
      after = page.at(-1)?.name;
    } while (page.length === PAGE);
  }

  yield* folder(root, 0);
  return { isCut: files === 0 || seen <= 0 };
}

function urlOf({ mountHref }: Dav, { origin }: Exchange, path: DavPath): string {
  return origin + mountHref + hrefOf(path, "resource");
}

/** The name without its extension. */
function titleOf({ name }: DavEntry): string {
  return oneLine(name.replace(/(?<=.)\.\w{1,5}$/, ""));
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, " ");
}

/** Content-Disposition with a file's name: RFC 6266, beyond plain ASCII also as RFC 8187 has it. */
function disposition(name: string): string {
  const plain = name.replace(/[^ !#-$&-[\]-~]/g, "_");
  return `attachment; filename="${plain}"${plain === name ? "" : `; filename*=UTF-8''${encodeSegment(name)}`}`;
}
