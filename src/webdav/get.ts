import type { OutgoingHttpHeaders } from "node:http";
import { RequestError } from "../base/errors.ts";
import { allowOf } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import { checkConditions, ifRangeHolds } from "./conditions.ts";
import { httpDate } from "./dates.ts";
import { deliver } from "./deliver.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { sendListing } from "./listing-page.ts";
import { isMedia, playlistFormat, sendFileLink, sendFolderPlaylist } from "./playlist.ts";
import { chooseRange, contentRange, unsatisfiedRange } from "./range.ts";
import type { DavEntry } from "./tree.ts";

/** Files come from strangers: what a browser would run as a page of this origin is put into a sandbox. */
const SANDBOX = "default-src 'none'; sandbox";

/** GET and HEAD. HEAD answers as a GET without Range would (RFC 9110 section 14.2) and never opens a reader. */
export async function handleGet(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, res } = exchange;
  const entry = findEntry(dav, exchange);
  if (entry === undefined) throw new RequestError("NOT_FOUND", "there is no such file");
  const format = playlistFormat(req.url ?? "");
  if (entry.kind === "collection") {
    if (format === "m3u") return sendFolderPlaylist(dav, exchange, entry);
    if (req.headers.accept?.includes("text/html")) return sendListing(dav, exchange);
    return sendAnswer(
      exchange,
      { status: 405, headers: { Allow: allowOf(entry) }, text: "this is a collection\n" },
      dav,
    );
  }
  if (format === "strm" && isMedia(entry)) return sendFileLink(dav, exchange, entry);

  const verdict = checkConditions(req.headers, entry, "read");
  if (verdict === 304) return sendAnswer(exchange, { status: 304, headers: validators(entry) }, dav);
  if (verdict === 412)
    throw new RequestError("PRECONDITION_FAILED", "the file is not the one the request was meant for");

  const isRanged = req.method === "GET" && ifRangeHolds(req.headers["if-range"]?.toString(), entry, dav.clock.wall());
  const choice = chooseRange(isRanged ? req.headers.range : undefined, entry.size);
  if (choice.kind === "unsatisfiable") {
    const headers = { ...validators(entry), "Content-Range": unsatisfiedRange(entry.size), "Accept-Ranges": "bytes" };
    return sendAnswer(exchange, { status: 416, headers, text: `the file has ${entry.size} bytes\n` }, dav);
  }

  const isPart = choice.kind === "part";
  const range = isPart ? choice.range : { start: 0, end: entry.size };
  const headers: OutgoingHttpHeaders = {
    "Content-Type": entry.contentType,
    "Content-Length": range.end - range.start,
    "Accept-Ranges": "bytes",
    ETag: `"${entry.etag}"`,
    "Last-Modified": httpDate(entry.modifiedAt),
    "X-Content-Type-Options": "nosniff",
  };
  if (!isMedia(entry)) headers["Content-Security-Policy"] = SANDBOX;
  if (isPart) headers["Content-Range"] = contentRange(range, entry.size);
  const status = isPart ? 206 : 200;
  if (req.method === "GET" && range.end > range.start) return deliver(dav, exchange, { entry, range, status, headers });
  res.writeHead(status, headers).end();
}

function validators(entry: DavEntry) {
  return { ETag: `"${entry.etag}"`, "Last-Modified": httpDate(entry.modifiedAt) };
}
