import { createDecipheriv, createHash } from "node:crypto";
import { bytesContent, type Content, patternContent } from "../../../src/newsserver/content.ts";

/** A file of a post or of an archive. */
export interface Named {
  readonly name: string;
  readonly content: Content;
}

const EBML = Buffer.from("1a45dfa3", "hex");
const AES_BLOCK = 16;
/** Read at once when the whole of a content is gone through. */
const STRIDE = 2 ** 20;

/** A film by its first bytes, and pattern content behind them. */
export function film(seed: number, size: number): Content {
  return joined([bytesContent(EBML), patternContent(seed, size - EBML.length)]);
}

export function bytesOf(content: Content): Buffer {
  return content.read(0, content.size);
}

/** Contents one after the other, as one. */
export function joined(parts: readonly Content[]): Content {
  const starts: number[] = [];
  let size = 0;
  for (const part of parts) {
    starts.push(size);
    size += part.size;
  }
  return {
    size,
    read(offset, length) {
      if (offset < 0 || offset + length > size) throw new RangeError(`no ${length} bytes at ${offset} of ${size}`);
      const chunks: Buffer[] = [];
      const end = offset + length;
      for (let index = lastAtOrBefore(starts, offset), at = offset; at < end; index += 1) {
        const part = parts[index] as Content;
        const start = starts[index] as number;
        const count = Math.min(end, start + part.size) - at;
        if (count <= 0) continue;
        chunks.push(part.read(at - start, count));
        at += count;
      }
      return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    },
  };
}

/** The bytes `[start, end)` of a content. */
export function slice(content: Content, start: number, end: number): Content {
  return { size: end - start, read: (offset, length) => content.read(start + offset, length) };
}

/** A content cut into pieces of one size; the last may be shorter. */
export function cut(content: Content, size: number): readonly Content[] {
  return Array.from({ length: Math.ceil(content.size / size) }, (_, index) =>
    slice(content, index * size, Math.min(content.size, (index + 1) * size)),
  );
}

export interface Cipher {
  readonly name: string;
  readonly key: Buffer;
  readonly iv: Buffer;
}

/** What a CBC ciphertext says, cut to `size`. Any content may be taken for a ciphertext, so that huge plaintexts need no encryption. */
export function decrypted(ciphertext: Content, size: number, { name, key, iv }: Cipher): Content {
  return {
    size,
    read(offset, length) {
      const start = offset - (offset % AES_BLOCK);
      const end = Math.ceil((offset + length) / AES_BLOCK) * AES_BLOCK;
      const chain = start === 0 ? iv : ciphertext.read(start - AES_BLOCK, AES_BLOCK);
      const aes = createDecipheriv(name, key, chain).setAutoPadding(false);
      const plain = Buffer.concat([aes.update(ciphertext.read(start, end - start)), aes.final()]);
      return plain.subarray(offset - start, offset - start + length);
    },
  };
}

export function sha256Of(content: Content): string {
  const hash = createHash("sha256");
  for (let at = 0; at < content.size; at += STRIDE) hash.update(content.read(at, Math.min(STRIDE, content.size - at)));
  return hash.digest("hex");
}

function lastAtOrBefore(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
