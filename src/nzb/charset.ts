import { isUtf8 } from "node:buffer";
import { TextDecoder } from "node:util";

/** Turns bytes `[start, end)` of a document into text. */
export type DecodeText = (bytes: Buffer, start: number, end: number) => string;

/** What windows-1252 has at 0x80 to 0x9F, where it differs from iso-8859-1. Node 20's own decoder takes them for control characters. */
const CP1252_80_9F =
  "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f" +
  "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

/**
 * A decoder for a document that declares `encoding`. The declaration often lies, so whatever is valid UTF-8 is UTF-8; the rest is
 * what was declared, or windows-1252 when that is unknown, absent, or UTF-8 itself. Never fails.
 */
export function textDecoder(encoding: string | undefined): DecodeText {
  const declared = decoderFor(encoding);
  return (bytes, start, end) => {
    if (isAscii(bytes, start, end)) return bytes.toString("latin1", start, end);
    const value = bytes.subarray(start, end);
    if (isUtf8(value)) return value.toString("utf8");
    return declared ? declared.decode(value) : windows1252(value);
  };
}

/** undefined for windows-1252, which is also what the web calls iso-8859-1. */
function decoderFor(encoding: string | undefined): TextDecoder | undefined {
  try {
    const decoder = new TextDecoder(encoding?.trim() ?? "windows-1252");
    return decoder.encoding === "windows-1252" || decoder.encoding.startsWith("utf-") ? undefined : decoder;
  } catch {
    // An encoding that nobody knows says as little as none.
    return undefined;
  }
}

function windows1252(bytes: Buffer): string {
  return bytes.toString("latin1").replace(/[\x80-\x9f]/g, (byte) => CP1252_80_9F[byte.charCodeAt(0) - 0x80] as string);
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] as number) > 0x7e) return false;
  return true;
}
