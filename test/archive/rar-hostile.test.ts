import { readdirSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { RarKeys } from "../../src/archive/rar-keys.ts";
import { readRarVolume } from "../../src/archive/rar-read.ts";
import { mapRarVolumes } from "../../src/archive/rar-set.ts";
import { errorCode } from "../../src/base/errors.ts";
import { seededRandom } from "../random.ts";
import { CountedVolume, mapBag, signal } from "./rar-bags.ts";
import { pattern } from "./rar-samples.ts";
import { type RarFile, writeRar } from "./rar-writer.ts";

const FIXTURES = new URL("../fixtures/archive/", import.meta.url);
const REFUSALS = ["ARCHIVE_MALFORMED", "ARCHIVE_INCOMPLETE", "ARCHIVE_ENCRYPTED", "ARCHIVE_COMPRESSED"];

function fixtures(folder: string): RarFile[] {
  const names = readdirSync(new URL(folder, FIXTURES)).filter((name) => /\.(rar|r\d\d)$/.test(name));
  return names.map((name) => ({ name, bytes: readFileSync(new URL(`${folder}/${name}`, FIXTURES)) }));
}

/** Changes some bytes near the beginning, where the headers are; and often mends the checksums, so that parsing goes on. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(bytes);
  const reach = Math.min(copy.length, 300);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes -= 1) {
    const at = 8 + Math.floor(random() * Math.max(1, reach - 8));
    copy[at] = [0, 0xff, 0x80, Math.floor(random() * 256)][Math.floor(random() * 4)] as number;
  }
  const isCut = random() < 0.2;
  if (random() < 0.8) mend(copy);
  return isCut ? copy.subarray(0, Math.floor(random() * copy.length)) : copy;
}

function mend(bytes: Buffer): void {
  const isRar5 = bytes[6] === 1;
  let at = isRar5 ? 8 : 7;
  for (let blocks = 0; blocks < 6 && at + 32 < bytes.length; blocks += 1) {
    if (isRar5) {
      const size = bytes[at + 4] as number;
      const end = at + 5 + size;
      if (size > 127 || end > bytes.length) return;
      bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, end)), at);
      at = end;
    } else {
      const end = at + bytes.readUInt16LE(at + 5);
      if (end < at + 7 || end > bytes.length) return;
      bytes.writeUInt16LE(crc32(bytes.subarray(at + 2, end)) & 0xffff, at);
      at = end;
    }
  }
}

describe("mutated archives", () => {
  const seeds = [...fixtures("rarfile"), ...fixtures("rar-stream"), ...fixtures("unrar-rs")].filter(
    ({ bytes }) => bytes.length < 20_000,
  );

  test("never do more than be refused, and cost no more than real ones may", async () => {
    const random = seededRandom(20_261_121);
    const keys = new RarKeys([]);
    const outcomes = new Map<string, number>();
    for (let i = 0; i < 4000; i += 1) {
      const seed = seeds[Math.floor(random() * seeds.length)] as RarFile;
      const volume = new CountedVolume({ name: seed.name, bytes: mutated(seed.bytes, random) });
      const budget = { bytes: 2 ** 20, reads: 200 };
      const outcome = await readRarVolume(volume, { budget, keys, signal }).then(
        ({ damage }) => (damage ? "damaged" : "read"),
        (error: unknown) => errorCode(error) ?? String(error),
      );
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      expect(volume.reads).toBeLessThanOrEqual(200);
      expect(volume.bytesRead).toBeLessThanOrEqual(2 ** 20);
    }
    expect(["read", "damaged", ...REFUSALS]).toEqual(expect.arrayContaining([...outcomes.keys()]));
    // All kinds of endings were met, so the mutations reach everywhere.
    expect([...outcomes.keys()]).toEqual(expect.arrayContaining(["read", "damaged", "ARCHIVE_MALFORMED"]));
  });

  test("in one bag never do more than be refused", async () => {
    const random = seededRandom(7);
    for (let i = 0; i < 60; i += 1) {
      const files = Array.from({ length: 12 }, () => seeds[Math.floor(random() * seeds.length)] as RarFile);
      const bag = await mapBag(files.map(({ name, bytes }) => ({ name, bytes: mutated(bytes, random) })));
      const codes = bag.sets.flatMap(({ map }) => map.refused.map(({ code }) => code));
      expect(REFUSALS).toEqual(expect.arrayContaining([...new Set(codes)]));
      for (const { error } of bag.outside) expect(REFUSALS).toContain(errorCode(error));
      for (const { map } of bag.sets) {
        for (const { size, pieces, cipher } of map.stored) {
          const packed = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
          expect(packed).toBe(cipher ? Math.ceil(size / 16) * 16 : size);
          for (const { volume, end } of pieces) expect(end).toBeLessThanOrEqual(bag.volumes[volume]?.bytes.length ?? 0);
        }
      }
    }
  });
});

describe("hostile archives", () => {
  test("with more headers than any real one run out of their budget", async () => {
    const members = Array.from({ length: 3000 }, (_, i) => ({ path: `${i}`, content: Buffer.alloc(0) }));
    const [file] = writeRar({ format: 5, members });
    const volumes = [new CountedVolume(file as RarFile)];
    const budget = { bytes: 20_000, reads: 10 };
    const { sets } = await mapRarVolumes(volumes, { budget, keys: new RarKeys([]), signal });
    expect(sets[0]?.trouble).toMatchObject({ code: "ARCHIVE_MALFORMED" });
    expect(volumes[0]?.bytesRead).toBeLessThanOrEqual(20_000);
  });

  test("that ask for years of key derivation are refused at once", async () => {
    const [file] = writeRar({
      format: 5,
      members: [{ path: "a", content: pattern(20) }],
      password: "x",
      encryptsHeaders: true,
    });
    const bytes = Buffer.from((file as RarFile).bytes);
    // Signature, checksum, size, type, flags, version, encryption flags; then the rounds.
    bytes[8 + 4 + 5] = 40;
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 13 + (bytes[12] as number))), 8);
    const bag = await mapBag([{ name: "x.rar", bytes }], ["x"]);
    expect(bag.outside).toMatchObject([{ error: { code: "ARCHIVE_MALFORMED" } }]);
    expect(bag.keys.derivations).toBe(0);
  });

  test("that ask for too many keys in all are refused when that is plain", async () => {
    const members = [{ path: "a", content: pattern(20) }];
    const files = [1, 2, 3, 4].flatMap((seed) =>
      writeRar({ format: 5, members, password: "x", encryptsHeaders: true, seed }),
    );
    const volumes = files.map((file) => new CountedVolume(file));
    // Two keys and two check values fit, and each archive has a salt of its own.
    const keys = new RarKeys(["x"], { maxRounds: 2 ** 17 + 100 });
    const { sets, outside } = await mapRarVolumes(volumes, {
      budget: { bytes: 2 ** 20, reads: 99 },
      keys,
      signal,
      parallel: 1,
    });
    expect(sets).toHaveLength(2);
    expect(outside.map(({ error }) => errorCode(error))).toEqual(["ARCHIVE_ENCRYPTED", "ARCHIVE_ENCRYPTED"]);
    expect(keys.derivations).toBe(4);
  });

  test("with volume numbers beyond counting name only the first volumes that they lack", async () => {
    const files = writeRar({ format: 5, volumeSize: 5_000, members: [{ path: "a", content: pattern(12_000) }] });
    const bytes = Buffer.from((files[1] as RarFile).bytes);
    bytes[8 + 4 + 4] = 0x7f;
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 13 + (bytes[12] as number))), 8);
    const bag = await mapBag([files[0] as RarFile, { name: "y", bytes }]);
    expect(bag.sets[0]?.missing).toHaveLength(20);
    expect(bag.sets[0]?.map.stored).toEqual([]);
  });

  test("an article that is gone keeps its volume out, and a provider's failure ends the import", async () => {
    const files = writeRar({ format: 5, volumeSize: 5_000, members: [{ path: "a", content: pattern(12_000) }] });
    const failing = (code: string) => {
      const volumes = files.map((file) => new CountedVolume(file));
      const error = Object.assign(new Error("no"), { code });
      const file = {
        size: 5000,
        // biome-ignore lint/correctness/useYield: it fails before there is anything to yield
        async *read() {
          throw error;
        },
      };
      const all = [...volumes.slice(0, 1), { name: "gone", file }, ...volumes.slice(2)];
      return mapRarVolumes(all, { budget: { bytes: 2 ** 20, reads: 100 }, keys: new RarKeys([]), signal });
    };
    const { sets, outside } = await failing("ARTICLE_MISSING");
    expect(outside).toMatchObject([{ volume: 1, error: { code: "ARTICLE_MISSING" } }]);
    expect(sets[0]?.map.refused).toMatchObject([{ path: "a", code: "ARCHIVE_INCOMPLETE" }]);
    await expect(failing("PROVIDER_TIMEOUT")).rejects.toMatchObject({ code: "PROVIDER_TIMEOUT" });
  });

  test("an import that is given up ends with its reason", async () => {
    const files = writeRar({ format: 4, members: [{ path: "a", content: pattern(100) }], password: "x" });
    const reason = new Error("given up");
    const leaving = AbortSignal.abort(reason);
    const volumes = files.map((file) => new CountedVolume(file));
    const options = { budget: { bytes: 2 ** 20, reads: 100 }, keys: new RarKeys(["x"]), signal: leaving };
    await expect(mapRarVolumes(volumes, options)).rejects.toBe(reason);
  });
});
