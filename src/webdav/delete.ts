import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { requireConditions } from "./require-conditions.ts";
import { requireTokens } from "./write-guard.ts";

/** DELETE: RFC 4918 section 9.6. All of a collection goes, or nothing. */
export async function handleDelete(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, path } = exchange;
  if (path.length === 0) throw new RequestError("FORBIDDEN", "the root cannot be deleted");
  const entry = findEntry(dav, exchange);
  if (entry === undefined) throw new RequestError("NOT_FOUND", "there is nothing at this URL");
  const depth = String(req.headers["depth"] ?? "infinity").toLowerCase();
  if (entry.kind === "collection" && depth !== "infinity") {
    throw new RequestError("BAD_REQUEST", "a folder is deleted with everything in it: Depth must be infinity");
  }
  requireConditions(exchange, entry);
  requireTokens(dav, exchange, [{ path, depth: "infinity", changesParent: true }]);
  dav.tree.remove(path);
  dav.locks.forget(path);
  return sendAnswer(exchange, { status: 204 }, dav);
}
