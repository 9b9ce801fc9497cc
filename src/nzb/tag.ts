/** Where one attribute's value lies in the bytes that were scanned: `[start, end)`, quotes not included. */
interface Attribute {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A start tag. Names are in lower case; the element's has no namespace prefix. */
export interface Tag {
  readonly name: string;
  readonly attributes: readonly Attribute[];
  readonly isEmpty: boolean;
  /** Position after the `>`. */
  readonly end: number;
}

/** What stands in the way of reading a tag: more bytes are needed, or it is wrong at a position. */
export type TagProblem = { readonly problem: "incomplete" } | { readonly problem: string; readonly at: number };

const SLASH = 0x2f;
const EQUALS = 0x3d;
const GT = 0x3e;
const LT = 0x3c;
const INCOMPLETE: TagProblem = { problem: "incomplete" };

export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d;
}

/** Reads the start tag whose `<` is at `start`. An attribute value may hold anything but its own quote. */
export function readTag(bytes: Buffer, start: number): Tag | TagProblem {
  let at = nameEnd(bytes, start + 1);
  const name = localName(bytes, start + 1, at);
  const attributes: Attribute[] = [];
  for (;;) {
    while (isBlank(bytes[at])) at += 1;
    if (at >= bytes.length) return INCOMPLETE;
    if (name === "") return { problem: "a tag without a name", at: start };
    if (bytes[at] === GT) return { name, attributes, isEmpty: false, end: at + 1 };
    if (bytes[at] === SLASH) {
      if (at + 1 >= bytes.length) return INCOMPLETE;
      if (bytes[at + 1] !== GT) return { problem: "a stray / in a tag", at };
      return { name, attributes, isEmpty: true, end: at + 2 };
    }
    const attribute = readAttribute(bytes, at);
    if ("problem" in attribute) return attribute;
    attributes.push(attribute);
    at = attribute.end + 1;
  }
}

/** The name in the end tag whose `<` is at `start` and whose `>` is at `end`, as `Tag.name` gives it. */
export function endTagName(bytes: Buffer, start: number, end: number): string {
  return localName(bytes, start + 2, end).trim();
}

function readAttribute(bytes: Buffer, start: number): Attribute | TagProblem {
  let at = nameEnd(bytes, start);
  if (at === start && at < bytes.length) return { problem: "a stray character in a tag", at };
  const name = bytes.toString("latin1", start, at).toLowerCase();
  while (isBlank(bytes[at])) at += 1;
  if (at >= bytes.length) return INCOMPLETE;
  if (bytes[at] !== EQUALS) return { problem: "an attribute without a value", at: start };
  do at += 1;
  while (isBlank(bytes[at]));
  if (at >= bytes.length) return INCOMPLETE;
  const quote = bytes[at];
  if (quote !== 0x22 && quote !== 0x27) return { problem: "an attribute value without quotes", at };
  const end = bytes.indexOf(quote, at + 1);
  return end < 0 ? INCOMPLETE : { name, start: at + 1, end };
}

function nameEnd(bytes: Buffer, start: number): number {
  let at = start;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isBlank(byte) || byte === EQUALS || byte === GT || byte === SLASH || byte === LT) break;
  }
  return at;
}

function localName(bytes: Buffer, start: number, end: number): string {
  const name = bytes.toString("latin1", start, end).toLowerCase();
  return name.slice(name.indexOf(":") + 1);
}
