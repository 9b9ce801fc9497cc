import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { DavLimits } from "./limits.ts";
import type { LockTable } from "./lock-table.ts";
import type { Served } from "./served.ts";
import type { Target } from "./target.ts";
import type { DavEntry, DavTree, ReadContext } from "./tree.ts";

/** What every method works with. */
export interface Dav {
  readonly tree: DavTree;
  readonly locks: LockTable;
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits: DavLimits;
  /** The path of the tree's root as clients see it, ready for a URL, without a slash at its end. */
  readonly mountHref: string;
  readonly onServed: ((served: Served) => void) | undefined;
  /** The tree's path that a URL's path means, with the proxy's prefix or without; undefined when it lies outside the tree. */
  readonly locate: (url: string) => Target | undefined;
}

/** One request and its answer. `path` is the tree's. */
export interface Exchange extends Target {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** `req.socket` is null once the connection is gone; this is not. */
  readonly socket: Socket;
  readonly client: ReadContext["client"];
  /** Scheme and authority that the client reached us by, such as `https://nas.example:8443`; what it may call this server. */
  readonly origin: string;
  /** By the clock's `now()`. */
  readonly startedAt: number;
  /** The body of every method but PUT, which reads its own. */
  readonly body: Uint8Array;
}

/** What is at the target: a URL with a slash at its end does not mean a file. */
export function findEntry({ tree }: Dav, { path, hasTrailingSlash }: Exchange): DavEntry | undefined {
  const entry = tree.find(path);
  return entry?.kind === "resource" && hasTrailingSlash ? undefined : entry;
}
