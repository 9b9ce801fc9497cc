import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { hrefOf, memberHref } from "./href.ts";
import { sendMembers } from "./member-pages.ts";
import { AFTER_RESPONSES, BEFORE_RESPONSES } from "./multistatus.ts";
import { UnmetCondition, XML_TYPE } from "./precondition.ts";
import { planResponse } from "./properties.ts";
import { parsePropfind } from "./propfind-request.ts";
import { refuseEncodedBody } from "./request-body.ts";

/** PROPFIND: RFC 4918 section 9.1, depths 0 and 1. */
export async function handlePropfind(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, path, client, body } = exchange;
  if (body.length > 0) refuseEncodedBody(req);
  const entry = findEntry(dav, exchange);
  if (entry === undefined) throw new RequestError("NOT_FOUND", "there is nothing at this URL");
  const depth = String(req.headers["depth"] ?? "infinity").toLowerCase();
  if (depth === "infinity") {
    throw new UnmetCondition("FORBIDDEN", "propfind-finite-depth", { message: "Depth must be 0 or 1" });
  }
  if (depth !== "0" && depth !== "1") throw new RequestError("BAD_REQUEST", "Depth must be 0 or 1");

  const render = planResponse(dav, parsePropfind(body), client.userAgent);
  const href = dav.mountHref + hrefOf(path, entry.kind);
  const before = BEFORE_RESPONSES + render(href, entry, path.slice(0, -1));
  if (depth === "0" || entry.kind === "resource") {
    return sendAnswer(exchange, { status: 207, contentType: XML_TYPE, text: before + AFTER_RESPONSES }, dav);
  }
  return sendMembers(dav, exchange, {
    status: 207,
    headers: { "Content-Type": XML_TYPE },
    before,
    member: (member) => render(memberHref(href, member), member, path),
    after: AFTER_RESPONSES,
  });
}
