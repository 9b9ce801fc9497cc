import type { DavEntry } from "./tree.ts";

/** Every method that works, somewhere. */
export const ALL_METHODS = "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, PUT, DELETE, MKCOL, COPY, MOVE, LOCK, UNLOCK";
const OF_COLLECTION = "OPTIONS, PROPFIND, PROPPATCH, DELETE, COPY, MOVE, LOCK, UNLOCK";
const OF_FILE = "OPTIONS, GET, HEAD, PROPFIND, PROPPATCH, PUT, DELETE, COPY, MOVE, LOCK, UNLOCK";

/** The Allow header for what is at a target: RFC 9110 section 10.2.1. */
export function allowOf(entry: DavEntry | undefined): string {
  if (entry === undefined) return "OPTIONS, MKCOL, PUT, LOCK";
  return entry.kind === "collection" ? OF_COLLECTION : OF_FILE;
}
