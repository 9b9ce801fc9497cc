import { describe, expect, test } from "@jest/globals";
import type { Volume } from "../../src/archive/archive.ts";
import { RarKeys } from "../../src/archive/rar-keys.ts";
import { mapRarVolumes } from "../../src/archive/rar-set.ts";
import { seededRandom } from "../random.ts";
import { bytesOf, shuffled, signal } from "./rar-bags.ts";
import { Rar4Format } from "./rar-writer-4.ts";
import { Rar5Format } from "./rar-writer-5.ts";

interface PretendedSet {
  readonly format: 4 | 5;
  readonly volumes: number;
  /** Bytes of the member in each volume but the last, which holds one. */
  readonly dataBytes: number;
}

function byteAt(offset: number): number {
  return (offset % 251) ^ (Math.floor(offset / 2 ** 20) & 0xff);
}

/** Volumes of a size that nobody stores: real headers around bytes that are a function of their offset. Reads are counted. */
function pretendedSet({ format, volumes, dataBytes }: PretendedSet) {
  const spec = { format, members: [], volumeSize: dataBytes };
  const writer = format === 4 ? new Rar4Format(spec) : new Rar5Format(spec);
  const member = { path: "large.mkv", content: Buffer.alloc(0) };
  const size = dataBytes * (volumes - 1) + 1;
  const reads: number[] = Array(volumes).fill(0);
  const files = Array.from({ length: volumes }, (_, number): Volume => {
    const isLast = number === volumes - 1;
    const packedSize = isLast ? 1 : dataBytes;
    const part = { member, size, packedSize, packedCrc: number + 1, continuedFrom: number > 0, continuesIn: !isLast };
    const head = Buffer.concat([writer.begin(number), writer.part(part)]);
    const tail = writer.end(number, !isLast);
    const byte = (at: number): number =>
      head[at] ?? tail[at - head.length - packedSize] ?? byteAt(number * dataBytes + at - head.length);
    return {
      name: `${(number * 7919) % 104729}x`,
      file: {
        size: head.length + packedSize + tail.length,
        async *read({ start, end }) {
          reads[number] = (reads[number] ?? 0) + 1;
          yield Uint8Array.from({ length: end - start }, (_, i) => byte(start + i));
        },
      },
    };
  });
  return { files, size, reads };
}

async function mapped(files: readonly Volume[]) {
  const budget = { bytes: 64 * 2 ** 20, reads: 10_000 };
  return await mapRarVolumes(files, { budget, keys: new RarKeys([]), signal });
}

describe.each([4, 5] as const)("a RAR%d set", (format) => {
  test("with volumes and a member above 4 GiB is mapped and read anywhere", async () => {
    const { files, size } = pretendedSet({ format, volumes: 3, dataBytes: 5 * 2 ** 30 + 77 });
    const { sets } = await mapped(files);
    const member = sets[0]?.map.stored[0];
    if (!member) throw new Error("not served");
    expect(member.size).toBe(size);
    for (const start of [0, 2 ** 32 - 50, 5 * 2 ** 30 + 20, size - 100]) {
      const bytes = await bytesOf(member, files, { start, end: start + 100 });
      expect([...bytes]).toEqual(Array.from({ length: 100 }, (_, i) => byteAt(start + i)));
    }
  });

  test("of 1000 volumes in any order under any names costs one read of each, and one more where RAR4 hides its numbers", async () => {
    const { files, size, reads } = pretendedSet({ format, volumes: 1000, dataBytes: 100 * 2 ** 20 });
    const { sets, outside } = await mapped(shuffled(files, seededRandom(1)));
    expect(outside).toEqual([]);
    expect(sets).toMatchObject([{ missing: [], trouble: undefined, orderedBy: "number" }]);
    expect(sets[0]?.map.stored).toMatchObject([{ size }]);
    expect(Math.max(...reads)).toBe(format === 4 ? 2 : 1);
  });
});
