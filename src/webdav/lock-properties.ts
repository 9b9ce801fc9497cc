import type { Dav } from "./exchange.ts";
import { hrefOf } from "./href.ts";
import type { Lock } from "./lock-table.ts";

const WRITE = "<D:locktype><D:write/></D:locktype>";

/** The value of DAV:supportedlock, the same for everything: RFC 4918 section 15.10. `D` is the prefix of `DAV:`. */
export const SUPPORTED_LOCK =
  `<D:lockentry><D:lockscope><D:exclusive/></D:lockscope>${WRITE}</D:lockentry>` +
  `<D:lockentry><D:lockscope><D:shared/></D:lockscope>${WRITE}</D:lockentry>`;

type Places = Pick<Dav, "tree" | "clock" | "mountHref">;

/** The URL of a lock's root, as clients know it. */
export function lockRootHref({ tree, mountHref }: Omit<Places, "clock">, { path }: Lock): string {
  return mountHref + hrefOf(path, tree.find(path)?.kind ?? "resource");
}

/**
 * The value of DAV:lockdiscovery for something under these locks, as `dav.locks.covering(path)` gives them; empty for none. RFC 4918
 * section 15.8. Tokens are shown to everybody, since clients look for their own here; they work for their user alone.
 */
export function renderLockDiscovery(dav: Places, locks: readonly Lock[]): string {
  let text = "";
  for (const lock of locks) text += activeLock(dav, lock);
  return text;
}

function activeLock(dav: Places, lock: Lock): string {
  const { scope, depth, owner, token, expiresAt } = lock;
  const secondsLeft = Math.max(1, Math.ceil((expiresAt - dav.clock.wall()) / 1000));
  return (
    `<D:activelock><D:lockscope><D:${scope}/></D:lockscope>${WRITE}<D:depth>${depth}</D:depth>${owner}` +
    `<D:timeout>Second-${secondsLeft}</D:timeout><D:locktoken><D:href>${token}</D:href></D:locktoken>` +
    `<D:lockroot><D:href>${lockRootHref(dav, lock)}</D:href></D:lockroot></D:activelock>`
  );
}
