import type { ByteRange } from "../base/byte-range.ts";
import type { FormatErrorCode } from "../base/errors.ts";
import type { SeekableFile } from "../base/seekable-file.ts";

/** One file of an archive, by the best name that is known; names may lie. */
export interface Volume {
  readonly name: string;
  readonly file: SeekableFile;
}

/** Bytes `[start, end)` of one volume, by its place in the list that was given. */
export interface Piece extends ByteRange {
  readonly volume: number;
}

/**
 * AES, 16, 24 or 32 bytes of key, one stream over all pieces of a member: CBC, padded with zeros to 16 bytes at its very end only; or
 * with `mode` "ctr" what ZIP makes of CTR, its counter a little-endian number that is 1 for the first block, and no padding.
 */
export interface MemberCipher {
  readonly mode?: "ctr";
  readonly key: Uint8Array;
  /** Of CBC; empty with CTR. */
  readonly iv: Uint8Array;
}

/** A member whose bytes lie in the volumes as they are, or only encrypted. */
export interface StoredMember {
  /** As it is written in the archive, `/` between folders; not to be trusted. */
  readonly path: string;
  /** Bytes of plaintext. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number | undefined;
  /** In order; together `skip` and `size` bytes, or with CBC that rounded up to a multiple of 16. */
  readonly pieces: readonly Piece[];
  /** Bytes of plaintext in the pieces before the member begins; absent: none. Only where it begins inside of a CBC stream, then below 32. */
  readonly skip?: number;
  readonly cipher: MemberCipher | undefined;
  /** Of the plaintext, where the archive says it in a form that can be checked. */
  readonly crc32: number | undefined;
}

/** A member that cannot be served as it is, and why. */
export interface RefusedMember {
  readonly path: string;
  readonly size: number;
  readonly code: Extract<FormatErrorCode, `ARCHIVE_${string}`>;
  /** A lower-case phrase that names the member's trouble; and what to do about it. */
  readonly message: string;
  readonly hint: string;
  /** A compressed member's pieces and method, for whoever can unpack it. */
  readonly packed: PackedMember | undefined;
}

/** Where the bytes of a compressed member lie. */
export interface PackedMember {
  readonly method: string;
  /** Members of one solid block have the very same list. */
  readonly pieces: readonly Piece[];
  readonly cipher: MemberCipher | undefined;
  /** Of 7z: the properties of its coder, the size of all that the pieces unpack to, and where in that the member begins. */
  readonly solid?: { readonly properties: Uint8Array; readonly size: number; readonly offset: number };
  /** Of the member unpacked, where the archive says it. */
  readonly crc32?: number | undefined;
}

/** What is in a set of volumes. Folders and empty files have no pieces; folders and symbolic links are not listed. */
export interface ArchiveMap {
  readonly stored: readonly StoredMember[];
  readonly refused: readonly RefusedMember[];
}

/** A map and the password that opened it. */
export interface UnlockedMap extends ArchiveMap {
  /** Undefined when nothing is encrypted, or no password is known that fits. */
  readonly password: string | undefined;
  /** False when the format holds nothing that proves the password; then only the members' own bytes can. */
  readonly passwordIsCertain: boolean;
}
