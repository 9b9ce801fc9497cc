import { createHash } from "node:crypto";
import type { StoredMember, Volume } from "../../src/archive/archive.ts";
import { memberFile } from "../../src/archive/member-file.ts";
import { RarKeys } from "../../src/archive/rar-keys.ts";
import { mapRarVolumes, type RarSets } from "../../src/archive/rar-set.ts";
import type { SeekableFile } from "../../src/base/seekable-file.ts";
import type { RarFile } from "./rar-writer.ts";

export const { signal } = new AbortController();

/** The thread cannot load TypeScript, so it runs what the build made; `npm test` builds first. */
export const WORKER = new URL("../../dist/archive/rar3-worker.js", import.meta.url);

/** A volume in memory that counts what is read of it. */
export class CountedVolume implements Volume {
  readonly name: string;
  readonly bytes: Buffer;
  readonly file: SeekableFile;
  reads = 0;
  bytesRead = 0;

  constructor({ name, bytes }: RarFile) {
    this.name = name;
    this.bytes = bytes;
    const read = (start: number, end: number) => this.#read(start, end);
    this.file = { size: bytes.length, read: ({ start, end }) => read(start, end) };
  }

  /** Chunks of odd sizes, in memory that is used again, as the seam allows. */
  async *#read(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    if (start < 0 || end > this.bytes.length || start > end) throw new RangeError(`${start}-${end} of ${this.name}`);
    this.reads += 1;
    this.bytesRead += end - start;
    const chunk = Buffer.alloc(1021);
    for (let at = start; at < end; at += chunk.length) {
      const length = this.bytes.copy(chunk, 0, at, Math.min(end, at + chunk.length));
      yield chunk.subarray(0, length);
    }
  }
}

export interface MappedBag extends RarSets {
  readonly volumes: readonly CountedVolume[];
  readonly keys: RarKeys;
  /** What mapping cost, volume by volume. */
  readonly costs: readonly { readonly reads: number; readonly bytes: number }[];
}

export async function mapBag(files: readonly RarFile[], passwords: readonly string[] = []): Promise<MappedBag> {
  const volumes = files.map((file) => new CountedVolume(file));
  const keys = new RarKeys(passwords, { workerUrl: WORKER });
  const budget = { bytes: 64 * 2 ** 20, reads: 100_000 };
  const sets = await mapRarVolumes(volumes, { budget, keys, signal });
  return { ...sets, volumes, keys, costs: volumes.map(({ reads, bytesRead }) => ({ reads, bytes: bytesRead })) };
}

export async function bytesOf(
  member: StoredMember,
  volumes: readonly Volume[],
  range = { start: 0, end: member.size },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of memberFile(member, volumes).read(range, { signal })) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** What all sets hold, path by path, and what is refused, by code. */
export async function contentsOf({ sets, volumes }: MappedBag): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for (const { map } of sets) {
    for (const member of map.stored) found.push([member.path, sha256(await bytesOf(member, volumes))]);
    for (const { path, code } of map.refused) found.push([path, code]);
  }
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
