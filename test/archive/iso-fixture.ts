import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { StoredMember } from "../../src/archive/archive.ts";
import type { HeaderBudget } from "../../src/archive/header-reader.ts";
import { type DiscImage, readDiscImage } from "../../src/archive/iso-image.ts";
import type { ByteRange } from "../../src/base/byte-range.ts";
import type { SeekableFile } from "../../src/base/seekable-file.ts";

/** An image that counts what is read of it; beyond `bytes` it holds zeros. */
export class CountedImage implements SeekableFile {
  readonly size: number;
  readonly reads: ByteRange[] = [];
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, size = bytes.length) {
    this.#bytes = bytes;
    this.size = size;
  }

  get bytesRead(): number {
    return this.reads.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  async *read({ start, end }: ByteRange): AsyncGenerator<Uint8Array, void, undefined> {
    if (!(start >= 0 && start <= end && end <= this.size))
      throw new Error(`read outside of the image: ${start}-${end}`);
    this.reads.push({ start, end });
    const held = this.#bytes.subarray(Math.min(start, this.#bytes.length), Math.min(end, this.#bytes.length));
    if (held.length > 0) yield held;
    if (end - start > held.length) yield Buffer.alloc(end - start - held.length);
  }
}

export function loadImage(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(`../fixtures/archive/iso/${name}.gz`, import.meta.url)));
}

/** The bytes of a file in the test images, see their README. */
export function discContent(path: string, size: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, index) =>
    createHash("sha256").update(`${path}:${index}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

/** What the images were made of: path and size. */
export const TREE: ReadonlyMap<string, number> = new Map([
  ["readme.txt", 1234],
  ["exact.bin", 4096],
  ["empty.dat", 0],
  [`a/${"n".repeat(180)}.nfo`, 77],
  ["a/b/c/d/e/f/g/h/i/deep file with a rather long name.mkv", 5000],
  ["Ünïcode 日本/Film – 2024.mkv", 9000],
  ["a/Mixed.Case.Name.S01E01.1080p.mkv", 7001],
  ...Array.from({ length: 40 }, (_, n): [string, number] => [`a/b/many${String(n).padStart(3, "0")}.srt`, 10 + n]),
]);

export function generousBudget(): HeaderBudget {
  return { bytes: 8 << 20, reads: 2000 };
}

export function open(image: SeekableFile, budget = generousBudget()): Promise<DiscImage> {
  return readDiscImage(image, { name: "Release", budget, signal: new AbortController().signal });
}

/** A member's bytes, by its pieces. */
export async function bytesOf(image: CountedImage, { pieces }: StoredMember): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (const piece of pieces) for await (const chunk of image.read(piece)) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Path and SHA-256 of every file that is served, as read from the image. */
export async function sums(image: CountedImage, members: readonly StoredMember[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const member of members) found[member.path] = sha256(await bytesOf(image, member));
  return found;
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
