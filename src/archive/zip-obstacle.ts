import type { RefusedMember } from "./archive.ts";
import { hintFor } from "./refusals.ts";
import type { ZipAes } from "./zip-aes.ts";
import type { ZipEntry } from "./zip-directory.ts";
import { NO_PASSWORD_HELPS } from "./zip-end.ts";

const FLAG_ENCRYPTED = 0x0001;
const FLAG_STRONG = 0x0040;
const STORED = 0;

/** APPNOTE 4.4.5. */
const METHODS: Readonly<Record<number, string>> = {
  [STORED]: "Store",
  1: "Shrink",
  2: "Reduce",
  3: "Reduce",
  4: "Reduce",
  5: "Reduce",
  6: "Implode",
  8: "Deflate",
  9: "Deflate64",
  10: "Implode",
  12: "BZip2",
  14: "LZMA",
  20: "Zstandard",
  93: "Zstandard",
  94: "MP3",
  95: "XZ",
  96: "JPEG",
  97: "WavPack",
  98: "PPMd",
  99: "AES",
};

/** Why a member is refused. */
export interface Obstacle extends Pick<RefusedMember, "code" | "message" | "hint"> {
  /** Whether all that is in the way is compression. */
  readonly isPacked: boolean;
}

export function methodName(method: number): string {
  return METHODS[method] ?? `method ${method}`;
}

/** What the directory's entry says against serving the member as it is; undefined when it is stored, or stored under WinZip's AES. */
export function obstacleOf(entry: ZipEntry, aes: ZipAes | undefined): Obstacle | undefined {
  const { path, flags, flaw, size, packedSize } = entry;
  const isEncrypted = (flags & FLAG_ENCRYPTED) !== 0;
  if (flaw !== undefined) return because("ARCHIVE_MALFORMED", `"${path}" ${flaw}`);
  if (isEncrypted && (flags & FLAG_STRONG) !== 0) {
    return because(
      "ARCHIVE_ENCRYPTED",
      `"${path}" is encrypted with PKWARE's strong encryption, which is not supported`,
    );
  }
  if (isEncrypted && aes === undefined) {
    return because("ARCHIVE_ENCRYPTED", `"${path}" is encrypted with ZipCrypto, which cannot be read from the middle`);
  }
  const method = aes?.method ?? entry.method;
  if (method !== STORED) {
    const packed = because("ARCHIVE_COMPRESSED", `"${path}" is packed with ${methodName(method)}`);
    return { ...packed, isPacked: packedSize >= (aes?.overhead ?? 0) };
  }
  if (packedSize === size + (aes?.overhead ?? 0)) return undefined;
  return because("ARCHIVE_MALFORMED", `"${path}" is stored, but with two different sizes`);
}

function because(code: RefusedMember["code"], message: string): Obstacle {
  return { code, message, hint: code === "ARCHIVE_ENCRYPTED" ? NO_PASSWORD_HELPS : hintFor(code), isPacked: false };
}
