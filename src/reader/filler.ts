import type { ByteRange } from "../base/byte-range.ts";

/** What a demuxer passes over best, by the container's format. */
export type FillerKind = "zeros" | "matroska" | "transport-stream" | "blu-ray-stream";

const KINDS = new Map<string, FillerKind>([
  ["mkv", "matroska"],
  ["mka", "matroska"],
  ["mks", "matroska"],
  ["mk3d", "matroska"],
  ["webm", "matroska"],
  ["ts", "transport-stream"],
  ["m2t", "transport-stream"],
  ["m2ts", "blu-ray-stream"],
  ["mts", "blu-ray-stream"],
]);

const CHUNK_BYTES = 64 * 1024;

/**
 * RFC 8794 section 11.3.2: a Void element is the id 0xEC, a length, and so many bytes of anything. A run of 0xEC is such elements,
 * each with the length byte 0xEC (108): wherever the frame that the hole cuts off ends, a parser finds one beginning.
 * Tried with ffmpeg 5.1 and holes of one article in H.264: it complains once, and every picture from the next Cluster on is
 * right. After zeros, or one Void as long as the hole, which begins inside a frame and so is not seen as one, it mostly complained
 * three times and spoilt the next group of pictures as well.
 */
const VOID = 0xec;

/** ISO/IEC 13818-1 section 2.4.3.3: sync byte, PID 0x1FFF, payload only; 184 bytes that every receiver throws away. */
const NULL_PACKET = Buffer.alloc(188, 0xff).fill(Buffer.from("471fff10", "hex"), 0, 4);

/** Before each packet of a Blu-ray or AVCHD stream stand four bytes: copy permission and arrival time. */
const NULL_SOURCE_PACKET = Buffer.concat([Buffer.alloc(4), NULL_PACKET]);

/** One period of each pattern, and it repeated to no more than a chunk. */
const PATTERNS: Readonly<Record<FillerKind, { readonly period: number; readonly bytes: Buffer }>> = {
  zeros: pattern(Buffer.alloc(1)),
  matroska: pattern(Buffer.of(VOID)),
  "transport-stream": pattern(NULL_PACKET),
  "blu-ray-stream": pattern(NULL_SOURCE_PACKET),
};

/** The kind for a file of this name. */
export function fillerKind(name: string): FillerKind {
  return KINDS.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) ?? "zeros";
}

/**
 * Bytes that stand for the bytes `range` of a file: exactly as many, in chunks of at most 64 KiB that are shared and read-only.
 * Packets lie on the grid that begins with the file's first byte, so that the sync bytes stay where they belong.
 */
export function* filler(kind: FillerKind, { start, end }: ByteRange): Generator<Uint8Array, void, undefined> {
  const { period, bytes } = PATTERNS[kind];
  for (let at = start; at < end; ) {
    const phase = at % period;
    const chunk = bytes.subarray(phase, phase + Math.min(end - at, bytes.length - phase));
    at += chunk.length;
    yield chunk;
  }
}

function pattern(unit: Buffer): { readonly period: number; readonly bytes: Buffer } {
  return { period: unit.length, bytes: Buffer.alloc(Math.floor(CHUNK_BYTES / unit.length) * unit.length, unit) };
}
