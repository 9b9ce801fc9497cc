import { createCipheriv } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import type { MemberCipher, StoredMember } from "../../src/archive/archive.ts";
import { memberFile } from "../../src/archive/member-file.ts";
import { seededRandom } from "../random.ts";
import { bytesOf, CountedVolume, signal } from "./rar-bags.ts";
import { pattern } from "./rar-samples.ts";

const PLAIN = pattern(20_011);

/** The bytes of a member over three volumes, cut at places that are no multiples of anything, something else around them. */
function spread(packed: Buffer, cipher: MemberCipher | undefined): { member: StoredMember; volumes: CountedVolume[] } {
  const cuts = [0, 7_007, 7_012, packed.length];
  const volumes = cuts.slice(1).map((end, i) => {
    const bytes = Buffer.concat([pattern(100 + i, 50), packed.subarray(cuts[i], end), pattern(30, 60)]);
    return new CountedVolume({ name: `${i}`, bytes });
  });
  const pieces = cuts.slice(1).map((end, i) => ({
    volume: i,
    start: 100 + i,
    end: 100 + i + end - (cuts[i] as number),
  }));
  const member = { path: "m", size: PLAIN.length, modifiedAt: undefined, pieces, cipher, crc32: undefined };
  return { member, volumes };
}

function cbc(keyBytes: number): { packed: Buffer; cipher: MemberCipher } {
  const [key, iv] = [pattern(keyBytes, 70), pattern(16, 80)];
  const padded = Buffer.concat([PLAIN, Buffer.alloc(16 - (PLAIN.length % 16))]);
  const aes = createCipheriv(`aes-${keyBytes * 8}-cbc`, key, iv).setAutoPadding(false);
  return { packed: Buffer.concat([aes.update(padded), aes.final()]), cipher: { key, iv } };
}

/** ZIP's counter, block by block: what Node's CTR makes of a first block is AES of exactly that counter. */
function ctr(keyBytes: number): { packed: Buffer; cipher: MemberCipher } {
  const key = pattern(keyBytes, 90);
  const blocks: Buffer[] = [];
  for (let at = 0; at < PLAIN.length; at += 16) {
    const counter = Buffer.alloc(16);
    counter.writeUInt32LE(at / 16 + 1);
    blocks.push(createCipheriv(`aes-${keyBytes * 8}-ctr`, key, counter).update(PLAIN.subarray(at, at + 16)));
  }
  return { packed: Buffer.concat(blocks), cipher: { mode: "ctr", key, iv: Buffer.alloc(0) } };
}

describe.each([
  ["plain", { packed: PLAIN, cipher: undefined }],
  ["in AES-128-CBC", cbc(16)],
  ["in AES-256-CBC", cbc(32)],
  ["in ZIP's AES-192-CTR", ctr(24)],
])("a member %s", (_, { packed, cipher }) => {
  test("gives any range", async () => {
    const { member, volumes } = spread(packed, cipher);
    const random = seededRandom(3);
    const edges = [0, 1, 15, 16, 17, 7_006, 7_007, 7_008, 7_011, 7_012, 7_016, PLAIN.length - 1, PLAIN.length];
    for (let i = 0; i < 300; i += 1) {
      const places = [0, 1].map(() =>
        random() < 0.3 ? (edges[Math.floor(random() * edges.length)] as number) : Math.floor(random() * PLAIN.length),
      );
      const range = { start: Math.min(...places), end: Math.max(...places) };
      const bytes = await bytesOf(member, volumes, range);
      expect(bytes.equals(PLAIN.subarray(range.start, range.end))).toBe(true);
    }
  });

  test("reads at most a block more than it gives on either side", async () => {
    const { member, volumes } = spread(packed, cipher);
    const bytesRead = () => volumes.reduce((sum, volume) => sum + volume.bytesRead, 0);
    await bytesOf(member, volumes, { start: 10_001, end: 12_001 });
    expect(bytesRead()).toBeLessThanOrEqual(2000 + 16 + 15 + 15);
    expect(volumes.map(({ reads }) => reads)).toEqual([0, 0, 1]);
  });

  test("may begin inside of what is encrypted", async () => {
    const { member, volumes } = spread(packed, cipher);
    const later = { ...member, size: member.size - 21, skip: 21 };
    expect((await bytesOf(later, volumes)).equals(PLAIN.subarray(21))).toBe(true);
  });

  test("refuses a range outside of it, and gives nothing for an empty one", async () => {
    const { member, volumes } = spread(packed, cipher);
    const file = memberFile(member, volumes);
    for (const range of [
      { start: 0, end: PLAIN.length + 1 },
      { start: -1, end: 5 },
      { start: 9, end: 8 },
    ]) {
      expect(() => file.read(range, { signal })).toThrow(RangeError);
    }
    expect(await bytesOf(member, volumes, { start: 5, end: 5 })).toHaveLength(0);
    expect(volumes.map(({ reads }) => reads)).toEqual([0, 0, 0]);
  });

  test("throws rather than ending early when its pieces are fewer than its size", async () => {
    const { member, volumes } = spread(packed, cipher);
    const short = { ...member, pieces: member.pieces.slice(0, 2) };
    await expect(bytesOf(short, volumes)).rejects.toThrow(RangeError);
  });
});
