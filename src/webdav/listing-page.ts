import { createHash } from "node:crypto";
import { isoDate } from "./dates.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { hrefOf, memberHref } from "./href.ts";
import { sendMembers } from "./member-pages.ts";
import { hasMedia, isMedia } from "./playlist.ts";
import type { DavEntry } from "./tree.ts";
import { escapeXml } from "./xml.ts";

const STYLE =
  ":root{color-scheme:light dark}" +
  "body{font:16px/1.5 system-ui,sans-serif;margin:1em auto;max-width:60em;padding:0 .75em;overflow-wrap:anywhere}" +
  "h1{font-size:1.25em}table{width:100%;border-collapse:collapse}td{padding:.4em .25em;vertical-align:top}" +
  "td+td{text-align:right;white-space:nowrap;font-size:.85em;opacity:.8}" +
  "@media(max-width:36em){tr{display:block}td{display:inline}td:first-child{display:block;padding-bottom:0}}";

const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
  Vary: "Accept",
};

/** The members of a collection as a page for a browser, without scripts; what can be played has links to lists for players. */
export async function sendListing(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange;
  if (req.method === "HEAD") {
    res.writeHead(200, HEADERS).end();
    return;
  }
  const href = dav.mountHref + hrefOf(path, "collection");
  const title = escapeXml(`/${path.join("/")}`);
  const playlist = hasMedia(dav, path) ? `<p><a href="${href}?format=m3u">Play all (m3u)</a></p>` : "";
  const up = path.length === 0 ? "" : row(dav.mountHref + hrefOf(path.slice(0, -1), "collection"), "..");
  return sendMembers(dav, exchange, {
    status: 200,
    headers: HEADERS,
    before:
      '<!doctype html><html lang="en"><head><meta charset="utf-8">' +
      '<meta name="viewport" content="width=device-width,initial-scale=1">' +
      `<title>${title}</title><style>${STYLE}</style></head><body><h1>${title}</h1>${playlist}<table>${up}`,
    member: (member) => memberRow(memberHref(href, member), member),
    after: "</table></body></html>",
  });
}

function memberRow(href: string, member: DavEntry): string {
  const { name, kind, size, modifiedAt } = member;
  const isCollection = kind === "collection";
  // Names may turn the direction of writing: that of the next columns is not theirs to change.
  const shown = `<bdi>${escapeXml(name)}</bdi>${isCollection ? "/" : ""}`;
  const link = isMedia(member) ? `<a href="${href}?format=strm">strm</a>` : "";
  const date = isoDate(modifiedAt).slice(0, 16).replace("T", " ");
  return row(href, shown, link, isCollection ? "" : humanSize(size), date);
}

function row(href: string, shown: string, ...cells: readonly string[]): string {
  return `<tr><td><a href="${href}">${shown}</a></td>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

function humanSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${"KMGT"[power - 1]}iB`;
}
