import { SaxesParser, type SaxesTagNS } from "saxes";
import { RequestError } from "../base/errors.ts";

/** The name of an element: namespace URI (empty for none) and local name. */
export interface XmlName {
  readonly namespace: string;
  readonly local: string;
}

/** Equal for equal names. */
export function nameKey({ namespace, local }: XmlName): string {
  return `${namespace} ${local}`;
}

/** Whether it is `name` of the namespace `DAV:`. */
export function isDav({ namespace, local }: XmlName, name: string): boolean {
  return namespace === "DAV:" && local === name;
}

interface XmlAttribute {
  /** As it was written, with its prefix. */
  readonly name: string;
  readonly value: string;
  /** The prefix (empty for the default namespace) that it declares; undefined for every other attribute. */
  readonly declares: string | undefined;
  /** The prefix that it has; empty for none, and for declarations. */
  readonly prefix: string;
}

export interface XmlElement extends XmlName {
  /** As it was written, with its prefix. */
  readonly name: string;
  /** Empty for none. */
  readonly prefix: string;
  /** Namespace declarations among them. */
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** Children and text, in order. CDATA is text; comments and processing instructions are gone. */
  readonly content: readonly (XmlElement | string)[];
  /** undefined for the root. */
  readonly parent: XmlElement | undefined;
}

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 1024;
const MAX_ATTRIBUTES = 512;
const MAX_NAMESPACE_CHARS = 1024;

interface OpenElement extends XmlElement {
  readonly children: OpenElement[];
  readonly content: (OpenElement | string)[];
}

/**
 * A request body. Throws RequestError BAD_XML for what is not well-formed UTF-8 XML 1.0 with namespaces, for any DOCTYPE, and beyond
 * 32 levels, 1,024 elements, 512 attributes or 1,024 characters of a namespace's name.
 */
export function parseXml(body: Uint8Array): XmlElement {
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  let attributes = 0;
  let ofNext: XmlAttribute[] = [];
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: "1.0", forceXMLVersion: true });
  const takeText = (text: string) => void open.at(-1)?.content.push(text);
  parser.on("error", (cause) => refuse("it is not well-formed", cause));
  parser.on("doctype", () => refuse("it has a DOCTYPE"));
  parser.on("text", takeText);
  parser.on("cdata", takeText);
  parser.on("attribute", ({ name, prefix, local, value }) => {
    attributes += 1;
    if (attributes > MAX_ATTRIBUTES) refuse("it has too many attributes");
    const declares = prefix === "xmlns" ? local : name === "xmlns" ? "" : undefined;
    if (declares !== undefined && value.length > MAX_NAMESPACE_CHARS) refuse("the name of a namespace is too long");
    // The parser takes the name of a namespace without the blanks around it.
    const isDeclaration = declares !== undefined;
    ofNext.push({ name, value: isDeclaration ? value.trim() : value, declares, prefix: isDeclaration ? "" : prefix });
  });
  parser.on("opentag", ({ uri: namespace, local, name, prefix }: SaxesTagNS) => {
    elements += 1;
    if (elements > MAX_ELEMENTS) refuse("it has too many elements");
    if (open.length === MAX_DEPTH) refuse("it is nested too deeply");
    const parent = open.at(-1);
    const element = { namespace, local, name, prefix, attributes: ofNext, children: [], content: [], parent };
    ofNext = [];
    root ??= element;
    parent?.children.push(element);
    parent?.content.push(element);
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
  });
  parser.write(decodeUtf8(body)).close();
  return root ?? refuse("it is empty");
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    return refuse("it is not UTF-8", cause);
  }
}

function refuse(why: string, cause?: unknown): never {
  throw new RequestError("BAD_XML", `the XML of the request cannot be used: ${why}`, { cause });
}

/**
 * The element as it stands, able to stand in any other document: whatever it takes from the elements around it (namespaces that it or
 * its content uses, xml:lang) it declares itself. Prefixes, attributes, text and mixed content are kept (RFC 4918 section 4.3).
 */
export function outerXml(element: XmlElement): string {
  let inherited = "";
  for (const prefix of freePrefixes(element)) {
    const uri = inScope(element.parent, ({ declares }) => declares === prefix)?.value ?? "";
    inherited += ` ${prefix === "" ? "xmlns" : `xmlns:${prefix}`}="${escapeValue(uri)}"`;
  }
  if (!element.attributes.some(isLanguage)) {
    const language = inScope(element.parent, isLanguage);
    if (language !== undefined) inherited += ` ${language.name}="${escapeValue(language.value)}"`;
  }
  return serialize(element, inherited);
}

/** Prefixes (empty for none) that the element or its content uses without declaring them. */
function freePrefixes({ prefix, attributes, children }: XmlElement): Set<string> {
  const free = new Set([prefix]);
  for (const child of children) for (const used of freePrefixes(child)) free.add(used);
  for (const attribute of attributes) if (attribute.prefix !== "") free.add(attribute.prefix);
  for (const { declares } of attributes) if (declares !== undefined) free.delete(declares);
  // Which everybody knows.
  free.delete("xml");
  return free;
}

/** The attribute of the nearest element, from this one outwards, that has such a one. */
function inScope(from: XmlElement | undefined, test: (attribute: XmlAttribute) => boolean): XmlAttribute | undefined {
  for (let element = from; element !== undefined; element = element.parent) {
    const attribute = element.attributes.find(test);
    if (attribute !== undefined) return attribute;
  }
  return undefined;
}

function isLanguage({ name }: XmlAttribute): boolean {
  return name === "xml:lang";
}

function serialize({ name, attributes, content }: XmlElement, inherited: string): string {
  let tag = `<${name}${inherited}`;
  for (const attribute of attributes) tag += ` ${attribute.name}="${escapeValue(attribute.value)}"`;
  if (content.length === 0) return `${tag}/>`;
  let inner = "";
  for (const item of content) inner += typeof item === "string" ? escapeText(item) : serialize(item, "");
  return `${tag}>${inner}</${name}>`;
}

/** A bare carriage return would be read as a line feed, and any white space of an attribute as a blank. */
function escapeText(text: string): string {
  return escapeXml(text).replaceAll("\r", "&#13;");
}

function escapeValue(text: string): string {
  return escapeXml(text).replace(/[\t\n\r]/g, (char) => `&#${char.charCodeAt(0)};`);
}

const PLAIN = /^[ !#-%'-;=?-~]*$/;
const SPECIAL = /[&<>"\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for XML or HTML, in elements and in quoted attributes; characters that XML 1.0 cannot carry become U+FFFD. */
export function escapeXml(text: string): string {
  return PLAIN.test(text) ? text : text.replace(SPECIAL, (char) => ENTITIES[char] ?? "\ufffd");
}
