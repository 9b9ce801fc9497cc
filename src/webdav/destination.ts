import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";
import { isOurs } from "./authority.ts";
import type { Dav, Exchange } from "./exchange.ts";
import type { Target } from "./target.ts";

/**
 * Where a COPY or MOVE goes (RFC 4918 section 10.3): an absolute path, or a URL of this server by a name that the client reached it by,
 * with any scheme. undefined for another server's. Throws RequestError BAD_REQUEST, BAD_PATH, PATH_TOO_LONG, or FORBIDDEN outside the tree.
 */
export function readDestination(dav: Dav, exchange: Exchange): Target | undefined {
  const given = exchange.req.headersDistinct["destination"] ?? [];
  const [url] = given;
  if (url === undefined || given.length > 1) throw new RequestError("BAD_REQUEST", "one Destination is needed");
  const target = dav.locate(url);
  if (!isOurs(exchange, url)) return undefined;
  if (target !== undefined) return target;
  throw new RequestError("FORBIDDEN", "the Destination is outside of what WebDAV serves here");
}

/** The Overwrite header (RFC 4918 section 10.6). Throws RequestError BAD_REQUEST. */
export function mayOverwrite({ headers }: IncomingMessage): boolean {
  const overwrite = String(headers["overwrite"] ?? "T").toUpperCase();
  if (overwrite !== "T" && overwrite !== "F") throw new RequestError("BAD_REQUEST", "Overwrite must be T or F");
  return overwrite === "T";
}
