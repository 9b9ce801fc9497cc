import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { StoredMember, Volume } from "../../src/archive/archive.ts";
import type { HeaderBudget } from "../../src/archive/header-reader.ts";
import { memberFile } from "../../src/archive/member-file.ts";
import type { ByteRange } from "../../src/base/byte-range.ts";
import type { SeekableFile } from "../../src/base/seekable-file.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/archive/", import.meta.url));

/** Never aborted. */
export const cancel = { signal: new AbortController().signal };

/** What reading costs. */
export interface Cost {
  reads: number;
  bytes: number;
}

/** A file in memory that yields chunks of at most 1000 bytes, and counts. */
export function memoryFile(bytes: Uint8Array, cost: Cost = { reads: 0, bytes: 0 }): SeekableFile {
  return {
    size: bytes.length,
    async *read({ start, end }: ByteRange) {
      if (!(start >= 0 && start <= end && end <= bytes.length)) throw new RangeError(`no bytes ${start} to ${end}`);
      cost.reads += 1;
      cost.bytes += end - start;
      for (let at = start; at < end; at += 1000) yield bytes.subarray(at, Math.min(end, at + 1000));
    },
  };
}

export function memoryVolumes(files: readonly Uint8Array[], cost?: Cost): readonly Volume[] {
  return files.map((bytes, index) => ({ name: `volume.${index + 1}`, file: memoryFile(bytes, cost) }));
}

/** As much as an import allows. */
export function generousBudget(): HeaderBudget {
  return { bytes: 16 * 1024 * 1024, reads: 10_000 };
}

export function fixture(path: string): Buffer {
  return readFileSync(FIXTURES + path);
}

/** A line of a `members.tsv`. */
export interface FixtureRow {
  readonly file: string;
  readonly volume: string;
  readonly member: string;
  readonly size: string;
  /** Of the member's bytes; empty for what is hostile, or unpacked by no tool of ours. */
  readonly sha256: string;
  readonly method: string;
  readonly password: string;
}

/** The members of all archives of a folder of fixtures whose file names match. */
export function fixtureRows(folder: string, names: RegExp): readonly FixtureRow[] {
  const [head = "", ...lines] = fixture(`${folder}/members.tsv`).toString("utf8").trimEnd().split("\n");
  const columns = head.split("\t");
  const rows = lines.map((line) => {
    const cells = line.split("\t");
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ""])) as unknown as FixtureRow;
  });
  return rows.filter(({ file }) => names.test(file));
}

export async function bytesOf(file: SeekableFile, range: ByteRange = { start: 0, end: file.size }): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of file.read(range, cancel)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export async function sha256Of(member: StoredMember, volumes: readonly Volume[]): Promise<string> {
  return sha256(await bytesOf(memberFile(member, volumes)));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
