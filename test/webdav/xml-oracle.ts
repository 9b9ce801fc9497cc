import { SaxesParser } from "saxes";

/** What two documents must agree on to say the same: RFC 4918 section 4.3. */
export interface PlainElement {
  /** `{namespace}local`. */
  readonly name: string;
  /** `prefix:local` as it was written. */
  readonly written: string;
  /** Of xml:lang, here or further out. */
  readonly language: string | undefined;
  /** `{namespace}local=value`, sorted, without declarations of namespaces and xml:lang. */
  readonly attributes: readonly string[];
  /** Adjoining text is one string. */
  readonly content: readonly (PlainElement | string)[];
}

interface Growing extends PlainElement {
  readonly content: (Growing | string)[];
}

/** Reads a document with nothing of ours. Throws for whatever is not well-formed. */
export function readXml(text: string): PlainElement {
  const root: Growing = { name: "", written: "", language: undefined, attributes: [], content: [] };
  const open = [root];
  const parser = new SaxesParser({ xmlns: true });
  const addText = (more: string) => {
    const content = open.at(-1)?.content ?? [];
    const last = content.at(-1);
    if (typeof last === "string") content[content.length - 1] = last + more;
    else content.push(more);
  };
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("text", (more) => {
    if (open.length > 1) addText(more);
  });
  parser.on("cdata", addText);
  parser.on("opentag", (tag) => {
    const parent = open.at(-1) as Growing;
    const attributes = Object.values(tag.attributes);
    const language = attributes.find(({ name }) => name === "xml:lang")?.value ?? parent.language;
    const element: Growing = {
      name: `{${tag.uri}}${tag.local}`,
      written: tag.name,
      language,
      attributes: attributes
        .filter(({ name, prefix }) => prefix !== "xmlns" && name !== "xmlns" && name !== "xml:lang")
        .map(({ uri, local, value }) => `{${uri}}${local}=${value}`)
        .sort(),
      content: [],
    };
    parent.content.push(element);
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
  });
  parser.write(text).close();
  return root.content[0] as Growing;
}

/** The elements of this name, `{namespace}local`, in document order. */
export function elementsNamed(name: string, within: PlainElement): readonly PlainElement[] {
  const below = within.content.flatMap((item) => (typeof item === "string" ? [] : elementsNamed(name, item)));
  return within.name === name ? [within, ...below] : below;
}

export function childrenOf({ content }: PlainElement): readonly PlainElement[] {
  return content.filter((item) => typeof item !== "string");
}

/** Its text, without that of its children. */
export function textOf({ content }: PlainElement): string {
  return content.filter((item) => typeof item === "string").join("");
}
