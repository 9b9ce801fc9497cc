import type { ByteRange } from "../base/byte-range.ts";

/** What a Range header comes to: this part, nothing that exists (416), or nothing to go by (the whole resource). */
export type RangeChoice =
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "unsatisfiable" }
  | { readonly kind: "whole" };

const WHOLE: RangeChoice = { kind: "whole" };
const UNSATISFIABLE: RangeChoice = { kind: "unsatisfiable" };
const SPEC = /^(\d*)-(\d*)$/;

/**
 * The Range header of a GET for a resource of `size` bytes: RFC 9110 section 14.2. Other units and malformed values are
 * ignored. Several ranges are answered with the whole, never with more bytes than there are.
 */
export function chooseRange(header: string | undefined, size: number): RangeChoice {
  if (header === undefined) return WHOLE;
  const equals = header.indexOf("=");
  if (header.slice(0, equals).toLowerCase() !== "bytes") return WHOLE;
  const choices: RangeChoice[] = [];
  for (const item of header.slice(equals + 1).split(",")) {
    const spec = item.trim();
    if (spec === "") continue;
    const choice = chooseOne(spec, size);
    if (choice === undefined) return WHOLE;
    choices.push(choice);
  }
  if (choices.length === 0) return WHOLE;
  if (choices.every((choice) => choice.kind === "unsatisfiable")) return UNSATISFIABLE;
  return choices.length === 1 ? (choices[0] as RangeChoice) : WHOLE;
}

/** Undefined when malformed. Numbers beyond 2^53 only lose digits that no file has. */
function chooseOne(spec: string, size: number): RangeChoice | undefined {
  const match = SPEC.exec(spec);
  if (match === null) return undefined;
  const [, first, last] = match as unknown as [string, string, string];
  if (first === "") return last === "" ? undefined : chooseSuffix(Number(last), size);
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return UNSATISFIABLE;
  return { kind: "part", range: { start, end: last === "" ? size : Math.min(Number(last) + 1, size) } };
}

/** A suffix of an empty resource is satisfiable by the RFC but has no Content-Range, so the (empty) whole is the answer. */
function chooseSuffix(length: number, size: number): RangeChoice {
  if (length === 0) return UNSATISFIABLE;
  return size === 0 ? WHOLE : { kind: "part", range: { start: Math.max(0, size - length), end: size } };
}

/** Content-Range of a 206: RFC 9110 section 14.4. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`;
}

/** Content-Range of a 416. */
export function unsatisfiedRange(size: number): string {
  return `bytes */${size}`;
}
