import { pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import type { Cancel } from "../base/seekable-file.ts";
import type { MemberCipher } from "./archive.ts";
import type { ZipEntry } from "./zip-directory.ts";

const AES_METHOD = 99;
const ROUNDS = 1000;
export const VERIFIER_BYTES = 2;
/** Of HMAC-SHA1, after the data. */
const MAC_BYTES = 10;
const derive = promisify(pbkdf2);

/** WinZip's AES ("AE-1", "AE-2"): what stands around the data, which is AES-CTR. */
export interface ZipAes {
  readonly keyBytes: number;
  readonly saltBytes: number;
  /** Salt and verifier before, code after the data. */
  readonly overhead: number;
  /** Of the data beneath. */
  readonly method: number;
  /** AE-2 has none. */
  readonly hasCrc: boolean;
}

/** Undefined when the entry is not encrypted so, or describes it wrongly. */
export function zipAesOf({ method, aesExtra: data }: ZipEntry): ZipAes | undefined {
  if (method !== AES_METHOD || data === undefined || data.length < 7) return undefined;
  const strength = data.readUInt8(4);
  if (strength < 1 || strength > 3) return undefined;
  const saltBytes = 4 + 4 * strength;
  return {
    keyBytes: 8 + 8 * strength,
    saltBytes,
    overhead: saltBytes + VERIFIER_BYTES + MAC_BYTES,
    method: data.readUInt16LE(5),
    hasCrc: data.readUInt16LE(0) === 1,
  };
}

/**
 * The cipher that a password makes with the salt and the two bytes of verifier before the data; undefined when they disagree. One in
 * 65,536 wrong passwords passes.
 */
export async function zipCipher(
  password: string,
  { keyBytes, saltBytes }: ZipAes,
  before: Buffer,
  { signal }: Cancel,
): Promise<MemberCipher | undefined> {
  const salt = before.subarray(0, saltBytes);
  const keys = await derive(Buffer.from(password, "utf8"), salt, ROUNDS, 2 * keyBytes + VERIFIER_BYTES, "sha1");
  signal.throwIfAborted();
  const verifier = before.subarray(saltBytes, saltBytes + VERIFIER_BYTES);
  if (!keys.subarray(2 * keyBytes).equals(verifier)) return undefined;
  return { mode: "ctr", key: keys.subarray(0, keyBytes), iv: new Uint8Array(0) };
}
