import { describe, expect, test } from "@jest/globals";
import { type DecodeCursor, LINE_START, type YencKernel } from "../../src/yenc/kernel.ts";
import { randomBytes, seededRandom } from "./yenc-feed.ts";
import { type Decoded, oracleDecode } from "./yenc-oracle.ts";

const HAZARDS = ["\r\n.\r\n", "\r\n=y", "\r\n..", "=\r\n", "\r\n.=y", "\r\n", "\r\n.\r", "==", "=y"];
const ALPHABETS = ["\r\n.=ya", "\r\n\r\n\r\n..==ya", "\r\n.=yabcdefghijklmnopqrstuvw"];

/** What every kernel owes: the same bytes and stops as the oracle, for any bytes and any cut. */
export function describeYencKernel(kernel: YencKernel): void {
  describe(`the ${kernel.name} kernel`, () => {
    test("decodes hostile text as the oracle does, whole and cut anywhere", () => {
      const random = seededRandom(20_260);
      const wrong: unknown[] = [];
      for (let round = 0; round < 15_000; round++) {
        const wire = hostileText(random, round % 5 === 0 ? 400 : 40);
        const cuts = Array.from({ length: random(5) }, () => random(wire.length + 1)).sort((a, b) => a - b);
        const expected = show(oracleDecode(wire));
        const got = [run(kernel, wire, []), run(kernel, wire, cuts)].map(show);
        if (got.some((each) => each !== expected)) wrong.push({ wire: wire.toString("latin1"), cuts, expected, got });
      }
      expect(wrong).toEqual([]);
    });

    test("decodes long random bytes as the oracle does, in chunks of every size up to 200", () => {
      const wire = randomBytes(4_000, seededRandom(3));
      const expected = show(oracleDecode(wire));
      for (let size = 1; size <= 200; size++) {
        const cuts = Array.from({ length: Math.floor(wire.length / size) }, (_, index) => (index + 1) * size);
        expect(show(run(kernel, wire, cuts))).toBe(expected);
      }
    });

    test("writes nowhere but in the room it was given", () => {
      const random = seededRandom(11);
      for (let pieces = 2; pieces < 300; pieces++) {
        const source = Buffer.concat([Buffer.from("\r\nab"), hostileText(random, pieces)]);
        const target = Buffer.alloc(32 + source.length + 32, 0xee);
        const cursor = cursorOver(source, target.subarray(0, 32 + source.length));
        cursor.written = 32;
        kernel.decode(cursor);
        expect(cursor.written).toBeGreaterThanOrEqual(34);
        expect(target.subarray(0, 32)).toEqual(Buffer.alloc(32, 0xee));
        expect(target.subarray(32 + source.length)).toEqual(Buffer.alloc(32, 0xee));
      }
    });

    test("computes the CRC-32 of zip", () => {
      expect(kernel.crc32(Buffer.from("123456789"))).toBe(0xcbf43926);
      expect(kernel.crc32(Buffer.alloc(0))).toBe(0);
    });
  });
}

function hostileText(random: (limit: number) => number, maxPieces: number): Buffer {
  const alphabet = ALPHABETS[random(ALPHABETS.length + 1)];
  const pieces = Array.from({ length: random(maxPieces) }, () => {
    if (random(12) === 0) return HAZARDS[random(HAZARDS.length)];
    return alphabet === undefined ? String.fromCharCode(random(256)) : alphabet[random(alphabet.length)];
  });
  return Buffer.from(pieces.join(""), "latin1");
}

function run(kernel: YencKernel, wire: Buffer, cuts: readonly number[]): Decoded {
  const cursor = cursorOver(wire, Buffer.alloc(wire.length));
  const stops: string[] = [];
  for (const cut of [...cuts, wire.length]) {
    while (cursor.read < cut) {
      cursor.readEnd = cut;
      const end = kernel.decode(cursor);
      if (end !== "none") stops.push(`${end}@${cursor.read}`);
    }
  }
  return { bytes: cursor.target.subarray(0, cursor.written), stops };
}

function show({ bytes, stops }: Decoded): string {
  return `${stops.join(" ")} ${bytes.toString("hex")}`;
}

function cursorOver(source: Buffer, target: Buffer): DecodeCursor {
  return { source, read: 0, readEnd: source.length, target, written: 0, state: LINE_START };
}
