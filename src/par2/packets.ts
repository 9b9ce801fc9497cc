import { createHash } from "node:crypto";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";

/** One packet of a kind that describes files; its checksum was right. */
export interface Par2Packet {
  /** The recovery set it belongs to, in hex. */
  readonly set: string;
  readonly type: Par2Type;
  readonly body: Buffer;
}

export type Par2Type = "main" | "file" | "slices" | "unicode-name";

/** What reading the packets of one import may cost; whoever runs out gets those found so far. */
export interface Par2Budget {
  bytes: number;
  reads: number;
}

export interface Par2Options extends Cancel {
  readonly budget: Par2Budget;
}

const MAGIC = Buffer.from("PAR2\0PKT", "latin1");
const HEADER_BYTES = 64;
/** Packet length 8, MD5 16, from there it counts; then the set's id 16 and the type 16. */
const LENGTH_AT = 8;
const MD5_AT = 16;
const SET_AT = 32;
const TYPE_AT = 48;
/** A tenth of an article; descriptions of some hundred files fit in. */
const WINDOW = 64 * 1024;
/** The checksums of the 32,768 slices that a set has at most take 655,376 bytes. */
const MAX_BODY = 1024 * 1024;
/** Packets may overlap once their lengths lie; so many bytes with wrong checksums are looked at. */
const MAX_WASTED = 32 * 1024 * 1024;

const TYPES: ReadonlyMap<string, Par2Type> = new Map([
  ["PAR 2.0\0Main\0\0\0\0", "main"],
  ["PAR 2.0\0FileDesc", "file"],
  ["PAR 2.0\0IFSC\0\0\0\0", "slices"],
  ["PAR 2.0\0UniFileN", "unicode-name"],
]);

export function isPar2(head: Uint8Array): boolean {
  return MAGIC.equals(head.subarray(0, MAGIC.length));
}

/**
 * The intact packets of a PAR2 file that describe files, in its order (Parity Volume Set Specification 2.0). Reads windows of 64 KiB, jumps
 * over recovery slices without reading them, and searches on where something is damaged. Ends with the file or the budget.
 */
export async function* readPar2Packets(
  file: SeekableFile,
  options: Par2Options,
): AsyncGenerator<Par2Packet, void, undefined> {
  let at = 0;
  let window: Buffer = Buffer.alloc(0);
  let start = 0;
  let wasted = 0;
  const have = async (length: number): Promise<boolean> => {
    if (at + length > file.size) return false;
    if (at >= start && at + length <= start + window.length) return true;
    const read = await readAt(file, { start: at, end: Math.min(file.size, at + Math.max(length, WINDOW)) }, options);
    if (read === undefined) return false;
    window = read;
    start = at;
    return true;
  };
  while (await have(HEADER_BYTES)) {
    const header = window.subarray(at - start);
    if (!isPar2(header)) {
      const next = header.indexOf(MAGIC);
      // The last bytes of the window may be the first ones of a magic.
      at += next > 0 ? next : header.length - (MAGIC.length - 1);
      continue;
    }
    const length = header.readBigUInt64LE(LENGTH_AT);
    const type = TYPES.get(header.toString("latin1", TYPE_AT, HEADER_BYTES));
    if (length < HEADER_BYTES || length % 4n !== 0n || length > BigInt(file.size - at)) at += MAGIC.length;
    else if (type === undefined) at += Number(length);
    else if (length > HEADER_BYTES + MAX_BODY || !(await have(Number(length)))) at += MAGIC.length;
    else {
      const packet = window.subarray(at - start, at - start + Number(length));
      if (isIntact(packet)) {
        const body = Buffer.from(packet.subarray(HEADER_BYTES));
        yield { set: packet.toString("hex", SET_AT, TYPE_AT), type, body };
        at += Number(length);
      } else {
        at += MAGIC.length;
        wasted += packet.length;
        if (wasted > MAX_WASTED) return;
      }
    }
  }
}

async function readAt(
  file: SeekableFile,
  range: { readonly start: number; readonly end: number },
  { budget, signal }: Par2Options,
): Promise<Buffer | undefined> {
  const length = range.end - range.start;
  if (budget.bytes < length || budget.reads < 1) return undefined;
  budget.bytes -= length;
  budget.reads -= 1;
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  for await (const chunk of file.read(range, { signal })) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}

function isIntact(packet: Buffer): boolean {
  return createHash("md5").update(packet.subarray(SET_AT)).digest().equals(packet.subarray(MD5_AT, SET_AT));
}
