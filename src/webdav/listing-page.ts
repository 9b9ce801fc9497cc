import { createHash } from "node:crypto";
import { httpDate } from "./dates.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { hrefOf, memberHref } from "./href.ts";
import { sendMembers } from "./member-pages.ts";
import type { DavEntry } from "./tree.ts";
import { escapeXml } from "./xml.ts";

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}" +
  "table{width:100%;border-collapse:collapse}td{padding:.2em .5em}td+td{text-align:right;white-space:nowrap}" +
  ":root{color-scheme:light dark}";

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

/** The members of a collection as a page for a browser. */
export async function sendListing(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, res, path } = exchange;
  if (req.method === "HEAD") {
    res.writeHead(200, HEADERS).end();
    return;
  }
  const href = dav.mountHref + hrefOf(path, "collection");
  const up =
    path.length === 0
      ? ""
      : `<tr><td><a href="${dav.mountHref}${hrefOf(path.slice(0, -1), "collection")}">..</a></td></tr>`;
  const title = escapeXml(`/${path.join("/")}`);
  return sendMembers(dav, exchange, {
    status: 200,
    headers: HEADERS,
    before:
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${STYLE}</style></head>` +
      `<body><h1>${title}</h1><table>${up}`,
    member: (member) => row(memberHref(href, member), member),
    after: "</table></body></html>",
  });
}

function row(href: string, { name, kind, size, modifiedAt }: DavEntry): string {
  const isCollection = kind === "collection";
  return (
    `<tr><td><a href="${href}">${escapeXml(name)}${isCollection ? "/" : ""}</a></td>` +
    `<td>${isCollection ? "" : humanSize(size)}</td><td>${httpDate(modifiedAt)}</td></tr>`
  );
}

function humanSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${"KMGT"[power - 1]}iB`;
}
