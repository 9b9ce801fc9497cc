import type { HeaderReader } from "./header-reader.ts";
import { type DiscFiles, malformedImage } from "./iso-files.ts";

/** A continuation area does not cross the end of a sector (IEEE P1281, 5.1). */
const MAX_CONTINUATION_BYTES = 2048;
/** Of one record: one is enough for a name of 255 bytes and all that may be said beside it. */
const MAX_CONTINUATIONS = 8;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What Rock Ridge says about a record (IEEE P1282 1.12). */
export interface RockRidge {
  readonly name: string | undefined;
  /** The block where the folder lies that this record stands for: folders below the eighth level are moved. */
  readonly childBlock: number | undefined;
  /** A folder that was moved here, and belongs where a `childBlock` points to it. */
  readonly isMoved: boolean;
  readonly isLink: boolean;
  /** Compressed by zisofs. */
  readonly isCompressed: boolean;
}

/**
 * How many bytes of each system use area belong to others (IEEE P1281, 5.3), by that of the root's first record; undefined without Rock Ridge,
 * which has attributes (`PX`) there, while other extensions have no names.
 */
export function rockRidgeSkip(systemUse: Buffer): number | undefined {
  const [first, ...others] = entries(systemUse);
  if (first?.kind !== "SP" || first.body.length < 3 || first.body.readUInt16BE(0) !== 0xbeef) return undefined;
  return others.some(({ kind }) => kind === "PX") ? first.body[2] : undefined;
}

/** Reads the entries of a record's system use area, and its continuations. Throws ARCHIVE_MALFORMED. */
export async function readRockRidge(
  area: Buffer,
  { blockSize, reader, files }: { blockSize: number; reader: HeaderReader; files: DiscFiles },
): Promise<RockRidge> {
  const names: Buffer[] = [];
  let childBlock: number | undefined;
  let isMoved = false;
  let isLink = false;
  let isCompressed = false;
  for (let next = area, left = MAX_CONTINUATIONS; ; left -= 1) {
    let continued: { at: number; length: number } | undefined;
    for (const { kind, body } of entries(next)) {
      if (kind === "NM" && body.length > 1) names.push(body.subarray(1));
      else if (kind === "CL" && body.length >= 8) childBlock = body.readUInt32LE(0);
      else if (kind === "RE") isMoved = true;
      else if (kind === "SL") isLink = true;
      else if (kind === "ZF") isCompressed = true;
      else if (kind === "CE" && body.length >= 24) {
        continued = { at: body.readUInt32LE(0) * blockSize + body.readUInt32LE(8), length: body.readUInt32LE(16) };
      }
    }
    if (continued === undefined) break;
    if (continued.length > MAX_CONTINUATION_BYTES || left === 0) {
      throw malformedImage("the Rock Ridge entries of a record are larger than any real ones");
    }
    files.count();
    next = await reader.bytes(continued.at, continued.length);
  }
  return { name: decodeName(names), childBlock, isMoved, isLink, isCompressed };
}

function* entries(area: Buffer): Generator<{ kind: string; body: Buffer }, void, undefined> {
  for (let at = 0; at + 4 <= area.length; ) {
    const length = area[at + 2] as number;
    const kind = area.toString("latin1", at, at + 2);
    if (length < 4 || at + length > area.length || kind === "ST") return;
    yield { kind, body: area.subarray(at + 4, at + length) };
    at += length;
  }
}

function decodeName(parts: readonly Buffer[]): string | undefined {
  if (parts.length === 0) return undefined;
  const bytes = Buffer.concat(parts);
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
