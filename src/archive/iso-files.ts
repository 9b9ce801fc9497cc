import type { ByteRange } from "../base/byte-range.ts";
import { FormatError } from "../base/errors.ts";
import type { Piece, RefusedMember, StoredMember } from "./archive.ts";

/** Records, descriptors and runs of bytes that one image may have: beyond those of any disc, and still cheap to hold. */
const MAX_RECORDS = 100_000;
/** Characters of a path, which bounds the depth of the tree as well; UDF allows 1023 bytes (UDF 2.60, 2, basic restrictions). */
const MAX_PATH = 1024;
const HINT = "the post is damaged or hostile: get another one";

/** A file as its file system tells of it; `runs` are bytes of the image, in order, at least `size` of them. */
export interface DiscFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedAt: number | undefined;
  readonly runs: readonly ByteRange[];
}

/** The files of one image while its directories are read. */
export interface DiscFiles {
  readonly stored: readonly StoredMember[];
  readonly refused: readonly RefusedMember[];
  /** Call for each record, descriptor or run, before it costs anything. Throws ARCHIVE_MALFORMED when there are too many. */
  count(): void;
  /** A file whose bytes do not all lie in the image is refused, the others are served: copy protections list such files. */
  add(file: DiscFile): void;
  refuse(file: Omit<DiscFile, "runs">, code: RefusedMember["code"], why: string): void;
}

export function discFiles(imageSize: number): DiscFiles {
  const stored: StoredMember[] = [];
  const refused: RefusedMember[] = [];
  let records = 0;

  const refuse: DiscFiles["refuse"] = ({ path, size }, code, why) => {
    const hint = code === "ARCHIVE_COMPRESSED" ? "get a release that is not compressed" : HINT;
    refused.push({
      path,
      size,
      code,
      message: `${path} cannot be read from the disc image: ${why}`,
      hint,
      packed: undefined,
    });
  };

  return {
    stored,
    refused,
    refuse,
    count() {
      records += 1;
      if (records > MAX_RECORDS) throw malformedImage("it lists more than any disc holds");
    },
    add(file) {
      const pieces = piecesOf(file);
      if (pieces === undefined) refuse(file, "ARCHIVE_MALFORMED", "less space is given to it than its size");
      else if (pieces.some(({ end }) => end > imageSize)) {
        refuse(file, "ARCHIVE_INCOMPLETE", "it lies beyond the end of the image");
      } else {
        const { path, size, modifiedAt } = file;
        stored.push({ path, size, modifiedAt, pieces, cipher: undefined, crc32: undefined });
      }
    },
  };
}

/** Neighbours are joined and what lies beyond the file's size is cut off; undefined when the runs are too short. */
function piecesOf({ runs, size }: DiscFile): readonly Piece[] | undefined {
  const pieces: { volume: number; start: number; end: number }[] = [];
  let missing = size;
  for (const { start, end } of runs) {
    if (missing === 0) break;
    const length = Math.min(end - start, missing);
    if (length === 0) continue;
    const last = pieces.at(-1);
    if (last?.end === start) last.end += length;
    else pieces.push({ volume: 0, start, end: start + length });
    missing -= length;
  }
  return missing === 0 ? pieces : undefined;
}

/** `folder/name`; the root's path is empty. Slashes and control characters within a name become `_`. Throws when it gets too long. */
export function joinPath(folder: string, name: string): string {
  const clean = name.replace(/[/\u0000-\u001f]/g, "_");
  const path = folder === "" ? clean : `${folder}/${clean}`;
  if (path.length > MAX_PATH) throw malformedImage("its folders are nested too deeply");
  return path;
}

/** UTF-16 with the high byte first, as Joliet and UDF write names. An odd last byte is dropped. */
export function decodeUtf16(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, bytes.length & ~1))
    .swap16()
    .toString("utf16le");
}

export function malformedImage(why: string): FormatError {
  return new FormatError("ARCHIVE_MALFORMED", `the disc image cannot be read: ${why}`, { hint: HINT });
}
