import type { ArchiveMap } from "./archive.ts";
import type { HeaderReader } from "./header-reader.ts";
import { type DiscFiles, decodeUtf16, discFiles, joinPath, malformedImage } from "./iso-files.ts";
import {
  type BlockAddress,
  longAddress,
  readBlocks,
  readRuns,
  requireTag,
  TAG,
  tagOf,
  type UdfSpace,
} from "./udf-descriptor.ts";
import { FILE_TYPE, readFileEntry, type UdfFileEntry } from "./udf-file-entry.ts";
import { openUdfVolume } from "./udf-volume.ts";

const FILE_TYPES: ReadonlySet<number> = new Set([FILE_TYPE.unspecified, FILE_TYPE.bytes, FILE_TYPE.realTime]);
/** A deleted file, or the folder's own parent (ECMA-167, 4/14.4.3). */
const NOT_A_FILE = 0x04 | 0x08;

/** A name in a folder. */
interface Identifier {
  readonly name: string;
  readonly at: BlockAddress;
}

interface Folder {
  readonly path: string;
  readonly entry: UdfFileEntry;
}

/**
 * The files of a UDF image (ECMA-167, UDF 1.02 to 2.60) on plain and metadata partitions, in the order of its folders. Reads directories and file
 * entries only; streams and links are left out. Throws ARCHIVE_MALFORMED, also for discs that were recorded packet by packet.
 */
export async function readUdf(reader: HeaderReader): Promise<ArchiveMap> {
  const files = discFiles(reader.size);
  const space = await openUdfVolume(reader, files);
  const fileSet = requireTag(await readBlocks(space, space.fileSet, 512), TAG.fileSet, 512);
  const rootAt = longAddress(fileSet, 400);
  const root = await readFileEntry(space, rootAt, files);
  if (root.type !== FILE_TYPE.directory) throw malformedImage("its UDF root is not a folder");
  const seen = new Set([keyOf(rootAt)]);
  const pending: Folder[] = [{ path: "", entry: root }];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const inner of (await readFolder(folder, { space, files, seen })).reverse()) pending.push(inner);
  }
  return { stored: files.stored, refused: files.refused };
}

/** Adds the files of one folder; resolves with the folders in it. */
async function readFolder(
  folder: Folder,
  { space, files, seen }: { space: UdfSpace; files: DiscFiles; seen: Set<string> },
): Promise<Folder[]> {
  const folders: Folder[] = [];
  for (const { name, at } of identifiersIn(await readDirectory(folder.entry, space))) {
    files.count();
    const path = joinPath(folder.path, name);
    const entry = await readFileEntry(space, at, files);
    if (entry.type === FILE_TYPE.directory) {
      if (seen.has(keyOf(at))) throw malformedImage("one of its folders is in two places");
      seen.add(keyOf(at));
      folders.push({ path, entry });
    } else if (FILE_TYPES.has(entry.type)) {
      if (entry.hasHoles) files.refuse({ path, ...entry }, "ARCHIVE_MALFORMED", "parts of it were never recorded");
      else files.add({ path, ...entry });
    }
  }
  return folders;
}

async function readDirectory({ runs, size, hasHoles }: UdfFileEntry, { reader }: UdfSpace): Promise<Buffer> {
  const bytes = await readRuns(reader, runs);
  if (hasHoles || bytes.length !== size) throw malformedImage("a UDF folder is damaged");
  return bytes;
}

/** The file identifier descriptors of a directory's bytes (ECMA-167, 4/14.4), each padded to 4 bytes. */
function* identifiersIn(directory: Buffer): Generator<Identifier, void, undefined> {
  for (let at = 0; at + 38 <= directory.length; ) {
    const bytes = directory.subarray(at);
    if (tagOf(bytes) !== TAG.fileIdentifier) throw malformedImage("a UDF folder is damaged");
    const nameStart = 38 + bytes.readUInt16LE(36);
    const nameEnd = nameStart + (bytes[19] as number);
    if (nameEnd > bytes.length) throw malformedImage("a UDF folder is damaged");
    if (((bytes[18] as number) & NOT_A_FILE) === 0) {
      yield { name: decodeName(bytes.subarray(nameStart, nameEnd)), at: longAddress(bytes, 20) };
    }
    at += (nameEnd + 3) & ~3;
  }
}

/** OSTA compressed Unicode (UDF 2.60, 2.1.1): 16 bits for each character, high byte first, or 8 bits. */
function decodeName(bytes: Buffer): string {
  return bytes[0] === 16 ? decodeUtf16(bytes.subarray(1)) : bytes.toString("latin1", 1);
}

function keyOf({ partition, block }: BlockAddress): string {
  return `${partition}:${block}`;
}
