import type { DavEntry, DavPath } from "./tree.ts";

const UNRESERVED = /^[A-Za-z0-9._~-]*$/;
const ASCII = /^[\0-\x7f]*$/;

/** A path segment for a URL: every octet but the unreserved ones of RFC 3986 section 2.3 is percent-encoded. */
export function encodeSegment(name: string): string {
  if (UNRESERVED.test(name)) return name;
  const wellFormed = ASCII.test(name) ? name : name.replace(/\p{Cs}/gu, "\ufffd");
  return encodeURIComponent(wellFormed).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The absolute path of a URL for `path`, ending in `/` when it is a collection's. */
export function hrefOf(path: DavPath, kind: DavEntry["kind"]): string {
  let href = "";
  for (const segment of path) href += `/${encodeSegment(segment)}`;
  return kind === "collection" ? `${href}/` : href;
}

/** The same for a member, given the href of the collection it is in. */
export function memberHref(parentHref: string, member: DavEntry): string {
  const href = parentHref + encodeSegment(member.name);
  return member.kind === "collection" ? `${href}/` : href;
}
