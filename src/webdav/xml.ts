import { SaxesParser, type SaxesTagNS } from "saxes";
import { RequestError } from "../base/errors.ts";

/** The name of an element: namespace URI (empty for none) and local name. */
export interface XmlName {
  readonly namespace: string;
  readonly local: string;
}

export interface XmlElement extends XmlName {
  readonly children: readonly XmlElement[];
}

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 1024;

interface OpenElement extends XmlName {
  readonly children: OpenElement[];
}

/**
 * The elements of a request body, without text and attributes. Throws RequestError BAD_XML for what is not well-formed UTF-8 XML with
 * namespaces, for any DOCTYPE, and beyond 32 levels or 1,024 elements.
 */
export function parseXml(body: Uint8Array): XmlElement {
  const document: OpenElement = { namespace: "", local: "", children: [] };
  const open = [document];
  let elements = 0;
  const parser = new SaxesParser({ xmlns: true });
  parser.on("error", (cause) => refuse("it is not well-formed", cause));
  parser.on("doctype", () => refuse("it has a DOCTYPE"));
  parser.on("opentag", (tag: SaxesTagNS) => {
    elements += 1;
    if (elements > MAX_ELEMENTS) refuse("it has too many elements");
    if (open.length > MAX_DEPTH) refuse("it is nested too deeply");
    const element: OpenElement = { namespace: tag.uri, local: tag.local, children: [] };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
  });
  parser.write(decodeUtf8(body)).close();
  const root = document.children[0];
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

const PLAIN = /^[ !#-%'-;=?-~]*$/;
const SPECIAL = /[&<>"\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for XML or HTML, in elements and in quoted attributes; characters that XML 1.0 cannot carry become U+FFFD. */
export function escapeXml(text: string): string {
  return PLAIN.test(text) ? text : text.replace(SPECIAL, (char) => ENTITIES[char] ?? "\ufffd");
}
