import { Limiter } from "../base/limiter.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { HeaderReader } from "./header-reader.ts";

const SIGNATURE = 0x04034b50;
const FIXED_BYTES = 30;
/** Name and extra fields of nearly all entries fit in here. */
const USUAL_REST = 512;
/** Headers that lie closer together than this are read at once: it is less than an article. */
const WINDOW = 64 * 1024;
const READS_AT_ONCE = 16;

/** A local header to be read. */
export interface LocalHeaderAt {
  readonly at: number;
  /** How many bytes of the data are wanted with it. */
  readonly extra: number;
}

export interface LocalHeader {
  readonly dataStart: number;
  readonly before: Buffer;
}

/**
 * The local headers (APPNOTE 4.3.7), which alone tell where data begins; undefined where none stands. One read for all that lie
 * within 64 KiB, and several reads under way at once, since each may cost a round trip.
 */
export async function readLocalHeaders(
  reader: HeaderReader,
  wanted: readonly LocalHeaderAt[],
  cancel: Cancel,
): Promise<readonly (LocalHeader | undefined)[]> {
  const found: (LocalHeader | undefined)[] = new Array(wanted.length).fill(undefined);
  const limiter = new Limiter(READS_AT_ONCE);
  const readRun = async (run: readonly number[]): Promise<void> => {
    using _place = await limiter.acquire(cancel);
    const start = (wanted[run[0] as number] as LocalHeaderAt).at;
    const last = (wanted[run.at(-1) as number] as LocalHeaderAt).at;
    const window = await reader.bytes(start, Math.min(reader.size, last + FIXED_BYTES + USUAL_REST) - start);
    for (const index of run) {
      found[index] = await headerIn({ reader, window, start }, wanted[index] as LocalHeaderAt);
    }
  };
  await Promise.all(runs(reader, wanted).map(readRun));
  return found;
}

/** Places in `wanted`, by position, in groups that are read at once. */
function runs({ size }: HeaderReader, wanted: readonly LocalHeaderAt[]): number[][] {
  const at = (index: number) => (wanted[index] as LocalHeaderAt).at;
  const order = [...wanted.keys()].filter((index) => at(index) + FIXED_BYTES <= size).sort((a, b) => at(a) - at(b));
  const groups: number[][] = [];
  for (const index of order) {
    const group = groups.at(-1);
    if (group !== undefined && at(index) - at(group[0] as number) < WINDOW) group.push(index);
    else groups.push([index]);
  }
  return groups;
}

interface Window {
  readonly reader: HeaderReader;
  readonly window: Buffer;
  readonly start: number;
}

async function headerIn(
  { reader, window, start }: Window,
  { at, extra }: LocalHeaderAt,
): Promise<LocalHeader | undefined> {
  const header = window.subarray(at - start);
  if (header.readUInt32LE(0) !== SIGNATURE) return undefined;
  const dataStart = at + FIXED_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (dataStart + extra > reader.size) return undefined;
  const from = dataStart - start;
  const isIn = from + extra <= window.length;
  return { dataStart, before: isIn ? window.subarray(from, from + extra) : await reader.bytes(dataStart, extra) };
}
