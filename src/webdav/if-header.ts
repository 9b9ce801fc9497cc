import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";
import { isOurs } from "./authority.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { UnmetCondition } from "./precondition.ts";
import type { DavPath } from "./tree.ts";

const MAX_BYTES = 16 * 1024;
const MAX_CONDITIONS = 256;

interface Condition {
  readonly isNegated: boolean;
  readonly kind: "token" | "etag";
  /** A token without brackets; the text of an entity tag without quotes. */
  readonly text: string;
}

/** All of its conditions must hold. */
export interface IfList {
  /** What the list is about, as the client wrote it; undefined for the target of the request. */
  readonly resource: string | undefined;
  readonly conditions: readonly Condition[];
}

const TAG = /[ \t]*<([^<> \t]+)>[ \t]*/y;
const OPEN = /[ \t]*\([ \t]*/y;
const CLOSE = /\)[ \t]*/y;
const CONDITION = /(not(?=[ \t<[])[ \t]*)?(?:<([^<> \t]+)>|\[(?:W\/)?"([^"]*)"\])[ \t]*/iy;

/** The lists of an If header, one of which must hold: RFC 4918 section 10.4.2. Throws RequestError BAD_REQUEST. */
export function parseIf(header: string): readonly IfList[] {
  if (header.length > MAX_BYTES) throw malformed("it is too long");
  const lists: IfList[] = [];
  let at = 0;
  let conditions = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match !== null) at = pattern.lastIndex;
    return match ?? undefined;
  };
  const list = (resource: string | undefined): boolean => {
    if (take(OPEN) === undefined) return false;
    const all: Condition[] = [];
    for (let match = take(CONDITION); match !== undefined; match = take(CONDITION)) {
      conditions += 1;
      if (conditions > MAX_CONDITIONS) throw malformed("it has too many conditions");
      const [, not, token, etag = ""] = match;
      const kind = token === undefined ? "etag" : "token";
      all.push({ isNegated: not !== undefined, kind, text: token ?? etag });
    }
    if (all.length === 0 || take(CLOSE) === undefined) throw malformed("a list is not well-formed");
    lists.push({ resource, conditions: all });
    return true;
  };

  while (list(undefined));
  for (let tag = take(TAG); tag !== undefined; tag = take(TAG)) {
    if (!list(tag[1])) throw malformed("a resource has no list");
    while (list(tag[1]));
  }
  if (lists.length === 0 || at < header.length) throw malformed("it is not a sequence of lists");
  return lists;
}

const parsed = new WeakMap<IncomingMessage, readonly IfList[]>();

/** The lists of a request's If header, none without one; looked at once, however often they are asked for. */
function ifLists({ req }: Pick<Exchange, "req">): readonly IfList[] {
  const header = req.headers["if"];
  if (typeof header !== "string") return [];
  let lists = parsed.get(req);
  if (lists === undefined) {
    lists = parseIf(header);
    parsed.set(req, lists);
  }
  return lists;
}

/** Every token that the If header mentions, in whatever list: RFC 4918 section 10.4.1. */
export function submittedTokens(exchange: Pick<Exchange, "req">): ReadonlySet<string> {
  const tokens = new Set<string>();
  for (const { conditions } of ifLists(exchange)) {
    for (const { kind, text } of conditions) if (kind === "token") tokens.add(text);
  }
  return tokens;
}

/** Throws PRECONDITION_FAILED when none of the lists of the If header holds: RFC 4918 section 10.4. */
export function checkIf(dav: Dav, exchange: Exchange): void {
  const { req, body } = exchange;
  for (const list of ifLists(exchange)) if (holds(dav, exchange, list)) return;
  const message = "nothing is in the state that the If header names";
  // Section 9.10.6: a lock that is to be refreshed is not there any more, or is elsewhere.
  if (req.method === "LOCK" && body.length === 0) {
    throw new UnmetCondition("PRECONDITION_FAILED", "lock-token-matches-request-uri", { message });
  }
  throw new RequestError("PRECONDITION_FAILED", message);
}

function holds(dav: Dav, exchange: Exchange, { resource, conditions }: IfList): boolean {
  const path = resource === undefined ? exchange.path : pathOf(dav, exchange, resource);
  return conditions.every(({ kind, text, isNegated }) => {
    const isSo = path !== undefined && (kind === "token" ? isUnder(dav, path, text) : isTagged(dav, path, text));
    return isSo !== isNegated;
  });
}

function isUnder({ locks }: Dav, path: DavPath, token: string): boolean {
  return locks.covering(path).some((lock) => lock.token === token);
}

/** The comparison is the weak one, so that the tags of a proxy that compresses are as good as ours. */
function isTagged({ tree }: Dav, path: DavPath, etag: string): boolean {
  const entry = tree.find(path);
  return entry?.kind === "resource" && entry.etag === etag;
}

/** undefined for what is not ours, which is in no state that anybody could name. */
function pathOf(dav: Dav, exchange: Exchange, resource: string): DavPath | undefined {
  if (!resource.startsWith("/") && !URL.canParse(resource)) throw malformed("a resource is neither a URL nor a path");
  return isOurs(exchange, resource) ? dav.locate(resource)?.path : undefined;
}

function malformed(why: string): RequestError {
  return new RequestError("BAD_REQUEST", `the If header cannot be understood: ${why}`);
}
