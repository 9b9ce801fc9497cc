import type { DavEntry } from "./tree.ts";

/** Every method that works, somewhere. */
export const ALL_METHODS = "OPTIONS, GET, HEAD, PROPFIND, PUT";

/** The Allow header for what is at a target: RFC 9110 section 10.2.1. */
export function allowOf(entry: DavEntry | undefined): string {
  if (entry === undefined) return "OPTIONS, PUT";
  return entry.kind === "collection" ? "OPTIONS, PROPFIND" : ALL_METHODS;
}
