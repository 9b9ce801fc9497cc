import type { Dav, Exchange } from "./exchange.ts";
import { submittedTokens } from "./if-header.ts";
import { lockRootHref } from "./lock-properties.ts";
import type { Lock } from "./lock-table.ts";
import { UnmetCondition } from "./precondition.ts";
import type { DavPath } from "./tree.ts";

/** What a method is about to change: RFC 4918 section 7. */
export interface Change {
  readonly path: DavPath;
  /** `infinity`: with everything below (DELETE, the source of a MOVE, a destination that is replaced). */
  readonly depth: "0" | "infinity";
  /** A name comes into the parent collection or goes from it, so a lock on the parent protects it. */
  readonly changesParent: boolean;
}

/** Throws LOCKED (423) unless the If header submitted the token of every lock that protects one of these, from this user. */
export function requireTokens(dav: Dav, exchange: Exchange, changes: readonly Change[]): void {
  const { locks } = dav;
  if (locks.stats().locks === 0) return;
  const { user } = exchange.client;
  const submitted = submittedTokens(exchange);
  const demand = (path: DavPath) => {
    const covering = locks.covering(path);
    // Of several locks, which are shared ones then, one is enough: each lets its holder write.
    if (covering.length === 0 || covering.some((lock) => lock.user === user && submitted.has(lock.token))) return;
    throw locked(dav, covering);
  };

  for (const { path, depth, changesParent } of changes) {
    demand(path);
    if (changesParent && path.length > 0) demand(path.slice(0, -1));
    if (depth === "infinity") for (const lock of locks.below(path)) demand(lock.path);
  }
}

function locked(dav: Dav, locks: readonly Lock[]): UnmetCondition {
  return new UnmetCondition("LOCKED", "lock-token-submitted", {
    message: "this is locked",
    hrefs: locks.map((lock) => lockRootHref(dav, lock)),
  });
}
