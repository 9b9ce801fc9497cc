import { crc32 } from "node:zlib";
import type { Cancel } from "../base/seekable-file.ts";
import type { UnlockedMap } from "./archive.ts";
import type { HeaderReader } from "./header-reader.ts";
import { decryptCbc, type SevenZipAes, type SevenZipKeys } from "./seven-zip-keys.ts";
import { malformedSevenZip } from "./seven-zip-numbers.ts";

const BLOCK = 16;
/** So many zeros at the end are no chance. */
const SURE_PADDING = 4;
/** A member up to this size is read to see whether its checksum comes out. */
const MAX_PROBE = 64 * 1024;

/** An encrypted stream of an archive. */
export interface LockedStream {
  readonly aes: SevenZipAes;
  /** In the archive. */
  readonly start: number;
  readonly packedSize: number;
  /** Of the plaintext without the padding. */
  readonly size: number;
  /** Of the whole plaintext, where that is one stored member. */
  readonly crc32: number | undefined;
}

export interface Unlocking extends Cancel {
  readonly passwords: readonly string[];
  readonly keys: SevenZipKeys;
  readonly reader: HeaderReader;
}

/**
 * The first password that fits. 7z has no check value, but pads what it encrypts with zeros: where four or more stand at the end of a
 * stream they prove it, else the checksum of a small member does; else it stays uncertain, and without any padding the first is taken.
 */
export async function findPassword(
  streams: readonly LockedStream[],
  { passwords, keys, reader, signal }: Unlocking,
): Promise<Pick<UnlockedMap, "password" | "passwordIsCertain">> {
  const [first] = passwords;
  if (first === undefined) return { password: undefined, passwordIsCertain: false };
  const { stream, isSure, whole } = bestProof(streams);
  const padding = paddingOf(stream);
  if (padding < 0 || padding >= BLOCK || stream.packedSize % BLOCK !== 0)
    throw malformedSevenZip("an encrypted stream is cut off");
  if (!isSure && padding === 0) return { password: first, passwordIsCertain: false };
  const from = whole ? 0 : Math.max(0, stream.packedSize - 2 * BLOCK);
  const bytes = await reader.bytes(stream.start + from, stream.packedSize - from);
  const iv = from === 0 ? stream.aes.iv : bytes.subarray(0, BLOCK);
  const ciphertext = from === 0 ? bytes : bytes.subarray(BLOCK);
  for (const password of passwords) {
    const plain = decryptCbc(ciphertext, await keys.get(password, stream.aes, { signal }), iv);
    const fits = whole
      ? crc32(plain.subarray(0, stream.size)) === stream.crc32
      : plain.subarray(plain.length - padding).every((byte) => byte === 0);
    if (fits) return { password, passwordIsCertain: isSure };
  }
  return { password: undefined, passwordIsCertain: false };
}

interface Proof {
  readonly stream: LockedStream;
  readonly isSure: boolean;
  /** Whether the whole stream is decrypted and its checksum taken, and not just its end. */
  readonly whole: boolean;
}

function bestProof(streams: readonly LockedStream[]): Proof {
  // Of equals the last, which lies nearest to the header and so in an article that is fetched already.
  const padded = streams.reduce((best, stream) => (paddingOf(stream) >= paddingOf(best) ? stream : best));
  if (paddingOf(padded) >= SURE_PADDING) return { stream: padded, isSure: true, whole: false };
  const small = streams.find(({ packedSize, crc32 }) => crc32 !== undefined && packedSize <= MAX_PROBE);
  return small === undefined
    ? { stream: padded, isSure: false, whole: false }
    : { stream: small, isSure: true, whole: true };
}

function paddingOf({ packedSize, size }: LockedStream): number {
  return packedSize - size;
}
