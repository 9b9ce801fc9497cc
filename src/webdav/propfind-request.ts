import { RequestError } from "../base/errors.ts";
import { isDav, nameKey, parseXml, type XmlElement, type XmlName } from "./xml.ts";

const MAX_NAMES = 128;
const ALLPROP: PropfindRequest = { kind: "allprop", include: [] };

/** What a PROPFIND asks for: RFC 4918 section 9.1. `names` has no duplicates. */
export type PropfindRequest =
  | { readonly kind: "allprop"; readonly include: readonly XmlName[] }
  | { readonly kind: "propname" }
  | { readonly kind: "prop"; readonly names: readonly XmlName[] };

/** A client asks with the same few bodies all the time. */
const REMEMBERED = 64;
const REMEMBERED_BYTES = 2048;
const remembered = new Map<string, PropfindRequest>();

/** No body means allprop. The answer is shared. Throws RequestError BAD_XML. */
export function parsePropfind(body: Uint8Array): PropfindRequest {
  if (body.length === 0) return ALLPROP;
  if (body.length > REMEMBERED_BYTES) return parse(body);
  const key = Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1");
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const request = parse(body);
  if (remembered.size === REMEMBERED) remembered.clear();
  remembered.set(key, request);
  return request;
}

function parse(body: Uint8Array): PropfindRequest {
  const root = parseXml(body);
  if (!isDav(root, "propfind")) throw badRequest("the body is not a DAV:propfind");
  const wishes = root.children.filter((child) => WISHES.some((local) => isDav(child, local)));
  const wish = wishes[0];
  if (wish === undefined || wishes.length > 1) throw badRequest("one of allprop, propname and prop is needed");
  if (wish.local === "propname") return { kind: "propname" };
  if (wish.local === "prop") return { kind: "prop", names: distinctNames(wish) };
  const include = root.children.find((child) => isDav(child, "include"));
  return { kind: "allprop", include: include === undefined ? [] : distinctNames(include) };
}

const WISHES = ["allprop", "propname", "prop"];

function distinctNames({ children }: XmlElement): XmlName[] {
  const names = new Map(children.map((child) => [nameKey(child), { namespace: child.namespace, local: child.local }]));
  if (names.size > MAX_NAMES) throw badRequest("it asks for too many properties");
  return [...names.values()];
}

function badRequest(why: string): RequestError {
  return new RequestError("BAD_XML", `the PROPFIND cannot be answered: ${why}`);
}
