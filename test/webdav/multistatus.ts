import { childrenOf, elementsNamed, type PlainElement, readXml, textOf } from "./xml-oracle.ts";

/** One response of a multistatus: what each status was given for, in the order of the answer. */
export interface PropertyAnswer {
  readonly href: string;
  readonly statuses: readonly string[];
  /** Names, as `{namespace}local`, by status. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** Names in the DAV:error elements. */
  readonly errors: readonly string[];
  /** The property of this name. */
  property(name: string): PlainElement | undefined;
}

/** Reads a multistatus as a client does that believes only in XML. */
export function readMultistatus(body: Uint8Array): readonly PropertyAnswer[] {
  const root = readXml(Buffer.from(body).toString("utf8"));
  if (root.name !== "{DAV:}multistatus") throw new Error(`this is a ${root.name}`);
  return childrenOf(root).map((response) => {
    const propstats = elementsNamed("{DAV:}propstat", response).map((propstat) => {
      const status = textOf(childrenOf(propstat).find(({ name }) => name === "{DAV:}status") as PlainElement);
      const prop = childrenOf(propstat).find(({ name }) => name === "{DAV:}prop") as PlainElement;
      const error = childrenOf(propstat).find(({ name }) => name === "{DAV:}error");
      return { status, properties: childrenOf(prop), errors: error === undefined ? [] : childrenOf(error) };
    });
    return {
      href: textOf(elementsNamed("{DAV:}href", response)[0] as PlainElement),
      statuses: propstats.map(({ status }) => status),
      names: Object.fromEntries(
        propstats.map(({ status, properties }) => [status.split(" ")[1], properties.map(({ name }) => name)]),
      ),
      errors: propstats.flatMap(({ errors }) => errors.map(({ name }) => name)),
      property: (name) => propstats.flatMap(({ properties }) => properties).find((property) => property.name === name),
    };
  });
}
