import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import type { MemberCipher } from "../../src/archive/archive.ts";
import { startDecryption } from "../../src/archive/decryption.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { seededRandom } from "../random.ts";

const SIZE = 1_024;
const PLAIN = patternContent(4, SIZE).read(0, SIZE);
const KEY = patternContent(5, 32).read(0, 32);
const IV = patternContent(6, 16).read(0, 16);

const CBC = { packed: createCipheriv("aes-256-cbc", KEY, IV).update(PLAIN), cipher: { key: KEY, iv: IV } };
/** What Node's CTR makes of a first block is AES of exactly that counter, so ZIP's is made block by block. */
const CTR = {
  packed: Buffer.concat(
    Array.from({ length: SIZE / 16 }, (_, block) => {
      const counter = Buffer.alloc(16);
      counter.writeUInt32LE(block + 1);
      return createCipheriv("aes-256-ctr", KEY, counter).update(PLAIN.subarray(block * 16, block * 16 + 16));
    }),
  ),
  cipher: { mode: "ctr", key: KEY, iv: Buffer.alloc(0) } as const satisfies MemberCipher,
};

/** Ciphertext comes in pieces of all sizes, some of it never. */
function run(seed: number, { packed, cipher }: { readonly packed: Buffer; readonly cipher: MemberCipher }) {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const skip = random() < 0.5 ? 0 : below(32);
  const places = [below(SIZE - skip + 1), below(SIZE - skip + 1)];
  const range = { start: Math.min(...places), end: Math.max(...places) };
  const decryption = startDecryption({ ...cipher, skip }, range);
  const { source } = decryption;
  /** Of every byte of the stream, what it was given as; undefined for what was not, -1 for what was called lost. */
  const given: number[] = [];
  const isHole: boolean[] = [];
  let at = source.start;
  let position = range.start;
  while (at < source.end) {
    const length = 1 + below(Math.min(source.end - at, random() < 0.5 ? 8 : 60));
    if (random() < 0.3) {
      const lost = decryption.lose(length);
      if (lost.start < lost.end) expect(lost.start).toBe(position);
      for (let offset = at; offset < at + length; offset += 1) isHole[offset] = true;
      for (let offset = lost.start; offset < lost.end; offset += 1) given[position++] = -1;
    } else {
      for (const byte of decryption.update(packed.subarray(at, at + length))) given[position++] = byte;
    }
    at += length;
  }
  return { range, source, skip, position, given, isHole };
}

describe.each([
  ["AES-CBC", CBC, 16],
  ["ZIP's CTR", CTR, 0],
])("decryption of %s", (_name, kind, block) => {
  test("gives each byte of the range once and in order, right or as lost with what it needs, and nothing is lost without need", () => {
    for (let seed = 0; seed < 3_000; seed += 1) {
      const { range, source, skip, position, given, isHole } = run(seed, kind);
      if (range.start === range.end) {
        expect(source.start).toBe(source.end);
        continue;
      }
      expect(source.start).toBeGreaterThanOrEqual(Math.max(0, range.start + skip - 2 * block));
      expect(source.end - (range.end + skip)).toBeLessThan(16);
      expect(position).toBe(range.end);
      for (let offset = range.start; offset < range.end; offset += 1) {
        const own = Math.floor((offset + skip) / 16) * 16;
        const [from, to] = block === 0 ? [offset + skip, offset + skip + 1] : [Math.max(0, own - block), own + 16];
        const isLost = isHole.slice(from, to).includes(true);
        const expected = isLost ? -1 : (PLAIN[offset + skip] as number);
        if (given[offset] !== expected)
          expect({ seed, offset, was: given[offset] }).toEqual({ seed, offset, was: expected });
      }
    }
  });
});

test("the keystream of ZIP's CTR goes on beyond 2^32 blocks", () => {
  const at = 2 ** 32 * 16 - 16 * 3 + 5;
  const length = 200;
  const bytes = startDecryption(CTR.cipher, { start: at, end: at + length }).update(Buffer.alloc(length));
  const expected = Buffer.from(
    Array.from({ length }, (_, index) => {
      const counter = Buffer.alloc(16);
      counter.writeBigUInt64LE(BigInt(Math.floor((at + index) / 16) + 1));
      const stream = createCipheriv("aes-256-ctr", KEY, counter).update(Buffer.alloc(16));
      return stream[(at + index) % 16] as number;
    }),
  );
  expect(Buffer.from(bytes).equals(expected)).toBe(true);
});
