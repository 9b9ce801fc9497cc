import { XML_DECLARATION } from "./precondition.ts";
import { escapeXml, type XmlName } from "./xml.ts";

/** What stands around the `response` elements of a multistatus, whose prefix for `DAV:` is `D`: RFC 4918 section 13. */
export const BEFORE_RESPONSES = `${XML_DECLARATION}<D:multistatus xmlns:D="DAV:">`;
export const AFTER_RESPONSES = "</D:multistatus>";

/** The answer for one resource; `href` is percent-encoded. */
export function responseElement(href: string, propstats: string): string {
  return `<D:response><D:href>${href}</D:href>${propstats}</D:response>`;
}

/** The properties that share a status; `error` is a DAV:error element. */
export function propstatElement(properties: string, status: string, error = ""): string {
  return `<D:propstat><D:prop>${properties}</D:prop><D:status>HTTP/1.1 ${status}</D:status>${error}</D:propstat>`;
}

const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";

/** A property without its value. */
export function emptyElement({ namespace, local }: XmlName): string {
  if (namespace === "DAV:") return `<D:${local}/>`;
  // No other prefix may be bound to it.
  if (namespace === XML_NAMESPACE) return `<xml:${local}/>`;
  return namespace === "" ? `<${local}/>` : `<x:${local} xmlns:x="${escapeXml(namespace)}"/>`;
}
