import { RequestError } from "../base/errors.ts";
import { sendAnswer } from "./answer.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { hrefOf } from "./href.ts";
import { AFTER_RESPONSES, BEFORE_RESPONSES, emptyElement, propstatElement, responseElement } from "./multistatus.ts";
import { renderError, XML_TYPE } from "./precondition.ts";
import { isLive } from "./properties.ts";
import { type Instruction, parseProppatch } from "./proppatch-request.ts";
import { refuseEncodedBody } from "./request-body.ts";
import { requireConditions } from "./require-conditions.ts";
import type { DeadProperty, PropertyChange } from "./tree.ts";
import { requireTokens } from "./write-guard.ts";
import { nameKey, outerXml, type XmlName } from "./xml.ts";

/** Properties that one resource can have, and the bytes of all of them: names, namespaces and XML, in UTF-8. */
export const MAX_PROPERTIES = 128;
export const MAX_PROPERTIES_BYTES = 24 * 1024;

const PROTECTED = renderError("cannot-modify-protected-property");

/** PROPPATCH: RFC 4918 section 9.2. All instructions are followed, in their order, or none is. */
export async function handleProppatch(dav: Dav, exchange: Exchange): Promise<void> {
  const { req, path, body } = exchange;
  refuseEncodedBody(req);
  const entry = findEntry(dav, exchange);
  if (entry === undefined) throw new RequestError("NOT_FOUND", "there is nothing at this URL");
  if (path.length === 0) throw new RequestError("FORBIDDEN", "the root has no properties of its own");
  requireConditions(exchange, entry);
  const instructions = parseProppatch(body);
  requireTokens(dav, exchange, [{ path, depth: "0", changesParent: false }]);

  const names = distinct(instructions.map(({ property }) => property));
  const href = dav.mountHref + hrefOf(path, entry.kind);
  const answer = (propstats: string) => {
    const text = BEFORE_RESPONSES + responseElement(href, propstats) + AFTER_RESPONSES;
    return sendAnswer(exchange, { status: 207, contentType: XML_TYPE, text }, dav);
  };
  const refused = names.filter(isLive);
  if (refused.length > 0) {
    const others = names.filter((name) => !isLive(name));
    const failed = others.length === 0 ? "" : propstatElement(elements(others), "424 Failed Dependency");
    return answer(propstatElement(elements(refused), "403 Forbidden", PROTECTED) + failed);
  }
  const changes = plan(instructions, entry.properties ?? []);
  if (changes === undefined) {
    const text = `a resource can have ${MAX_PROPERTIES} properties, of ${MAX_PROPERTIES_BYTES} bytes together\n`;
    return sendAnswer(exchange, { status: 507, text }, dav);
  }
  if (changes.length > 0) dav.tree.patchProperties(path, changes);
  return answer(propstatElement(elements(names), "200 OK"));
}

/** undefined when the resource would have too many properties, or too large ones, in the end or on the way there. */
function plan(
  instructions: readonly Instruction[],
  present: readonly DeadProperty[],
): readonly PropertyChange[] | undefined {
  const sizes = new Map(present.map((property) => [nameKey(property), sizeOf(property)]));
  let total = 0;
  for (const size of sizes.values()) total += size;
  const resize = (name: XmlName, size: number) => {
    total += size - (sizes.get(nameKey(name)) ?? 0);
    if (size === 0) sizes.delete(nameKey(name));
    else sizes.set(nameKey(name), size);
  };
  const changes: PropertyChange[] = [];
  for (const instruction of instructions) {
    const { namespace, local } = instruction.property;
    const name = { namespace, local };
    if (instruction.kind === "remove") {
      resize(name, 0);
      changes.push({ kind: "remove", name });
      continue;
    }
    const property = { ...name, xml: outerXml(instruction.property) };
    resize(name, sizeOf(property));
    if (sizes.size > MAX_PROPERTIES || total > MAX_PROPERTIES_BYTES) return undefined;
    changes.push({ kind: "set", property });
  }
  return changes;
}

function sizeOf({ namespace, local, xml }: DeadProperty): number {
  return Buffer.byteLength(namespace) + Buffer.byteLength(local) + Buffer.byteLength(xml);
}

function distinct(names: readonly XmlName[]): readonly XmlName[] {
  return [...new Map(names.map((name) => [nameKey(name), name])).values()];
}

function elements(names: readonly XmlName[]): string {
  return names.map(emptyElement).join("");
}
