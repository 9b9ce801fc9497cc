import { RequestError } from "../base/errors.ts";
import { isDav, parseXml, type XmlElement, type XmlName } from "./xml.ts";

/** One instruction of a PROPPATCH, as it was sent. */
export type Instruction =
  | { readonly kind: "set"; readonly property: XmlElement }
  | { readonly kind: "remove"; readonly property: XmlName };

/** What a PROPPATCH asks for, in document order: RFC 4918 sections 9.2 and 14.19. Throws RequestError BAD_XML. */
export function parseProppatch(body: Uint8Array): readonly Instruction[] {
  const root = parseXml(body);
  if (!isDav(root, "propertyupdate")) throw badRequest("the body is not a DAV:propertyupdate");
  const steps = root.children.filter((child) => isDav(child, "set") || isDav(child, "remove"));
  if (steps.length === 0) throw badRequest("it neither sets nor removes anything");
  return steps.flatMap((step) => {
    const kind = step.local === "set" ? "set" : "remove";
    const properties = step.children.filter((child) => isDav(child, "prop")).flatMap((prop) => prop.children);
    return properties.map((property) => ({ kind, property }) as const);
  });
}

function badRequest(why: string): RequestError {
  return new RequestError("BAD_XML", `the PROPPATCH cannot be answered: ${why}`);
}
