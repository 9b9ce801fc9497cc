import { RequestError } from "../base/errors.ts";
import { allowOf } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { requireConditions } from "./require-conditions.ts";
import { requireTokens } from "./write-guard.ts";

/** MKCOL: RFC 4918 section 9.3. No body is understood. */
export async function handleMkcol(dav: Dav, exchange: Exchange): Promise<void> {
  const { tree } = dav;
  const { path, body } = exchange;
  if (body.length > 0) throw new RequestError("UNSUPPORTED_MEDIA", "a new folder is made without a body");
  const entry = tree.find(path);
  if (entry !== undefined) {
    const answer = { status: 405, headers: { Allow: allowOf(entry) }, text: "something is here already\n" };
    return sendAnswer(exchange, answer, dav);
  }
  if (tree.find(path.slice(0, -1))?.kind !== "collection") {
    throw new RequestError("CONFLICT", "the folder to make the folder in does not exist");
  }
  requireConditions(exchange, undefined);
  requireTokens(dav, exchange, [{ path, depth: "0", changesParent: true }]);
  tree.makeCollection(path);
  return sendAnswer(exchange, { status: 201 }, dav);
}
