import { errorCode } from "../base/errors.ts";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";
import type { ArchiveMap, StoredMember } from "./archive.ts";
import { blurayFeature } from "./bluray.ts";
import { type HeaderBudget, type HeaderReader, headerReader } from "./header-reader.ts";
import { dvdFeature } from "./iso-dvd.ts";
import { malformedImage } from "./iso-files.ts";
import { windowedReader } from "./iso-window.ts";
import { readIso9660 } from "./iso9660.ts";
import { readUdf } from "./udf.ts";

const SECTOR = 2048;
const RECOGNITION_START = 16 * SECTOR;
/** Of the volume recognition sequence; real ones have three to eight sectors (ECMA-167, 2/8). */
const RECOGNITION_SECTORS = 16;

/** What is in a disc image: pieces are of volume 0, the image. */
export interface DiscImage extends ArchiveMap {
  /** The film of a Blu-ray or DVD as one more file, whose bytes are also those of files in `stored`. */
  readonly feature: StoredMember | undefined;
}

/**
 * The files of a disc image, by its UDF file system, else by ISO 9660; `name` is that of the feature, without an extension. Reads directories, and
 * the playlists and clip descriptions of a Blu-ray: never film. Throws ARCHIVE_MALFORMED, ARCHIVE_INCOMPLETE.
 */
export async function readDiscImage(
  image: SeekableFile,
  { name, budget, signal }: { readonly name: string; readonly budget: HeaderBudget } & Cancel,
): Promise<DiscImage> {
  const reader = windowedReader(headerReader(image, budget, { signal }));
  const map = await readFileSystem(reader);
  const read = async ({ pieces }: StoredMember) => {
    const parts: Buffer[] = [];
    for (const { start, end } of pieces) parts.push(await reader.bytes(start, end - start));
    return Buffer.concat(parts);
  };
  const feature = await discFeature(map.stored, { name, read });
  return { ...map, feature };
}

async function readFileSystem(reader: HeaderReader): Promise<ArchiveMap> {
  const systems = await fileSystems(reader);
  if (!systems.udf && !systems.iso) throw malformedImage("it has neither an ISO 9660 nor a UDF file system");
  if (!systems.udf) return readIso9660(reader);
  try {
    return await readUdf(reader);
  } catch (error) {
    if (!systems.iso || errorCode(error) !== "ARCHIVE_MALFORMED") throw error;
    // The same files are listed twice on most discs: what one file system does not tell, the other may.
    return readIso9660(reader);
  }
}

async function fileSystems(reader: HeaderReader): Promise<{ iso: boolean; udf: boolean }> {
  const length = Math.min(RECOGNITION_SECTORS * SECTOR, Math.max(0, reader.size - RECOGNITION_START));
  const sectors = await reader.bytes(RECOGNITION_START, length);
  const found = Array.from({ length: RECOGNITION_SECTORS }, (_, index) => recognised(sectors, index * SECTOR));
  return { iso: found.includes("CD001"), udf: found.includes("NSR02") || found.includes("NSR03") };
}

function recognised(bytes: Uint8Array, sectorStart: number): string {
  return String.fromCharCode(...bytes.subarray(sectorStart + 1, sectorStart + 6));
}

/**
 * The film of a Blu-ray or DVD as one more member, when these are the files of one; a feature that cannot be read takes nothing from the
 * files, which are there without it. `read` gives all bytes of a small member.
 */
export async function discFeature(
  members: readonly StoredMember[],
  { name, read }: { readonly name: string; readonly read: (member: StoredMember) => Promise<Buffer> },
): Promise<StoredMember | undefined> {
  const clips = await blurayFeature(members, read).catch((error: unknown) => {
    if (errorCode(error)?.startsWith("ARCHIVE_")) return undefined;
    throw error;
  });
  if (clips !== undefined) return joined(`${name}.m2ts`, clips);
  const titles = dvdFeature(members);
  return titles && joined(`${name}.mpg`, titles);
}

/** One member whose bytes are those of several, one after the other. */
function joined(path: string, members: readonly StoredMember[]): StoredMember {
  return {
    path,
    size: members.reduce((sum, { size }) => sum + size, 0),
    modifiedAt: members[0]?.modifiedAt,
    pieces: members.flatMap(({ pieces }) => pieces),
    cipher: undefined,
    crc32: undefined,
  };
}
