import { DEFAULT_LIMITS, type NzbLimits } from "../../src/nzb/limits.ts";
import type { Nzb } from "../../src/nzb/nzb.ts";
import { parseNzb } from "../../src/nzb/parse.ts";
import { NzbScanner } from "../../src/nzb/scanner.ts";

export const SEGMENT = '<segment bytes="100" number="1">one@example</segment>';

/** A whole document around what stands in `<nzb>`. */
export function document(content: string, prolog = '<?xml version="1.0" encoding="UTF-8"?>\n'): string {
  return `${prolog}<nzb xmlns="http://www.newzbin.com/DTD/2003/nzb">${content}</nzb>\n`;
}

/** A document with one file. */
export function oneFile(segments: string = SEGMENT, attributes = 'subject="s" poster="p" date="1071674882"'): string {
  return document(
    `<file ${attributes}><groups><group>alt.test</group></groups><segments>${segments}</segments></file>`,
  );
}

export function segment(number: number | string, id: string, bytes: number | string = 100): string {
  return `<segment bytes="${bytes}" number="${number}">${id}</segment>`;
}

export async function* inPieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Parses as the program does, decompression and all. */
export function parse(
  document: string | Uint8Array,
  limits: Partial<NzbLimits> = {},
  pieceBytes?: number,
): Promise<Nzb> {
  const bytes = typeof document === "string" ? Buffer.from(document) : document;
  return parseNzb(inPieces(bytes, pieceBytes), { signal: new AbortController().signal, limits });
}

/** Scans with a window of the given size, so that every tag meets its end somewhere. */
export function scan(document: Uint8Array, windowBytes: number): Nzb {
  const scanner = new NzbScanner(DEFAULT_LIMITS, windowBytes);
  scanner.feed(document);
  return scanner.finish();
}

/** The ids of a file: undefined for a hole. */
export function idsOf(nzb: Nzb, file = 0): (string | undefined)[] {
  const segments = nzb.files[file]?.segments;
  return Array.from({ length: segments?.length ?? 0 }, (_, index) => segments?.idAt(index));
}

/** All that an Nzb says, as plain values that can be compared. */
export function plain({ meta, files, digest }: Nzb) {
  return {
    meta,
    digest,
    files: files.map(({ segments, ...file }, number) => ({
      ...file,
      ids: idsOf({ meta, files, digest }, number),
      sizes: [...segments.packed.encodedSizes],
      alternates: segments.packed.alternates.map(([index, id]) => `${index} ${id}`),
    })),
  };
}
