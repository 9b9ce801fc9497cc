import { crc32 } from "node:zlib";
import type { Cancel } from "../base/seekable-file.ts";
import type { UnlockedMap, Volume } from "./archive.ts";
import { type HeaderBudget, type HeaderReader, headerReader } from "./header-reader.ts";
import { JoinedFile } from "./joined-file.ts";
import { refusal } from "./refusals.ts";
import { type Chain, chainOf } from "./seven-zip-folder.ts";
import { parseSevenZipHeader } from "./seven-zip-header.ts";
import { decryptCbc, parseSevenZipAes, type SevenZipKeys } from "./seven-zip-keys.ts";
import { mapSevenZip } from "./seven-zip-members.ts";
import type { SevenZipHeader, StreamsInfo } from "./seven-zip-model.ts";
import { malformedSevenZip } from "./seven-zip-numbers.ts";
import { parseSevenZipStart, SEVEN_ZIP_START } from "./seven-zip-start.ts";
import { unpackLzma, unpackLzma2 } from "./seven-zip-unpack.ts";

export interface SevenZipOptions extends Cancel {
  /** In the order in which they are tried. */
  readonly passwords: readonly string[];
  readonly keys: SevenZipKeys;
  readonly budget: HeaderBudget;
}

/** Packed or not; the largest seen, of some ten thousand members, has a quarter of a megabyte. */
const MAX_HEADER = 64 * 1024 * 1024;
/** Encrypted and packed are two at most. */
const MAX_LAYERS = 4;

/**
 * What is in a 7z archive, given as its one file or as all pieces of the split set in order (7zFormat.txt). Reads the first 32 bytes,
 * the header at the end, where that is packed the bytes that it points at, and up to 64 KiB to prove a password. Throws
 * ARCHIVE_MALFORMED, ARCHIVE_INCOMPLETE when the end is missing, ARCHIVE_ENCRYPTED when the header is and no password opens it.
 */
export async function readSevenZip(volumes: readonly Volume[], options: SevenZipOptions): Promise<UnlockedMap> {
  const file = new JoinedFile(volumes.map((volume) => volume.file));
  const reader = headerReader(file, options.budget, options);
  const { header, password } = await readHeader(reader, options);
  if (header === undefined) return { stored: [], refused: [], password: undefined, passwordIsCertain: true };
  const name = (volumes[0]?.name ?? "").replace(/(\.7z)?(\.\d+)?$/i, "");
  return mapSevenZip(header, { ...options, file, reader, name, password });
}

interface Opened {
  /** Undefined for an archive of nothing. */
  readonly header: SevenZipHeader | undefined;
  /** The one that opened the header. */
  readonly password: string | undefined;
}

async function readHeader(reader: HeaderReader, options: SevenZipOptions): Promise<Opened> {
  const start = parseSevenZipStart(await reader.bytes(0, Math.min(SEVEN_ZIP_START, reader.size)));
  const { headerStart, headerSize, headerCrc } = start;
  if (headerSize === 0) return { header: undefined, password: undefined };
  if (headerStart + headerSize > reader.size) {
    const missing = headerStart + headerSize - reader.size;
    throw refusal(
      "ARCHIVE_INCOMPLETE",
      `the 7z archive lacks its last ${missing} of ${headerStart + headerSize} bytes`,
    );
  }
  if (headerSize > MAX_HEADER) throw malformedSevenZip("its header is larger than that of any real archive");
  let bytes = await reader.bytes(headerStart, headerSize);
  if (crc32(bytes) !== headerCrc) throw malformedSevenZip("its header is damaged");
  let password: string | undefined;
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const parsed = parseSevenZipHeader(bytes);
    if (!("encoded" in parsed)) return { header: parsed, password };
    const opened = await openLayer(parsed.encoded, reader, options);
    bytes = opened.bytes;
    password = opened.password ?? password;
  }
  throw malformedSevenZip("its header is packed again and again");
}

interface Layer {
  readonly bytes: Buffer;
  readonly password: string | undefined;
}

async function openLayer(streams: StreamsInfo, reader: HeaderReader, options: SevenZipOptions): Promise<Layer> {
  const [folder] = streams.folders;
  const [packedSize] = streams.packSizes;
  const chain = folder === undefined ? undefined : chainOf(folder);
  if (folder === undefined || chain === undefined || packedSize === undefined || streams.folders.length !== 1) {
    throw malformedSevenZip("its header is packed in an unknown way");
  }
  if (packedSize > MAX_HEADER || folder.unpackSizes.some((size) => size > MAX_HEADER)) {
    throw malformedSevenZip("its header is larger than that of any real archive");
  }
  const packed = await reader.bytes(SEVEN_ZIP_START + streams.packPosition, packedSize);
  const [first, ...rest] = chain;
  if (first?.name !== "AES") {
    const bytes = await unpack(packed, chain);
    if (folder.crc32 !== undefined && crc32(bytes) !== folder.crc32) throw malformedSevenZip("its header is damaged");
    return { bytes, password: undefined };
  }
  const aes = parseSevenZipAes(first.coder.properties);
  if (packedSize % 16 !== 0 || first.size > packedSize) throw malformedSevenZip("its encrypted header is cut off");
  for (const password of options.passwords) {
    const key = await options.keys.get(password, aes, options);
    const bytes = await attempt(decryptCbc(packed, key, aes.iv).subarray(0, first.size), rest);
    if (bytes !== undefined && isHeader(bytes, folder.crc32)) return { bytes, password };
  }
  const tried = options.passwords.length;
  const why = tried === 0 ? "and there is no password for it" : `and none of the ${tried} known passwords opens it`;
  throw refusal("ARCHIVE_ENCRYPTED", `the list of members of the 7z archive is encrypted, ${why}`);
}

/** What was decrypted with a password that may be wrong; undefined when it cannot be unpacked. */
async function attempt(decrypted: Buffer, chain: readonly Chain[]): Promise<Buffer | undefined> {
  try {
    return await unpack(decrypted, chain);
  } catch {
    return undefined;
  }
}

function isHeader(bytes: Buffer, crc: number | undefined): boolean {
  if (crc !== undefined) return crc32(bytes) === crc;
  try {
    parseSevenZipHeader(bytes);
    return true;
  } catch {
    return false;
  }
}

async function unpack(packed: Buffer, chain: readonly Chain[]): Promise<Buffer> {
  let bytes = packed;
  for (const { name, coder, size } of chain) {
    if (name === "LZMA") bytes = await unpackLzma(bytes, coder.properties, size);
    else if (name === "LZMA2") bytes = await unpackLzma2(bytes, size);
    else throw malformedSevenZip(`its header is packed with ${name}, which no real archive does`);
  }
  return bytes;
}
