import type { ByteRange } from "../base/byte-range.ts";
import type { ArchiveMap } from "./archive.ts";
import type { HeaderReader } from "./header-reader.ts";
import { type DiscFiles, decodeUtf16, discFiles, joinPath, malformedImage } from "./iso-files.ts";
import { type DirectoryRecord, directoryRecords, parseRecord } from "./iso9660-record.ts";
import { type RockRidge, readRockRidge, rockRidgeSkip } from "./iso9660-rock-ridge.ts";

const SECTOR = 2048;
const FIRST_DESCRIPTOR = 16;
const MAX_DESCRIPTORS = 16;
/** The escape sequences that make a supplementary descriptor a Joliet one: UCS-2 levels 1 to 3. */
const JOLIET = new Set(["%/@", "%/C", "%/E"]);

/** Where a tree of names begins, and how its names are written. */
interface Tree {
  readonly root: DirectoryRecord;
  readonly blockSize: number;
  readonly names: "plain" | "joliet" | { readonly rockRidgeSkip: number };
}

interface Folder {
  readonly path: string;
  readonly block: number;
  readonly size: number;
}

/**
 * The files of an ISO 9660 image (ECMA-119), by their Rock Ridge names, else by those of Joliet, else by the plain ones. Reads
 * directories only. Throws ARCHIVE_MALFORMED.
 */
export async function readIso9660(reader: HeaderReader): Promise<ArchiveMap> {
  const tree = await findTree(reader);
  const files = discFiles(reader.size);
  const pending: Folder[] = [{ path: "", block: tree.root.block, size: tree.root.size }];
  const seen = new Set<number>();
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    if (folder.size === 0) continue;
    if (seen.has(folder.block)) throw malformedImage("one of its folders is in two places");
    seen.add(folder.block);
    for (const inner of (await readFolder(folder, { tree, reader, files })).reverse()) pending.push(inner);
  }
  return { stored: files.stored, refused: files.refused };
}

async function findTree(reader: HeaderReader): Promise<Tree> {
  let primary: Tree | undefined;
  let joliet: Tree | undefined;
  for (let index = 0; index < MAX_DESCRIPTORS; index += 1) {
    const sector = await reader.bytes((FIRST_DESCRIPTOR + index) * SECTOR, SECTOR);
    if (sector.toString("latin1", 1, 6) !== "CD001" || sector[0] === 255) break;
    if (sector[0] === 1) primary ??= treeOf(sector, "plain");
    else if (sector[0] === 2 && JOLIET.has(sector.toString("latin1", 88, 91))) joliet ??= treeOf(sector, "joliet");
  }
  if (primary === undefined) throw malformedImage("it has no primary volume descriptor");
  const skip = rockRidgeSkip((await firstRecord(primary.root.block * primary.blockSize, reader)).systemUse);
  if (skip !== undefined) return { ...primary, names: { rockRidgeSkip: skip } };
  return joliet ?? primary;
}

function treeOf(descriptor: Buffer, names: Tree["names"]): Tree {
  const blockSize = descriptor.readUInt16LE(128);
  if (![512, 1024, 2048].includes(blockSize)) throw malformedImage(`its blocks are said to have ${blockSize} bytes`);
  return { root: parseRecord(descriptor.subarray(156, 190)), blockSize, names };
}

/** The record by which a folder describes itself. */
async function firstRecord(at: number, reader: HeaderReader): Promise<DirectoryRecord> {
  for (const record of directoryRecords(await reader.bytes(at, SECTOR))) return record;
  throw malformedImage("a folder does not describe itself");
}

/** Adds the files of one folder; resolves with the folders in it. */
async function readFolder(
  folder: Folder,
  { tree, reader, files }: { tree: Tree; reader: HeaderReader; files: DiscFiles },
): Promise<Folder[]> {
  const { blockSize, names } = tree;
  const folders: Folder[] = [];
  let runs: ByteRange[] = [];
  for (const record of directoryRecords(await reader.bytes(folder.block * blockSize, folder.size))) {
    files.count();
    // The folder itself and its parent are named by one byte of 0 or 1.
    if (record.isAssociated || (record.identifier.length === 1 && (record.identifier[0] as number) < 2)) continue;
    const rock =
      typeof names === "object"
        ? await readRockRidge(record.systemUse.subarray(names.rockRidgeSkip), { blockSize, reader, files })
        : undefined;
    if (rock?.isMoved || rock?.isLink) continue;
    const path = joinPath(folder.path, nameOf(record, names, rock));
    const start = record.block * blockSize;
    if (rock?.childBlock !== undefined) {
      const child = await firstRecord(rock.childBlock * blockSize, reader);
      folders.push({ path, block: child.block, size: child.size });
    } else if (record.isDirectory) {
      folders.push({ path, block: record.block, size: record.size });
    } else {
      runs.push({ start, end: start + record.size });
      if (record.hasMore) continue;
      addFile({ path, record, runs, isCompressed: rock?.isCompressed === true }, files);
      runs = [];
    }
  }
  if (runs.length > 0) throw malformedImage("a file in several parts has no last part");
  return folders;
}

function addFile(
  found: { path: string; record: DirectoryRecord; runs: readonly ByteRange[]; isCompressed: boolean },
  files: DiscFiles,
): void {
  const size = found.runs.reduce((sum, { start, end }) => sum + end - start, 0);
  const file = { path: found.path, size, modifiedAt: found.record.modifiedAt, runs: found.runs };
  if (found.isCompressed) files.refuse(file, "ARCHIVE_COMPRESSED", "it is compressed by zisofs");
  else if (found.record.isInterleaved) files.refuse(file, "ARCHIVE_MALFORMED", "it is interleaved with other files");
  else files.add(file);
}

function nameOf(record: DirectoryRecord, names: Tree["names"], rock: RockRidge | undefined): string {
  if (rock?.name !== undefined) return rock.name;
  if (names === "joliet") return decodeUtf16(record.identifier).replace(/;\d+$/, "");
  return record.identifier.toString("latin1").replace(/\.?(?:;\d+)?$/, "");
}
