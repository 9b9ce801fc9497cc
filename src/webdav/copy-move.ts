import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import { mayOverwrite, readDestination } from "./destination.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { requireConditions } from "./require-conditions.ts";
import { pathBelow, type Target } from "./target.ts";
import type { DavEntry, DavPath } from "./tree.ts";
import { type Change, requireTokens } from "./write-guard.ts";

/** COPY: RFC 4918 section 9.8. */
export function handleCopy(dav: Dav, exchange: Exchange): Promise<void> {
  return transfer(dav, exchange, "copy");
}

/** MOVE: RFC 4918 section 9.9. */
export function handleMove(dav: Dav, exchange: Exchange): Promise<void> {
  return transfer(dav, exchange, "move");
}

async function transfer(dav: Dav, exchange: Exchange, kind: "copy" | "move"): Promise<void> {
  const { tree, locks } = dav;
  const { req, path: from } = exchange;
  const overwrites = mayOverwrite(req);
  const destination = readDestination(dav, exchange);
  if (destination === undefined) {
    return sendAnswer(exchange, { status: 502, text: "the Destination is on another server\n" }, dav);
  }
  const { path: to } = destination;
  const entry = findEntry(dav, exchange);
  if (entry === undefined) throw new RequestError("NOT_FOUND", "there is nothing at this URL");
  const depth = depthOf(exchange, entry, kind);
  refuseEntangled(from, to);

  const replaced = tree.find(to);
  refuseBadPlace(dav, entry, destination, replaced);
  requireConditions(exchange, entry);
  if (replaced !== undefined && !overwrites) {
    throw new RequestError("PRECONDITION_FAILED", "there is something at the Destination, and Overwrite is F");
  }
  const changes: Change[] = [{ path: to, depth: replaced === undefined ? "0" : "infinity", changesParent: true }];
  if (kind === "move") changes.push({ path: from, depth: "infinity", changesParent: true });
  requireTokens(dav, exchange, changes);

  if (kind === "move") await tree.move(from, to);
  else await tree.copy(from, to, depth);
  // A lock is on a URL: whatever comes to stand there is under it (RFC 4918 section 7.6).
  locks.forgetBelow(to);
  if (kind === "move") locks.forget(from);
  return sendAnswer(exchange, { status: replaced === undefined ? 201 : 204 }, dav);
}

/** Of a file there is nothing to go down into, and clients send all kinds. */
function depthOf({ req }: Exchange, entry: DavEntry, kind: "copy" | "move"): "0" | "infinity" {
  const depth = String(req.headers["depth"] ?? "infinity").toLowerCase();
  if (entry.kind === "resource" || depth === "infinity") return "infinity";
  if (depth === "0" && kind === "copy") return "0";
  const allowed = kind === "copy" ? "0 or infinity" : "infinity";
  throw new RequestError("BAD_REQUEST", `to ${kind} a folder, Depth must be ${allowed}`);
}

function refuseEntangled(from: DavPath, to: DavPath): void {
  if (from.length === 0 || to.length === 0) throw new RequestError("FORBIDDEN", "the root stays what it is");
  if (pathBelow(from, to) !== undefined) {
    throw new RequestError("FORBIDDEN", "the Destination is the same as the source, or in it");
  }
  if (pathBelow(to, from) !== undefined) {
    throw new RequestError("FORBIDDEN", "the source is in what it would replace at the Destination");
  }
}

function refuseBadPlace({ tree }: Dav, entry: DavEntry, { path, hasTrailingSlash }: Target, replaced?: DavEntry): void {
  if (tree.find(path.slice(0, -1))?.kind !== "collection") {
    throw new RequestError("CONFLICT", "the folder of the Destination does not exist");
  }
  if (entry.kind === "resource" && hasTrailingSlash && replaced?.kind !== "collection") {
    throw new RequestError("CONFLICT", "the URL of a file does not end in a slash");
  }
}
