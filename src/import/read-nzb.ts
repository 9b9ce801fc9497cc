import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Cancel } from "../base/seekable-file.ts";
import type { JobSource } from "../catalog/jobs.ts";
import type { Nzb } from "../nzb/nzb.ts";
import type { NzbParser } from "../nzb/parser-thread.ts";
import { type NamedRelease, parseReleaseName } from "../nzb/release-name.ts";
import { releaseName } from "./names.ts";
import { isObfuscated } from "./obfuscated.ts";
import type { SpooledFile } from "./spool.ts";

/** An NZB that has come and could be read: what a job is made of. */
export interface ReadNzb {
  readonly source: JobSource;
  /** Safe as a folder's. */
  readonly name: string;
  /** Those that came with its names, after those that were asked for. */
  readonly passwords: readonly string[];
}

/** What an NZB is called by whoever brings it; each may hold a password. */
export interface NzbNames {
  /** By the request, which always wins; its password is known already. */
  readonly requested: string | undefined;
  /** By the indexer it comes from, which wins over its own title as long as that says something. */
  readonly stated?: string | undefined;
  readonly fileName: string | undefined;
}

export interface ReadNzbOptions extends Cancel {
  readonly parser: Pick<NzbParser, "parse">;
  /** Of the unpacked document. */
  readonly maxBytes: number;
  readonly names: NzbNames;
  /** Asked for with the request. */
  readonly passwords: readonly string[];
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
/** Longer names of files are cut: nobody could call a file so. */
const MAX_FILE_NAME = 1_000;

/** Parses and packs a spooled NZB. Rejects as `NzbParser.parse` does. */
export async function readNzb(file: SpooledFile, options: ReadNzbOptions): Promise<ReadNzb> {
  const { parser, maxBytes, names, signal } = options;
  const nzb = await parser.parse({ path: file.path }, { signal, limits: { bytes: maxBytes } });
  const packed = await packedFile(file, signal);
  signal.throwIfAborted();
  // An NZB that is called a ZIP all the same.
  const fromFile = names.fileName === undefined ? undefined : parseReleaseName(names.fileName.replace(/\.zip$/i, ""));
  const stated = names.stated === undefined ? undefined : parseReleaseName(names.stated);
  const name = releaseName({
    requested: names.requested,
    title: stated === undefined || isObfuscated(stated.name) ? nzb.meta.title : stated.name,
    nzbName: fromFile?.name ?? stated?.name,
    files: nzb.files.flatMap((posted) => posted.name ?? []),
  });
  const passwords = [...options.passwords, ...(stated?.passwords ?? []), ...(fromFile?.passwords ?? [])];
  return {
    source: {
      digest: nzb.digest,
      nzb: packed,
      bytes: encodedBytes(nzb),
      nzbName: shownName(names.fileName, fromFile)?.slice(0, MAX_FILE_NAME),
    },
    name,
    passwords: [...new Set(passwords)],
  };
}

/** A file's name without its password, since everybody who sees the queue sees it. */
function shownName(fileName: string | undefined, read: NamedRelease | undefined): string | undefined {
  return read === undefined || read.passwords.length === 0 ? fileName : `${read.name}.nzb`;
}

/** What the NZB says that all its articles have. */
function encodedBytes(nzb: Nzb): number {
  let bytes = 0;
  for (const { segments } of nzb.files) for (const size of segments.packed.encodedSizes) bytes += size;
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}

/** The file's bytes, gzip-compressed if they are not already. */
async function packedFile({ path, magic }: SpooledFile, signal: AbortSignal): Promise<Buffer> {
  if (magic.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)) return await readFile(path);
  const chunks: Buffer[] = [];
  await pipeline(createReadStream(path), createGzip({ level: 1 }), async (packed: AsyncIterable<Buffer>) => {
    for await (const chunk of packed) {
      signal.throwIfAborted();
      chunks.push(chunk);
    }
  });
  return Buffer.concat(chunks);
}
