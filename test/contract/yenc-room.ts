import { describe, expect, test } from "@jest/globals";
import type { Slot } from "../../src/base/slot.ts";
import { dotStuff, encodeArticleBody } from "../../src/yenc/encoder.ts";
import type { YencKernel } from "../../src/yenc/kernel.ts";
import { PartDecoder } from "../../src/yenc/part-decoder.ts";
import { decodeArticle, randomBytes, seededRandom } from "./yenc-feed.ts";

const BYTES = randomBytes(100_000, seededRandom(8));
const ARTICLE = dotStuff(encodeArticleBody({ name: "a", fileSize: 100_000, bytes: BYTES }));
const TOO_LARGE = /^YENC_MALFORMED: the part is larger than the \d+ bytes there is room for$/;

/** A slot that grows to exactly what is asked for, up to a limit, and remembers what was asked. */
class GrowingSlot implements Slot {
  bytes = Buffer.alloc(0);
  readonly asked: number[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  grow(capacity: number): boolean {
    this.asked.push(capacity);
    if (capacity > this.#limit) return false;
    this.bytes = Buffer.concat([this.bytes], capacity);
    return true;
  }
}

/** What PartDecoder does with the memory it was given; with every kernel. */
export function describeYencRoom(kernel: YencKernel): void {
  describe(`room for a part, with the ${kernel.name} kernel`, () => {
    test.each([100, 16_384, 200_000])("a slot of exactly the part's size is enough, in chunks of %i", (size) => {
      const outcome = decodeArticle(kernel, ARTICLE, { cuts: everyNth(size), slot: { bytes: Buffer.alloc(100_000) } });
      expect(outcome.info).toMatchObject({ size: 100_000, isChecked: true });
      expect(outcome.bytes.equals(BYTES)).toBe(true);
    });

    test.each([0, 1, 50_000, 99_999])(
      "a slot of %i bytes refuses the part, and the block is followed to its end",
      (size) => {
        const memory = Buffer.alloc(size + 64, 0xee);
        const wire = Buffer.concat([ARTICLE, Buffer.from("430 none\r\n")]);
        const outcome = decodeArticle(kernel, wire, {
          cuts: everyNth(9_000),
          slot: { bytes: memory.subarray(0, size) },
        });
        expect(outcome.refusal).toMatch(TOO_LARGE);
        expect(outcome.consumed).toBe(ARTICLE.length);
        expect(outcome.bytes.equals(BYTES.subarray(0, outcome.bytes.length))).toBe(true);
        expect(memory.subarray(size)).toEqual(Buffer.alloc(64, 0xee));
      },
    );

    test("a slot that grows is asked for no more than what arrived", () => {
      const slot = new GrowingSlot(1_000_000);
      const outcome = decodeArticle(kernel, ARTICLE, { cuts: everyNth(10_000), slot });
      expect(outcome.info).toMatchObject({ size: 100_000, isChecked: true });
      expect(outcome.bytes.equals(BYTES)).toBe(true);
      expect(Math.max(...slot.asked)).toBeLessThanOrEqual(ARTICLE.length);
    });

    test("a slot that may not grow so far refuses the part", () => {
      const slot = new GrowingSlot(60_000);
      const outcome = decodeArticle(kernel, ARTICLE, { cuts: everyNth(10_000), slot });
      expect(outcome).toMatchObject({ info: undefined, consumed: ARTICLE.length });
      expect(outcome.refusal).toMatch(TOO_LARGE);
      expect(slot.bytes.length).toBeLessThanOrEqual(60_000);
    });

    test("nothing is stored behind a byte that had to be dropped, even when there is room again", () => {
      const memory = Buffer.alloc(200_000);
      const slot = { bytes: memory.subarray(0, 30_000), grow: () => false };
      const decoder = new PartDecoder(slot, kernel);
      decoder.write(ARTICLE, 0, 50_000);
      slot.bytes = memory;
      decoder.write(ARTICLE, 50_000, ARTICLE.length);
      expect(decoder.filled).toBe(30_000);
      expect(memory.subarray(30_000)).toEqual(Buffer.alloc(170_000));
      expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: "YENC_MALFORMED" }));
    });

    test("an abandoned part is written no more, followed to its end, and cannot be finished", () => {
      const slot = { bytes: Buffer.alloc(120_000) };
      const decoder = new PartDecoder(slot, kernel);
      decoder.write(ARTICLE, 0, 50_000);
      const { filled } = decoder;
      decoder.abandon();
      slot.bytes.fill(0xee);
      expect(decoder.write(Buffer.concat([ARTICLE, ARTICLE]), 50_000, 2 * ARTICLE.length)).toBe(ARTICLE.length);
      expect(decoder.filled).toBe(filled);
      expect(slot.bytes).toEqual(Buffer.alloc(120_000, 0xee));
      expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: "YENC_MALFORMED" }));
    });

    test("a header that claims a tebibyte makes a slot grow by what arrives only", () => {
      const claim = "=ybegin part=1 line=128 size=1099511627776 name=a\r\n=ypart begin=1 end=1099511627776\r\nabc\r\n";
      const slot = new GrowingSlot(Number.MAX_SAFE_INTEGER);
      const wire = Buffer.from(`${claim}=yend size=1099511627776\r\n.\r\n`);
      expect(decodeArticle(kernel, wire, { slot }).refusal).toBe(
        "YENC_MALFORMED: the part has 3 bytes, and =yend says 1099511627776",
      );
      expect(Math.max(...slot.asked)).toBeLessThanOrEqual(wire.length);
    });

    test("what is filled grows with what arrives and is right at any time", () => {
      const slot = { bytes: Buffer.alloc(120_000) };
      const decoder = new PartDecoder(slot, kernel);
      let last = 0;
      for (let at = 0; at < ARTICLE.length; at += 7_000) {
        decoder.write(ARTICLE, at, Math.min(at + 7_000, ARTICLE.length));
        expect(decoder.filled).toBeGreaterThan(last);
        expect(slot.bytes.subarray(0, decoder.filled).equals(BYTES.subarray(0, decoder.filled))).toBe(true);
        last = decoder.filled;
      }
      expect(decoder.isEnded).toBe(true);
      expect(last).toBe(100_000);
    });

    test("a part that was not received to its end cannot be finished", () => {
      const decoder = new PartDecoder({ bytes: Buffer.alloc(120_000) }, kernel);
      decoder.write(ARTICLE, 0, ARTICLE.length - 1);
      expect(decoder.isEnded).toBe(false);
      expect(() => decoder.finish()).toThrow(expect.objectContaining({ code: "YENC_MALFORMED" }));
    });
  });
}

function everyNth(size: number): number[] {
  return Array.from({ length: Math.floor(ARTICLE.length / size) }, (_, index) => (index + 1) * size);
}
