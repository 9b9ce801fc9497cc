import { httpDate, isoDate } from "./dates.ts";
import type { Dav } from "./exchange.ts";
import { renderLockDiscovery, SUPPORTED_LOCK } from "./lock-properties.ts";
import { emptyElement, propstatElement, responseElement } from "./multistatus.ts";
import type { PropfindRequest } from "./propfind-request.ts";
import type { DavEntry, DavPath, DavSpace, DeadProperty } from "./tree.ts";
import { escapeXml, nameKey, type XmlName } from "./xml.ts";

/** What the values of one request come from, apart from the entries. */
interface Sources {
  readonly dav: Dav;
  /** undefined when it is not known, or not for this client. */
  readonly space: () => DavSpace | undefined;
  readonly hasLocks: boolean;
}

/** The XML of a property's value; undefined when the entry has no such property. `parent` is the collection that it is in. */
type Value = (entry: DavEntry, parent: DavPath, sources: Sources) => string | undefined;

const ROOT_NAME = "Newsreel";

/** Live properties of RFC 4918 section 15. The order is the order of the answer. */
const STANDARD: readonly (readonly [local: string, value: Value])[] = [
  ["displayname", (entry) => escapeXml(entry.name || ROOT_NAME)],
  // Kodi looks at the first child only, so there is no white space.
  ["resourcetype", (entry) => (isCollection(entry) ? "<D:collection/>" : "")],
  ["getcontentlength", (entry) => String(isCollection(entry) ? 0 : entry.size)],
  ["getcontenttype", (entry) => escapeXml(isCollection(entry) ? "httpd/unix-directory" : entry.contentType)],
  ["getlastmodified", (entry) => httpDate(entry.modifiedAt)],
  ["creationdate", (entry) => isoDate(entry.createdAt)],
  ["getetag", (entry) => (isCollection(entry) ? undefined : `&quot;${escapeXml(entry.etag)}&quot;`)],
  ["supportedlock", () => SUPPORTED_LOCK],
  ["lockdiscovery", lockDiscovery],
];

/** Live properties for those who ask for them by name. */
const FURTHER: readonly (readonly [local: string, value: Value])[] = [
  // Of an old draft; Infuse asks for it and shows folders as files without.
  ["iscollection", (entry) => (isCollection(entry) ? "1" : "0")],
  // RFC 4331.
  ["quota-available-bytes", (entry, _, { space }) => (isCollection(entry) ? space()?.available.toString() : undefined)],
  ["quota-used-bytes", (entry, _, { space }) => (isCollection(entry) ? space()?.used.toString() : undefined)],
];

const VALUES: ReadonlyMap<string, Value> = new Map([...STANDARD, ...FURTHER]);
const FILE_NAMES = STANDARD.map(([local]) => local);
const COLLECTION_NAMES = FILE_NAMES.filter((local) => !["getcontentlength", "getetag"].includes(local));
const LEAN_NAMES = ["displayname", "resourcetype", "getcontentlength", "getlastmodified", "creationdate"];

/** Of Win32FileAttributes and its like. */
const EXPLORER_NAMESPACE = "urn:schemas-microsoft-com:";

function isCollection(entry: DavEntry): boolean {
  return entry.kind === "collection";
}

function lockDiscovery({ name }: DavEntry, parent: DavPath, { dav, hasLocks }: Sources): string {
  if (!hasLocks) return "";
  return renderLockDiscovery(dav, dav.locks.covering(name === "" ? [] : [...parent, name]));
}

/** Its value is the server's to give, so that no client can set or remove it: RFC 4918 section 15. */
export function isLive({ namespace, local }: XmlName): boolean {
  return namespace === "DAV:" && VALUES.has(local);
}

/** Turns an entry of the collection `parent` into its `response` element; `href` is percent-encoded. */
export type RenderResponse = (href: string, entry: DavEntry, parent: DavPath) => string;

type Render = (entry: DavEntry, parent: DavPath, sources: Sources) => string;

/**
 * Works out once per request what is then done once per entry. Explorer's client gets fewer properties on allprop, since it refuses
 * folders whose properties come to more than a megabyte.
 */
export function planResponse(dav: Dav, request: PropfindRequest, userAgent: string): RenderResponse {
  const sources: Sources = { dav, space: spaceFor(dav, userAgent), hasLocks: dav.locks.stats().locks > 0 };
  const render = chooseRender(request, userAgent);
  return (href, entry, parent) => responseElement(href, render(entry, parent, sources));
}

function chooseRender(request: PropfindRequest, userAgent: string): Render {
  if (request.kind === "propname") return renderNames;
  if (request.kind === "prop") return renderAsked(request.names, () => false);
  const isLean = userAgent.startsWith("Microsoft-WebDAV-MiniRedir");
  if (request.include.length === 0) return isLean ? renderLean : renderAll;
  return isLean ? renderLeanWith(request.include) : renderAllWith(request.include);
}

/** Finder waits for minutes when it learns of quotas. One answer tells of one state. */
function spaceFor({ tree }: Dav, userAgent: string): () => DavSpace | undefined {
  if (/^WebDAV(?:FS|Lib)\//.test(userAgent)) return () => undefined;
  let known: { readonly space: DavSpace | undefined } | undefined;
  return () => {
    known ??= { space: tree.space() };
    return known.space;
  };
}

function renderAllWith(include: readonly XmlName[]): Render {
  const file = renderAsked(withFurther(FILE_NAMES, include), () => true);
  const collection = renderAsked(withFurther(COLLECTION_NAMES, include), () => true);
  return (entry, parent, sources) => (isCollection(entry) ? collection : file)(entry, parent, sources);
}

function renderLeanWith(include: readonly XmlName[]): Render {
  return renderAsked(withFurther(LEAN_NAMES, include), ({ namespace }) => namespace === EXPLORER_NAMESPACE);
}

function withFurther(locals: readonly string[], include: readonly XmlName[]): readonly XmlName[] {
  const names = locals.map((local) => ({ namespace: "DAV:", local }));
  const further = include.filter((name) => name.namespace !== "DAV:" || !locals.includes(name.local));
  return [...names, ...further];
}

/** The propstats for these names, and for dead properties beside: what there is first, since some clients look no further. */
function renderAsked(names: readonly XmlName[], isShown: (property: DeadProperty) => boolean): Render {
  const live: { readonly local: string; readonly value: Value }[] = [];
  const dead = new Map<string, string>();
  for (const name of names) {
    const value = name.namespace === "DAV:" ? VALUES.get(name.local) : undefined;
    if (value === undefined) dead.set(nameKey(name), emptyElement(name));
    else live.push({ local: name.local, value });
  }
  const allDead = [...dead.values()].join("");

  return (entry, parent, sources) => {
    const { properties } = entry;
    let found = "";
    let missing = properties === undefined ? allDead : absent(dead, properties);
    for (const { local, value } of live) {
      const text = value(entry, parent, sources);
      if (text === undefined) missing += `<D:${local}/>`;
      else found += text === "" ? `<D:${local}/>` : `<D:${local}>${text}</D:${local}>`;
    }
    for (const property of properties ?? []) {
      if (isShown(property) || dead.has(nameKey(property))) found += property.xml;
    }
    if (missing === "") return propstatElement(found, "200 OK");
    return (found === "" ? "" : propstatElement(found, "200 OK")) + propstatElement(missing, "404 Not Found");
  };
}

function absent(asked: ReadonlyMap<string, string>, properties: readonly DeadProperty[]): string {
  const present = new Set(properties.map(nameKey));
  let text = "";
  for (const [key, element] of asked) if (!present.has(key)) text += element;
  return text;
}

const renderAll = renderAllWith([]);
const renderLean = renderLeanWith([]);

const FILE_PROPNAMES = FILE_NAMES.map((local) => `<D:${local}/>`).join("");
const COLLECTION_PROPNAMES = COLLECTION_NAMES.map((local) => `<D:${local}/>`).join("");

function renderNames(entry: DavEntry): string {
  const dead = (entry.properties ?? []).map(emptyElement).join("");
  return propstatElement((isCollection(entry) ? COLLECTION_PROPNAMES : FILE_PROPNAMES) + dead, "200 OK");
}
