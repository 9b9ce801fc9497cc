import { RequestError } from "../base/errors.ts";
import { badRequest } from "./errors.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const MAX_VALUE = 4096;

/** Where the library stands in the WebDAV tree; every path that the API gives out begins with it. */
const LIBRARY = "/dav/library";

/** A parameter's text, or undefined when it is absent or empty. Throws BAD_REQUEST when it is too long. */
export function textParam(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name) ?? "";
  if (text.length > MAX_VALUE) throw badRequest(`${name} is longer than ${MAX_VALUE} characters`);
  return text === "" ? undefined : text;
}

/** `limit`: 1 to 500, 50 when absent. */
export function limitParam(query: URLSearchParams): number {
  const text = textParam(query, "limit");
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw badRequest(`limit is a whole number from 1 to ${MAX_LIMIT}`);
  return limit;
}

/** A whole number from 0 on; undefined when it is absent. Throws BAD_REQUEST for anything else. */
export function wholeParam(query: URLSearchParams, name: string): number | undefined {
  const text = textParam(query, name);
  if (text !== undefined && !/^\d{1,9}$/.test(text)) throw badRequest(`${name} is a whole number from 0 on`);
  return text === undefined ? undefined : Number(text);
}

/** A switch: `1` or `0`, which it is when absent. Throws BAD_REQUEST for anything else. */
export function flagParam(query: URLSearchParams, name: string): boolean {
  const text = textParam(query, name) ?? "0";
  if (text !== "0" && text !== "1") throw badRequest(`${name} is 0 or 1`);
  return text === "1";
}

/** `{id}` of a route, for ids that are whole numbers; undefined for what only looks like one. */
export function idParam(params: Readonly<Record<string, string>>): number | undefined {
  const text = params["id"] ?? "";
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

/** `path`: `/library/a/b`, with or without `/dav` before it, as the catalog writes it: `a/b`. Throws BAD_PATH for anything else. */
export function libraryPathParam(query: URLSearchParams): string {
  const text = textParam(query, "path") ?? "/library";
  const inside = /^(?:\/dav)?\/library(?:\/(.*))?$/su.exec(text);
  if (inside === null) throw badPath("does not begin with /library");
  const path = (inside[1] ?? "").replace(/\/$/, "").normalize("NFC");
  if (path === "") return path;
  for (const name of path.split("/")) {
    if (name === "" || name === "." || name === "..") throw badPath("holds an empty name, . or ..");
    if (/[\u0000-\u001f\u007f]/.test(name)) throw badPath("holds a control character");
  }
  return path;
}

/** A catalog path as it stands under WebDAV, not percent-encoded. */
export function davPath(path: string): string {
  return path === "" ? LIBRARY : `${LIBRARY}/${path}`;
}

function badPath(what: string): RequestError {
  return new RequestError("BAD_PATH", `path ${what}`, { hint: "give it as /library/<category>/<release>/<file>" });
}
