import { describe, expect, test } from "@jest/globals";
import { memberFile } from "../../src/archive/member-file.ts";
import { readSevenZip } from "../../src/archive/seven-zip.ts";
import { SevenZipKeys } from "../../src/archive/seven-zip-keys.ts";
import { readZip } from "../../src/archive/zip.ts";
import { errorCode } from "../../src/base/errors.ts";
import { seededRandom } from "../random.ts";
import { cancel, fixture, memoryVolumes } from "./seven-zip-fixtures.ts";
import { join, withStart, writeSevenZip } from "./seven-zip-writer.ts";
import { writeZip } from "./zip-writer.ts";

/** Per test; seconds in all. Raise it to look further. */
const ROUNDS = 1500;
const BUDGET = { bytes: 1024 * 1024, reads: 200 };

type Random = () => number;

/** A few changes of the kind that finds mistakes: bits, edges of numbers, and pieces moved, doubled or cut off. */
function mutated(
  bytes: Buffer,
  random: Random,
  { start, end }: { readonly start: number; readonly end: number },
): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  let copy = Buffer.from(bytes);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const at = Math.max(0, Math.min(copy.length - 1, start + below(Math.max(1, end - start))));
    const kind = below(6);
    if (kind === 0) copy[at] = (copy[at] as number) ^ (1 << below(8));
    else if (kind === 1) copy[at] = [0, 1, 0x7f, 0x80, 0xff][below(5)] as number;
    else if (kind === 2) copy.fill(0xff, at, Math.min(copy.length, at + 1 + below(8)));
    else if (kind === 3) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1 + below(4))]);
    else if (kind === 4) copy = Buffer.concat([copy.subarray(0, at), copy.subarray(start, at), copy.subarray(at)]);
    else copy.copyWithin(at, start + below(Math.max(1, end - start)), end);
  }
  return copy;
}

/** Refused with a code, or mapped to pieces that lie in the volumes; within the budget in any case. */
async function survives(read: (budget: typeof BUDGET) => Promise<unknown>, volumes: ReturnType<typeof memoryVolumes>) {
  const budget = { ...BUDGET };
  const outcome = await read(budget).catch((error: unknown) => {
    expect([errorCode(error), error]).toEqual([expect.stringMatching(/^ARCHIVE_/), error]);
    return undefined;
  });
  const map = outcome as Awaited<ReturnType<typeof readZip>> | undefined;
  for (const member of map?.stored ?? []) {
    const { size, pieces, skip = 0, cipher } = member;
    const length = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
    const padded = cipher !== undefined && cipher.mode === undefined ? Math.ceil((size + skip) / 16) * 16 : size + skip;
    expect([member.path, length]).toEqual([member.path, padded]);
    for (const { volume, start, end } of pieces) {
      expect(start >= 0 && start < end && end <= (volumes[volume]?.file.size ?? 0)).toBe(true);
    }
    expect(memberFile(member, volumes).size).toBe(size);
  }
  return map !== undefined;
}

describe("any bytes", () => {
  test("in a 7z header are refused or mapped, never more", async () => {
    const random = seededRandom(70);
    const files = ["a.mkv", "b.srt", "empty"].map((name, i) => ({ name, bytes: Buffer.alloc(100 - 50 * i, 3) }));
    const seeds = [
      writeSevenZip([{ files }, { files: files.slice(0, 2), password: "pw" }]),
      ...["t0.7z", "file_and_empty.7z", "t3.7z"].map((name) => fixture(`bodgit-sevenzip/${name}`)),
      ...["archive_properties", "bcj2_lzma1_2", "copy", "encryption", "packinfo_digests"].map((name) =>
        fixture(`libarchive-7z-zip/test_read_format_7zip_${name}.7z`),
      ),
    ];
    let mapped = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const seed = seeds[round % seeds.length] as Buffer;
      const headerStart = 32 + Number(seed.readBigUInt64LE(12));
      // The checksums of the mutated header are made right: else nothing behind them would ever be reached.
      const header = mutated(seed.subarray(headerStart), random, { start: 0, end: seed.length - headerStart });
      const bytes = withStart(seed.subarray(32, headerStart), header);
      const volumes = memoryVolumes([bytes.subarray(0, 40), bytes.subarray(40)]);
      const keys = new SevenZipKeys({ maxRounds: 64 });
      const read = (budget: typeof BUDGET) => readSevenZip(volumes, { ...cancel, passwords: ["pw"], keys, budget });
      if (await survives(read, volumes)) mapped += 1;
    }
    expect(mapped).toBeGreaterThan(ROUNDS / 20);
  });

  test("in a packed 7z header are refused or unpacked, never more", async () => {
    const random = seededRandom(71);
    const seed = fixture("made-7z/lzma2-header.7z");
    const headerStart = 32 + Number(seed.readBigUInt64LE(12));
    const header = seed.subarray(headerStart);
    for (let round = 0; round < 40; round++) {
      const packed = mutated(seed.subarray(32, headerStart), random, { start: 15_994, end: headerStart - 32 });
      const volumes = memoryVolumes([withStart(packed, header)]);
      const read = (budget: typeof BUDGET) =>
        readSevenZip(volumes, { ...cancel, passwords: [], keys: new SevenZipKeys(), budget });
      await survives(read, volumes);
    }
  });

  test("in place of a whole 7z header are refused", async () => {
    const random = seededRandom(72);
    for (let round = 0; round < ROUNDS; round++) {
      const noise = Buffer.from(Array.from({ length: 3 + Math.floor(random() * 60) }, () => Math.floor(random() * 32)));
      const volumes = memoryVolumes([withStart(Buffer.alloc(64), join([round % 3 === 0 ? 0x17 : 1, 4, 6, noise]))]);
      const read = (budget: typeof BUDGET) =>
        readSevenZip(volumes, { ...cancel, passwords: ["pw"], keys: new SevenZipKeys({ maxRounds: 64 }), budget });
      await survives(read, volumes);
    }
  });

  test("in a zip archive are refused or mapped, never more", async () => {
    const random = seededRandom(73);
    const files = ["a.mkv", "sub/b.srt"].map((name) => ({ name, bytes: Buffer.from(name) }));
    const seeds = [
      writeZip(files),
      writeZip(files, { isWide: true, comment: 20 }),
      fixture("yauzl/zip64.zip"),
      fixture("sharpcompress-7z-zip/Zip.none.encrypted.zip"),
      fixture("libarchive-7z-zip/test_read_format_zip_encryption_header.zip"),
    ];
    let mapped = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const seed = seeds[round % seeds.length] as Buffer;
      const start = Math.max(0, seed.length - 300 * (1 + (round % 3)));
      const bytes = mutated(seed, random, { start, end: seed.length });
      const volumes = memoryVolumes(round % 2 === 0 ? [bytes] : [bytes.subarray(0, 20), bytes.subarray(20)]);
      const read = (budget: typeof BUDGET) => readZip(volumes, { ...cancel, passwords: ["test"], budget });
      if (await survives(read, volumes)) mapped += 1;
    }
    expect(mapped).toBeGreaterThan(ROUNDS / 20);
  });
});
