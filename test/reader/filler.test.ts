import { describe, expect, test } from "@jest/globals";
import { type FillerKind, filler, fillerKind } from "../../src/reader/filler.ts";
import { seededRandom } from "../random.ts";

const KINDS: readonly FillerKind[] = ["zeros", "matroska", "transport-stream", "blu-ray-stream"];

function bytesOf(kind: FillerKind, start: number, end: number): Buffer {
  return Buffer.concat([...filler(kind, { start, end })]);
}

/** Ranges that begin and end anywhere, short and long, near and far. */
function ranges(count: number): { start: number; end: number }[] {
  const random = seededRandom(7);
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor(random() * (index % 2 === 0 ? 1_000 : 200_000_000_000));
    return { start, end: start + Math.floor(random() * (index % 3 === 0 ? 400 : 800_000)) };
  });
}

describe.each(KINDS)("filler of %s", (kind) => {
  test("is exactly as long as the hole, in chunks of at most 64 KiB", () => {
    for (const { start, end } of ranges(60)) {
      const lengths = Array.from(filler(kind, { start, end }), ({ length }) => length);
      expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(end - start);
      expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(65_536);
      expect(lengths).not.toContain(0);
    }
  });

  test("is the same bytes however the hole is cut into reads", () => {
    const start = 716_800 * 7;
    const end = start + 716_800;
    const whole = bytesOf(kind, start, end);
    for (const cut of [1, 3, 187, 188, 191, 192, 65_423, 65_424, 65_536, 700_000]) {
      const parts = Buffer.concat([bytesOf(kind, start, start + cut), bytesOf(kind, start + cut, end)]);
      expect(parts.equals(whole)).toBe(true);
    }
  });

  test("makes nothing anew: every read is given the same memory", () => {
    const memory = (start: number) =>
      new Set(Array.from(filler(kind, { start, end: start + 5_000_000 }), (c) => c.buffer));
    const first = memory(0);
    expect(first.size).toBe(1);
    expect(memory(12_345)).toEqual(first);
    expect([...memory(99)][0]).toBe([...first][0]);
  });
});

/** A broadcast of packets that all carry something, with the bytes `[start, end)` filled. */
function brokenBroadcast(prefix: number, start: number, end: number) {
  const size = 188 + prefix;
  const stream = Buffer.alloc(size * 40, 0xab);
  for (let at = 0; at < stream.length; at += size) stream.set([0x47, 0x01, 0x00, 0x1c], at + prefix);
  const kind = prefix === 0 ? "transport-stream" : "blu-ray-stream";
  bytesOf(kind, start, end).copy(stream, start);
  return Array.from({ length: 40 }, (_, index) => {
    const packet = stream.subarray(index * size, (index + 1) * size);
    return { at: index * size, size, time: packet.readUIntBE(0, 4) * (prefix / 4), packet: packet.subarray(prefix) };
  });
}

describe.each([
  ["MPEG-TS", 0],
  ["Blu-ray and AVCHD streams", 4],
])("in %s", (_, prefix) => {
  test("every packet begins with the sync byte where it should, wherever the hole begins and ends", () => {
    const size = 188 + prefix;
    for (let start = size * 2; start < size * 3; start += 1) {
      for (const { packet } of brokenBroadcast(prefix, start, start + 700 + (start % 391)))
        expect(packet[0]).toBe(0x47);
    }
  });

  test("whole packets of the hole are null packets, what is outside is left alone", () => {
    const [start, end] = [1_003, 5_559];
    for (const { at, size, time, packet } of brokenBroadcast(prefix, start, end)) {
      const pid = packet.readUInt16BE(1) & 0x1fff;
      if (at >= start && at + size <= end) {
        expect([time, pid, packet[3]]).toEqual([0, 0x1fff, 0x10]);
        expect(packet.subarray(4).every((byte) => byte === 0xff)).toBe(true);
      } else if (at + size <= start || at >= end) expect(pid).toBe(0x0100);
    }
  });
});

/** An id or length of EBML (RFC 8794 section 4) at `at`; undefined for what cannot be one, or does not fit. */
function vint(
  bytes: Buffer,
  at: number,
): { readonly width: number; readonly raw: number; readonly value: number } | undefined {
  const width = Math.clz32(bytes[at] ?? 0) - 23;
  if (width > 6 || at + width > bytes.length) return undefined;
  const raw = bytes.readUIntBE(at, width);
  return { width, raw, value: raw - 2 ** (7 * width) };
}

/** The elements from `at` on that lie wholly in `bytes`: their ids, and where what follows begins. */
function elements(bytes: Buffer, at: number): { readonly ids: readonly number[]; readonly end: number } {
  const ids: number[] = [];
  let end = at;
  for (;;) {
    const id = vint(bytes, end);
    const length = id === undefined ? undefined : vint(bytes, end + id.width);
    if (id === undefined || length === undefined) return { ids, end };
    const next = end + id.width + length.width + length.value;
    if (next > bytes.length) return { ids, end };
    ids.push(id.raw);
    end = next;
  }
}

describe("in Matroska", () => {
  const hole = bytesOf("matroska", 5_000_000, 5_050_000);

  test("the parser knows a Void when it sees one", () => {
    const simpleBlock = Buffer.from("a3834242424242", "hex").subarray(0, 5);
    const bytes = Buffer.concat([simpleBlock, Buffer.from("ec810077", "hex")]);
    expect(elements(bytes, 0)).toEqual({ ids: [0xa3, 0xec], end: 8 });
    expect(elements(Buffer.alloc(100), 0)).toEqual({ ids: [], end: 0 });
  });

  test("whatever frame the hole cuts off: where it ends, Void elements begin and go on to the end of the hole", () => {
    for (let cut = 0; cut < 1_000; cut += 1) {
      const { ids, end } = elements(hole, cut);
      expect(new Set(ids)).toEqual(new Set([0xec]));
      expect(hole.length - end).toBeLessThan(110);
    }
  });

  test("a block that runs into the hole is followed by Void elements only", () => {
    // A SimpleBlock of 3000 bytes, of which the last 2000 are in the hole.
    const block = Buffer.concat([Buffer.from("a34bb8", "hex"), Buffer.alloc(1_000, 0x11)]);
    const { ids } = elements(Buffer.concat([block, hole]), 0);
    expect(ids[0]).toBe(0xa3);
    expect(ids.slice(1).every((id) => id === 0xec)).toBe(true);
    expect(ids.length).toBeGreaterThan(400);
  });
});

test("everything else is filled with zeros", () => {
  expect(bytesOf("zeros", 3, 100_000).equals(Buffer.alloc(99_997))).toBe(true);
});

test.each([
  ["Film.2160p.MKV", "matroska"],
  ["a.webm", "matroska"],
  ["a.mka", "matroska"],
  ["recording.ts", "transport-stream"],
  ["00001.m2ts", "blu-ray-stream"],
  ["00001.MTS", "blu-ray-stream"],
  ["a.mp4", "zeros"],
  ["a.part01.rar", "zeros"],
  ["mkv.txt", "zeros"],
  ["mkv.", "zeros"],
  ["constructor", "zeros"],
] as const)("%s is filled with %s", (name, kind) => {
  expect(fillerKind(name)).toBe(kind);
});
