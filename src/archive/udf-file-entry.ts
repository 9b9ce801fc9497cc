import type { ByteRange } from "../base/byte-range.ts";
import { type DiscFiles, malformedImage } from "./iso-files.ts";
import {
  type BlockAddress,
  longAddress,
  parseTimestamp,
  readBlocks,
  requireTag,
  TAG,
  tagOf,
  type UdfSpace,
} from "./udf-descriptor.ts";

/** Kinds of files (ECMA-167, 4/14.6.6; UDF 2.60, 2.2.13 and 2.3.5.2). */
export const FILE_TYPE = { unspecified: 0, directory: 4, bytes: 5, realTime: 249, metadata: 250, mirror: 251 } as const;

/** What a file entry says about a file (ECMA-167, 4/14.9 and 4/14.17). */
export interface UdfFileEntry {
  readonly type: number;
  readonly size: number;
  readonly modifiedAt: number | undefined;
  /** In order, and not longer than needed; together less than `size` when the entry is damaged. */
  readonly runs: readonly ByteRange[];
  /** Bytes of the file lie nowhere in the image: they were never recorded, and read as zeros. */
  readonly hasHoles: boolean;
}

interface Allocation {
  readonly kind: number;
  readonly length: number;
  readonly from: BlockAddress;
}

/** How a descriptor of each kind is laid out: bytes of it, and the place of its address (ECMA-167, 4/14.14). */
const SHORT = 0;
const LONG = 1;
const EXTENDED = 2;
const IN_ENTRY = 3;
const ALLOCATION_BYTES: Readonly<Record<number, number>> = { [SHORT]: 8, [LONG]: 16, [EXTENDED]: 20 };

const RECORDED = 0;
const CONTINUATION = 3;
const STRATEGY_DIRECT = 4;

/** Reads the file entry at an address, and its allocation descriptors as far as the file goes. Throws ARCHIVE_MALFORMED. */
export async function readFileEntry(space: UdfSpace, at: BlockAddress, files: DiscFiles): Promise<UdfFileEntry> {
  const bytes = await readBlocks(space, at, space.blockSize);
  const isExtended = tagOf(bytes) === TAG.extendedFileEntry;
  const fixed = isExtended ? 216 : 176;
  requireTag(bytes, isExtended ? TAG.extendedFileEntry : TAG.fileEntry, fixed);
  if (bytes.readUInt16LE(20) !== STRATEGY_DIRECT) {
    throw malformedImage("it was written with the strategy of write-once discs, which is not supported");
  }
  const size = Number(bytes.readBigUInt64LE(56));
  if (!Number.isSafeInteger(size)) throw malformedImage("a file is larger than any disc");
  const tableStart = fixed + bytes.readUInt32LE(fixed - 8);
  const tableEnd = tableStart + bytes.readUInt32LE(fixed - 4);
  if (tableEnd > bytes.length) throw malformedImage("a UDF file entry is larger than its block");
  const form = bytes.readUInt16LE(34) & 7;
  const about = { type: bytes[27] as number, size, modifiedAt: parseTimestamp(bytes, isExtended ? 92 : 84) };
  if (form === IN_ENTRY) {
    const ends = tableStart + Math.min(size, tableEnd - tableStart);
    return { ...about, runs: slice(space.locate(at, ends), tableStart), hasHoles: false };
  }
  const table = bytes.subarray(tableStart, tableEnd);
  return { ...about, ...(await readAllocations({ space, files }, { table, form, partition: at.partition, size })) };
}

async function readAllocations(
  { space, files }: { space: UdfSpace; files: DiscFiles },
  { table, form, partition, size }: { table: Buffer; form: number; partition: number; size: number },
): Promise<Pick<UdfFileEntry, "runs" | "hasHoles">> {
  const runs: ByteRange[] = [];
  let missing = size;
  let next: Allocation | undefined;
  for (let part = table; ; ) {
    next = undefined;
    for (const allocation of allocationsIn(part, form, partition)) {
      files.count();
      if (missing === 0 || allocation.length === 0) return { runs, hasHoles: false };
      if (allocation.kind === CONTINUATION) {
        next = allocation;
        break;
      }
      if (allocation.kind !== RECORDED) return { runs, hasHoles: true };
      const length = Math.min(allocation.length, missing);
      for (const run of space.locate(allocation.from, length)) runs.push(run);
      missing -= length;
    }
    if (next === undefined || missing === 0) return { runs, hasHoles: false };
    files.count();
    part = await readContinuation(space, next);
  }
}

/** An allocation extent descriptor and what follows it (ECMA-167, 4/14.5). */
async function readContinuation(space: UdfSpace, { from }: Allocation): Promise<Buffer> {
  const bytes = requireTag(await readBlocks(space, from, space.blockSize), TAG.allocationExtent, 24);
  return bytes.subarray(24, 24 + bytes.readUInt32LE(20));
}

function* allocationsIn(table: Buffer, form: number, partition: number): Generator<Allocation, void, undefined> {
  const step = ALLOCATION_BYTES[form];
  if (step === undefined) throw malformedImage("a UDF file entry has an unknown kind of allocation");
  for (let at = 0; at + step <= table.length; at += step) {
    const length = table.readUInt32LE(at);
    const from =
      form === SHORT
        ? { block: table.readUInt32LE(at + 4), partition }
        : longAddress(table, form === EXTENDED ? at + 8 : at);
    yield { kind: length >>> 30, length: length & 0x3fffffff, from };
  }
}

/** Runs without their first `skipped` bytes. */
function slice(runs: readonly ByteRange[], skipped: number): ByteRange[] {
  const kept: ByteRange[] = [];
  let toSkip = skipped;
  for (const { start, end } of runs) {
    const from = start + Math.min(toSkip, end - start);
    toSkip -= from - start;
    if (from < end) kept.push({ start: from, end });
  }
  return kept;
}
