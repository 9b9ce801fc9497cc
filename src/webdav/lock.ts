import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { hrefOf } from "./href.ts";
import { submittedTokens } from "./if-header.ts";
import { lockRootHref, renderLockDiscovery } from "./lock-properties.ts";
import { parseLockRequest, timeoutSeconds } from "./lock-request.ts";
import type { Lock } from "./lock-table.ts";
import { renderError, UnmetCondition, XML_DECLARATION, XML_TYPE } from "./precondition.ts";
import { whileConnected } from "./presence.ts";
import { refuseEncodedBody } from "./request-body.ts";
import { requireConditions } from "./require-conditions.ts";
import { requireTokens } from "./write-guard.ts";

/** LOCK: RFC 4918 section 9.10. Where nothing is yet, an empty file is made (section 7.3). */
export async function handleLock(dav: Dav, exchange: Exchange): Promise<void> {
  const { path, body, client } = exchange;
  if (body.length === 0) return refresh(dav, exchange);
  refuseEncodedBody(exchange.req);
  const depth = depthOf(exchange);
  const { scope, owner } = parseLockRequest(body);
  const isNew = mustCreate(dav, exchange);

  const timeoutS = timeoutSeconds(timeoutHeader(exchange));
  const outcome = dav.locks.grant({ path, depth, scope, owner, user: client.user, timeoutS });
  if (outcome.kind === "conflict") return refuse(dav, exchange, outcome.locks);
  const { lock } = outcome;
  if (isNew) await createEmpty(dav, exchange, lock);
  return sendDiscovery(dav, exchange, {
    status: isNew ? 201 : 200,
    headers: { "Lock-Token": `<${lock.token}>` },
    first: lock,
  });
}

/** Section 9.10.2: the If header says which lock; one at a time. */
async function refresh(dav: Dav, exchange: Exchange): Promise<void> {
  const { path, client } = exchange;
  const submitted = submittedTokens(exchange);
  const [lock, ...others] = dav.locks.covering(path).filter(({ token }) => submitted.has(token));
  if (lock === undefined) {
    throw new UnmetCondition("PRECONDITION_FAILED", "lock-token-matches-request-uri", {
      message: "the If header names no lock that this is under",
    });
  }
  if (others.length > 0) throw new RequestError("BAD_REQUEST", "only one lock can be refreshed at a time");
  if (lock.user !== client.user) throw new RequestError("FORBIDDEN", "the lock is somebody else's");
  const refreshed = dav.locks.refresh(lock, timeoutSeconds(timeoutHeader(exchange), lock.timeoutS));
  return sendDiscovery(dav, exchange, { status: 200, headers: {}, first: refreshed });
}

function depthOf({ req }: Exchange): Lock["depth"] {
  const depth = String(req.headers["depth"] ?? "infinity").toLowerCase();
  if (depth !== "0" && depth !== "infinity") throw new RequestError("BAD_REQUEST", "Depth must be 0 or infinity");
  return depth;
}

function timeoutHeader({ req }: Exchange): string | undefined {
  const header = req.headers["timeout"];
  return Array.isArray(header) ? header.join(",") : header;
}

/** Whether there is nothing at the target yet. Throws when there could be nothing. */
function mustCreate(dav: Dav, exchange: Exchange): boolean {
  const { tree } = dav;
  const { path, hasTrailingSlash } = exchange;
  const entry = tree.find(path);
  if (entry?.kind !== "collection" && hasTrailingSlash) {
    throw new RequestError("CONFLICT", "a file's URL does not end in a slash");
  }
  if (entry !== undefined) {
    requireConditions(exchange, entry);
    return false;
  }
  if (tree.find(path.slice(0, -1))?.kind !== "collection") {
    throw new RequestError("CONFLICT", "the folder to make the file in does not exist");
  }
  requireTokens(dav, exchange, [{ path, depth: "0", changesParent: true }]);
  requireConditions(exchange, undefined);
  return true;
}

/** The lock comes first, so that nobody puts a file there that the empty one would then replace. */
async function createEmpty({ tree, locks }: Dav, exchange: Exchange, lock: Lock): Promise<void> {
  using presence = whileConnected(exchange);
  try {
    await tree.put(exchange.path, { length: 0, body: nothing(), signal: presence.signal });
  } catch (error) {
    locks.release(lock);
    throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

interface Discovery {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The lock that the client is to find first. */
  readonly first: Lock;
}

function sendDiscovery(dav: Dav, exchange: Exchange, { status, headers, first }: Discovery): Promise<void> {
  const others = dav.locks.covering(exchange.path).filter(({ token }) => token !== first.token);
  const locks = renderLockDiscovery(dav, [first, ...others]);
  const text = `${XML_DECLARATION}<D:prop xmlns:D="DAV:"><D:lockdiscovery>${locks}</D:lockdiscovery></D:prop>`;
  return sendAnswer(exchange, { status, headers, contentType: XML_TYPE, text }, dav);
}

/** A lock of a member is an answer of its own, which fails the whole: section 9.10.3. */
function refuse(dav: Dav, exchange: Exchange, locks: readonly Lock[]): Promise<void> {
  const { path } = exchange;
  const hrefs = locks.map((lock) => lockRootHref(dav, lock));
  const isOfMember = locks.some((lock) => lock.path.length > path.length);
  if (!isOfMember) {
    throw new UnmetCondition("LOCKED", "no-conflicting-lock", { message: "somebody has a lock already", hrefs });
  }
  const target = dav.mountHref + hrefOf(path, "collection");
  const members = hrefs.map((href) => response(href, "423 Locked", renderError("no-conflicting-lock")));
  const all = members.join("") + response(target, "424 Failed Dependency");
  const text = `${XML_DECLARATION}<D:multistatus xmlns:D="DAV:">${all}</D:multistatus>`;
  return sendAnswer(exchange, { status: 207, contentType: XML_TYPE, text }, dav);
}

function response(href: string, status: string, error = ""): string {
  return `<D:response><D:href>${href}</D:href><D:status>HTTP/1.1 ${status}</D:status>${error}</D:response>`;
}
