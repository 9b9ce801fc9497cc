import { httpDate, isoDate } from "./dates.ts";
import type { PropfindRequest } from "./propfind-request.ts";
import type { DavEntry } from "./tree.ts";
import { escapeXml, type XmlName } from "./xml.ts";

/** The XML of a property's value; undefined when the entry has no such property. */
type Value = (entry: DavEntry) => string | undefined;

const ROOT_NAME = "Newsreel";

/** Live properties of RFC 4918 section 15. The order is the order of the answer. */
const VALUES: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["displayname", (entry) => escapeXml(entry.name || ROOT_NAME)],
  // Kodi looks at the first child only, so there is no white space.
  ["resourcetype", (entry) => (isCollection(entry) ? "<D:collection/>" : "")],
  ["getcontentlength", (entry) => String(isCollection(entry) ? 0 : entry.size)],
  ["getcontenttype", (entry) => escapeXml(isCollection(entry) ? "httpd/unix-directory" : entry.contentType)],
  ["getlastmodified", (entry) => httpDate(entry.modifiedAt)],
  ["creationdate", (entry) => isoDate(entry.createdAt)],
  ["getetag", (entry) => (isCollection(entry) ? undefined : `&quot;${escapeXml(entry.etag)}&quot;`)],
  ["supportedlock", () => ""],
  ["lockdiscovery", () => ""],
  // Of an old draft; Infuse asks for it and shows folders as files without.
  ["iscollection", (entry) => (isCollection(entry) ? "1" : "0")],
]);

const FILE_NAMES = [...VALUES.keys()].filter((name) => name !== "iscollection");
const COLLECTION_NAMES = FILE_NAMES.filter((name) => !["getcontentlength", "getetag"].includes(name));
const LEAN_NAMES = ["displayname", "resourcetype", "getcontentlength", "getlastmodified", "creationdate"];

function isCollection(entry: DavEntry): boolean {
  return entry.kind === "collection";
}

/** Turns an entry into its `response` element; `href` is percent-encoded. */
export type RenderResponse = (href: string, entry: DavEntry) => string;

/**
 * Works out once per request what is then done once per entry. Explorer's client gets fewer properties on allprop, since it refuses
 * folders whose properties come to more than a megabyte.
 */
export function planResponse(request: PropfindRequest, userAgent: string): RenderResponse {
  if (request.kind === "propname") return renderNames;
  if (request.kind === "prop") {
    const asked = renderAsked(request.names);
    return (href, entry) => response(href, asked(entry));
  }
  const isLean = userAgent.startsWith("Microsoft-WebDAV-MiniRedir");
  if (request.include.length === 0) return isLean ? renderLean : renderAll;
  return isLean
    ? renderAllprop(LEAN_NAMES, LEAN_NAMES, request.include)
    : renderAllprop(FILE_NAMES, COLLECTION_NAMES, request.include);
}

function renderAllprop(
  ofFile: readonly string[],
  ofCollection: readonly string[],
  include: readonly XmlName[],
): RenderResponse {
  const file = renderAsked(withFurther(ofFile, include));
  const collection = renderAsked(withFurther(ofCollection, include));
  return (href, entry) => response(href, isCollection(entry) ? collection(entry) : file(entry));
}

function withFurther(locals: readonly string[], include: readonly XmlName[]): readonly XmlName[] {
  const names = locals.map((local) => ({ namespace: "DAV:", local }));
  const further = include.filter((name) => name.namespace !== "DAV:" || !locals.includes(name.local));
  return [...names, ...further];
}

/** The propstats for these names: what there is first, since some clients look no further. */
function renderAsked(names: readonly XmlName[]): (entry: DavEntry) => string {
  const known: { readonly local: string; readonly value: Value }[] = [];
  let unknown = "";
  for (const name of names) {
    const value = name.namespace === "DAV:" ? VALUES.get(name.local) : undefined;
    if (value === undefined) unknown += emptyElement(name);
    else known.push({ local: name.local, value });
  }
  return (entry) => {
    let found = "";
    let missing = unknown;
    for (const { local, value } of known) {
      const text = value(entry);
      if (text === undefined) missing += `<D:${local}/>`;
      else found += text === "" ? `<D:${local}/>` : `<D:${local}>${text}</D:${local}>`;
    }
    if (missing === "") return propstat(found, "200 OK");
    return (found === "" ? "" : propstat(found, "200 OK")) + propstat(missing, "404 Not Found");
  };
}

const renderAll = renderAllprop(FILE_NAMES, COLLECTION_NAMES, []);
const renderLean = renderAllprop(LEAN_NAMES, LEAN_NAMES, []);

const FILE_PROPNAMES = FILE_NAMES.map((local) => `<D:${local}/>`).join("");
const COLLECTION_PROPNAMES = COLLECTION_NAMES.map((local) => `<D:${local}/>`).join("");

function renderNames(href: string, entry: DavEntry): string {
  return response(href, propstat(isCollection(entry) ? COLLECTION_PROPNAMES : FILE_PROPNAMES, "200 OK"));
}

function emptyElement({ namespace, local }: XmlName): string {
  if (namespace === "DAV:") return `<D:${local}/>`;
  return namespace === "" ? `<${local}/>` : `<x:${local} xmlns:x="${escapeXml(namespace)}"/>`;
}

function propstat(properties: string, status: string): string {
  return `<D:propstat><D:prop>${properties}</D:prop><D:status>HTTP/1.1 ${status}</D:status></D:propstat>`;
}

function response(href: string, propstats: string): string {
  return `<D:response><D:href>${href}</D:href>${propstats}</D:response>`;
}
