import { RequestError } from "../base/errors.ts";
import type { Lock } from "./lock-table.ts";
import { outerXml, parseXml, type XmlElement } from "./xml.ts";

/** What a LOCK with a body asks for: RFC 4918 section 14.11. */
export type LockRequest = Pick<Lock, "scope" | "owner">;

/** It stands in the answer for each resource that the lock covers. */
const MAX_OWNER_CHARS = 2048;

const DEFAULT_TIMEOUT_S = 600;
const MAX_TIMEOUT_S = 86_400;

/** Throws RequestError BAD_XML, or BODY_TOO_LARGE for an owner beyond 2,048 characters. */
export function parseLockRequest(body: Uint8Array): LockRequest {
  const root = parseXml(body);
  if (root.namespace !== "DAV:" || root.local !== "lockinfo") throw badRequest("the body is not a DAV:lockinfo");
  const type = childOf(root, "locktype");
  if (type === undefined || childOf(type, "write") === undefined) throw badRequest("there are only write locks");
  const scope = childOf(root, "lockscope");
  const isExclusive = scope !== undefined && childOf(scope, "exclusive") !== undefined;
  const isShared = scope !== undefined && childOf(scope, "shared") !== undefined;
  if (isExclusive === isShared) throw badRequest("a lock is either exclusive or shared");
  const element = childOf(root, "owner");
  const owner = element === undefined ? "" : outerXml(element);
  if (owner.length > MAX_OWNER_CHARS) {
    throw new RequestError("BODY_TOO_LARGE", `the owner of a lock is longer than ${MAX_OWNER_CHARS} characters`);
  }
  return { scope: isExclusive ? "exclusive" : "shared", owner };
}

function childOf({ children }: XmlElement, local: string): XmlElement | undefined {
  return children.find((child) => child.namespace === "DAV:" && child.local === local);
}

function badRequest(why: string): RequestError {
  return new RequestError("BAD_XML", `the lock cannot be given: ${why}`);
}

/**
 * Seconds that a Timeout header (RFC 4918 section 10.7) gets: the first of its wishes that is understood, at least one and at most a
 * day; `fallback` without any.
 */
export function timeoutSeconds(header: string | undefined, fallback = DEFAULT_TIMEOUT_S): number {
  for (const wish of (header ?? "").split(",")) {
    const known = /^\s*(?:Second-(\d+)|Infinite)\s*$/i.exec(wish);
    if (known !== null) return Math.min(Math.max(Number(known[1] ?? MAX_TIMEOUT_S), 1), MAX_TIMEOUT_S);
  }
  return fallback;
}
