import type { ByteRange } from "../base/byte-range.ts";
import { errorCode } from "../base/errors.ts";
import type { HeaderReader } from "./header-reader.ts";
import { type DiscFiles, malformedImage } from "./iso-files.ts";
import { type BlockAddress, longAddress, TAG, tagOf, type UdfSpace } from "./udf-descriptor.ts";
import { FILE_TYPE, readFileEntry } from "./udf-file-entry.ts";

const BLOCK_SIZES = [2048, 512, 4096, 1024] as const;
const ANCHOR_BLOCK = 256;
/** Descriptors of one sequence, all pointers followed; discs have six to sixteen. */
const MAX_DESCRIPTORS = 256;
/** Runs of a metadata file: it is one run, or a few when the disc was added to. */
const MAX_METADATA_RUNS = 1024;

type Locate = (block: number, length: number) => readonly ByteRange[];

/** The blocks of a UDF volume, and where its file set is. */
export interface UdfVolume extends UdfSpace {
  readonly fileSet: BlockAddress;
}

/** What a volume descriptor sequence says; the latest of each kind counts. */
interface Sequence {
  readonly logicalVolume: Buffer;
  /** Where each partition begins in bytes, by its number. */
  readonly partitions: ReadonlyMap<number, number>;
}

/** Finds the volume by its anchors (ECMA-167, 3/8.4) and opens its partitions. Throws ARCHIVE_MALFORMED. */
export async function openUdfVolume(reader: HeaderReader, files: DiscFiles): Promise<UdfVolume> {
  const { anchor, blockSize } = await findAnchor(reader);
  const sequence =
    (await readSequence(reader, blockSize, anchor.subarray(16))) ??
    (await readSequence(reader, blockSize, anchor.subarray(24)));
  if (sequence === undefined) throw malformedImage("its UDF volume is not described");
  const { logicalVolume } = sequence;
  if (logicalVolume.readUInt32LE(212) !== blockSize)
    throw malformedImage("its UDF block size is not that of its anchor");
  const located: Locate[] = [];
  const space: UdfSpace = {
    reader,
    blockSize,
    locate({ block, partition }, length) {
      const locate = located[partition];
      if (locate === undefined) throw malformedImage("a UDF address is in a partition that does not exist");
      return locate(block, length);
    },
  };
  for (const map of partitionMaps(logicalVolume)) {
    const start = sequence.partitions.get(map.partition);
    if (start === undefined) throw malformedImage("a UDF partition is not described");
    const physical: Locate = (block, length) => {
      const from = start + block * blockSize;
      return [{ start: from, end: from + length }];
    };
    located.push(
      map.metadata === undefined ? physical : await metadataPartition({ space, files }, physical, map.metadata),
    );
  }
  return { ...space, fileSet: longAddress(logicalVolume, 248) };
}

async function findAnchor(reader: HeaderReader): Promise<{ anchor: Buffer; blockSize: number }> {
  const places = BLOCK_SIZES.flatMap((blockSize) => {
    const last = Math.floor(reader.size / blockSize) - 1;
    return [ANCHOR_BLOCK, last, last - ANCHOR_BLOCK].map((block, rank) => ({ block, blockSize, rank }));
  });
  places.sort((a, b) => a.rank - b.rank);
  for (const { block, blockSize } of places) {
    if (block < 0 || (block + 1) * blockSize > reader.size) continue;
    const anchor = await reader.bytes(block * blockSize, 512);
    if (tagOf(anchor) === TAG.anchor && anchor.readUInt32LE(12) === block) return { anchor, blockSize };
  }
  throw malformedImage("it has no UDF anchor");
}

/** The sequence that an extent (length, then block) of the anchor points to; undefined when it lacks what is needed. */
async function readSequence(reader: HeaderReader, blockSize: number, extent: Buffer): Promise<Sequence | undefined> {
  let logicalVolume: Buffer | undefined;
  const described = new Map<number, Buffer>();
  let at = extent.readUInt32LE(4) * blockSize;
  let end = at + extent.readUInt32LE(0);
  for (let count = 0; at < end && at + blockSize <= reader.size && count < MAX_DESCRIPTORS; count += 1) {
    const bytes = await reader.bytes(at, blockSize);
    at += blockSize;
    const tag = tagOf(bytes);
    if (tag === undefined || tag === TAG.terminating) break;
    if (tag === TAG.pointer) {
      at = bytes.readUInt32LE(24) * blockSize;
      end = at + bytes.readUInt32LE(20);
    } else if (tag === TAG.logicalVolume) {
      logicalVolume = later(logicalVolume, bytes);
    } else if (tag === TAG.partition) {
      const number = bytes.readUInt16LE(22);
      described.set(number, later(described.get(number), bytes));
    }
  }
  if (logicalVolume === undefined || described.size === 0) return undefined;
  const partitions = new Map([...described].map(([number, bytes]) => [number, bytes.readUInt32LE(188) * blockSize]));
  return { logicalVolume, partitions };
}

/** The descriptor with the higher sequence number prevails (ECMA-167, 3/8.4.3). */
function later(known: Buffer | undefined, found: Buffer): Buffer {
  return known !== undefined && known.readUInt32LE(16) > found.readUInt32LE(16) ? known : found;
}

interface PartitionMap {
  readonly partition: number;
  /** Blocks of the metadata file's entry and of its mirror's. */
  readonly metadata: readonly [number, number] | undefined;
}

/** The partition maps of a logical volume descriptor (ECMA-167, 3/10.7; UDF 2.60, 2.2.8 to 2.2.10). */
function partitionMaps(volume: Buffer): PartitionMap[] {
  const maps: PartitionMap[] = [];
  const count = volume.readUInt32LE(268);
  for (let at = 440; maps.length < count; ) {
    const type = volume[at];
    const length = volume[at + 1] ?? 0;
    const map = volume.subarray(at, at + length);
    if (type === 1 && map.length === 6) maps.push({ partition: map.readUInt16LE(4), metadata: undefined });
    else if (type === 2 && map.length === 64) maps.push(specialMap(map));
    else throw malformedImage("it has an unknown kind of UDF partition");
    at += length;
  }
  return maps;
}

function specialMap(map: Buffer): PartitionMap {
  const kind = map.toString("latin1", 5, 28).replace(/\0+$/, "");
  if (kind !== "*UDF Metadata Partition") {
    throw malformedImage(`it was recorded packet by packet ("${kind}"), which is not supported`);
  }
  return { partition: map.readUInt16LE(38), metadata: [map.readUInt32LE(40), map.readUInt32LE(44)] };
}

/** A partition whose blocks are those of a file (UDF 2.60, 2.2.13), or of that file's mirror. */
async function metadataPartition(
  { space, files }: { space: UdfSpace; files: DiscFiles },
  physical: Locate,
  [main, mirror]: readonly [number, number],
): Promise<Locate> {
  // The file's own descriptors count blocks of the partition that it lies in, whatever number that has.
  const around: UdfSpace = { ...space, locate: ({ block }, length) => physical(block, length) };
  for (const block of [main, mirror]) {
    const entry = await readFileEntry(around, { block, partition: 0 }, files).catch((error: unknown) => {
      if (block === main && errorCode(error) === "ARCHIVE_MALFORMED") return undefined;
      throw error;
    });
    if (entry === undefined || (entry.type !== FILE_TYPE.metadata && entry.type !== FILE_TYPE.mirror)) continue;
    if (entry.hasHoles || entry.runs.length > MAX_METADATA_RUNS) break;
    return (at, length) => partOf(entry.runs, at * space.blockSize, length);
  }
  throw malformedImage("its UDF metadata file is damaged");
}

/** `length` bytes of a file, from its byte `from` on, as runs of the image. */
function partOf(runs: readonly ByteRange[], from: number, length: number): ByteRange[] {
  const found: ByteRange[] = [];
  let skip = from;
  let missing = length;
  for (const { start, end } of runs) {
    if (missing === 0) break;
    if (skip >= end - start) {
      skip -= end - start;
      continue;
    }
    const taken = Math.min(end - start - skip, missing);
    found.push({ start: start + skip, end: start + skip + taken });
    missing -= taken;
    skip = 0;
  }
  if (missing > 0) throw malformedImage("a UDF address lies beyond its partition");
  return found;
}
