import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { hrefOf, memberHref } from "./href.ts";
import { sendMembers } from "./member-pages.ts";
import { planResponse } from "./properties.ts";
import { parsePropfind } from "./propfind-request.ts";

const XML = "application/xml; charset=utf-8";
const BEFORE = '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">';
const AFTER = "</D:multistatus>";
const FINITE_DEPTH =
  '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>';

/** PROPFIND: RFC 4918 section 9.1, depths 0 and 1. */
export async function handlePropfind(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, path, client, body } = exchange;
  const encoding = req.headers["content-encoding"];
  if (body.length > 0 && encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new RequestError("UNSUPPORTED_MEDIA", "the body must not have a Content-Encoding");
  }
  const entry = findEntry(dav, exchange);
  if (entry === undefined) throw new RequestError("NOT_FOUND", "there is nothing at this URL");
  const depth = String(req.headers["depth"] ?? "infinity").toLowerCase();
  if (depth === "infinity") return sendAnswer(exchange, { status: 403, contentType: XML, text: FINITE_DEPTH }, dav);
  if (depth !== "0" && depth !== "1") throw new RequestError("BAD_REQUEST", "Depth must be 0 or 1");

  const render = planResponse(parsePropfind(body), client.userAgent);
  const href = dav.mountHref + hrefOf(path, entry.kind);
  const before = BEFORE + render(href, entry);
  if (depth === "0" || entry.kind === "resource") {
    return sendAnswer(exchange, { status: 207, contentType: XML, text: before + AFTER }, dav);
  }
  return sendMembers(dav, exchange, {
    status: 207,
    headers: { "Content-Type": XML },
    before,
    member: (member) => render(memberHref(href, member), member),
    after: AFTER,
  });
}
