import type { IncomingHttpHeaders } from "node:http";
import { parseHttpDate, wholeSecond } from "./dates.ts";
import type { DavEntry } from "./tree.ts";

/** `proceed`, or the status that the request ends with instead. */
export type Verdict = "proceed" | 304 | 412;

interface Tag {
  readonly weak: boolean;
  readonly text: string;
}

const TAG = /[\s,]*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?=,|$)/y;
const SECOND = 1000;

/**
 * The preconditions of RFC 9110 section 13, in the order of section 13.2.2, for what is (or is not yet) at the target. A read that
 * the client has already is 304, everything else that does not hold 412.
 */
export function checkConditions(
  headers: IncomingHttpHeaders,
  entry: DavEntry | undefined,
  intent: "read" | "write",
): Verdict {
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined) {
    if (!listHas(ifMatch, entry, "strong")) return 412;
  } else if (!unmodifiedSince(headers["if-unmodified-since"], entry)) return 412;

  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) {
    if (!listHas(ifNoneMatch, entry, "weak")) return "proceed";
    return intent === "read" ? 304 : 412;
  }
  if (intent === "write") return "proceed";
  return modifiedSince(headers["if-modified-since"], entry) ? "proceed" : 304;
}

/**
 * Whether a Range may be honoured in view of If-Range (RFC 9110 section 13.1.5): a strong tag that is equal, or the exact
 * Last-Modified once that second is over.
 */
export function ifRangeHolds(header: string | undefined, entry: DavEntry, wallMs: number): boolean {
  if (header === undefined) return true;
  const date = parseHttpDate(header);
  if (date !== undefined) return date === wholeSecond(entry.modifiedAt) && wallMs - date > SECOND;
  return header.trim() === `"${entry.etag}"`;
}

function listHas(header: string, entry: DavEntry | undefined, comparison: "strong" | "weak"): boolean {
  if (entry === undefined) return false;
  if (header.trim() === "*") return true;
  return parseTags(header).some((tag) => tag.text === entry.etag && (comparison === "weak" || !tag.weak));
}

/** The tags up to the first thing that is none. */
function parseTags(header: string): Tag[] {
  const tags: Tag[] = [];
  TAG.lastIndex = 0;
  for (let match = TAG.exec(header); match !== null; match = TAG.exec(header)) {
    tags.push({ weak: match[1] !== undefined, text: match[2] as string });
  }
  return tags;
}

function unmodifiedSince(header: string | undefined, entry: DavEntry | undefined): boolean {
  const date = header === undefined ? undefined : parseHttpDate(header);
  return date === undefined || entry === undefined || wholeSecond(entry.modifiedAt) <= date;
}

function modifiedSince(header: string | undefined, entry: DavEntry | undefined): boolean {
  const date = header === undefined ? undefined : parseHttpDate(header);
  return date === undefined || entry === undefined || wholeSecond(entry.modifiedAt) > date;
}
