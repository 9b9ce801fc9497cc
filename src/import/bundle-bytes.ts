import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createGunzip, createInflateRaw } from "node:zlib";
import type { Entry, ZipFile } from "yauzl";
import { errorCode, errorMessage, FormatError } from "../base/errors.ts";

type Bytes = AsyncGenerator<Uint8Array, void, undefined>;

/** APPNOTE 4.4.5. */
const STORED = 0;
const DEFLATED = 8;
/** RFC 1952 section 2.3.1. */
const GZIP_MAGIC = "\x1f\x8b";

/**
 * The bytes of an NZB in a ZIP, unpacked from gzip too if it is packed so; `spend` is told of all of them before they are handed on, and may
 * throw. Throws NZB_MALFORMED for what is not as the ZIP says, or packed in another way.
 */
export async function* nzbBytes(zip: ZipFile, entry: Entry, spend: (bytes: number) => void): Bytes {
  const outer = await begun(bytesOf(zip, entry));
  const { isGzip, bytes } = outer.isGzip ? await begun(unpackedBy(createGunzip(), outer.bytes)) : outer;
  try {
    if (isGzip) throw damaged("it is packed with gzip twice");
    for await (const chunk of bytes) {
      spend(chunk.length);
      yield chunk;
    }
  } finally {
    await bytes.return();
  }
}

interface Begun {
  readonly isGzip: boolean;
  /** All of them, the first ones too. */
  readonly bytes: Bytes;
}

async function begun(bytes: Bytes): Promise<Begun> {
  let head = Buffer.alloc(0);
  while (head.length < GZIP_MAGIC.length) {
    const next = await bytes.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { isGzip: head.toString("latin1", 0, GZIP_MAGIC.length) === GZIP_MAGIC, bytes: resumed(head, bytes) };
}

async function* resumed(head: Buffer, rest: Bytes): Bytes {
  if (head.length > 0) yield head;
  yield* rest;
}

/** Never more than the ZIP's directory claims, so that all of them are within the bound that was checked there. */
async function* bytesOf(zip: ZipFile, entry: Entry): Bytes {
  const { uncompressedSize, crc32: wanted } = entry;
  let size = 0;
  let checksum = 0;
  for await (const chunk of unpacked(zip, entry)) {
    size += chunk.length;
    if (size > uncompressedSize) throw damaged("it is longer than the ZIP says");
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (size !== uncompressedSize) throw damaged("it is shorter than the ZIP says");
  if (checksum !== wanted) throw damaged("its checksum is another one than the ZIP says");
}

async function* unpacked(zip: ZipFile, entry: Entry): Bytes {
  const { compressionMethod: method } = entry;
  if (method !== STORED && method !== DEFLATED) {
    throw new FormatError("NZB_MALFORMED", `the NZB is packed by a method of ZIP that is not understood (${method})`, {
      hint: "pack it with Deflate, as every program can",
    });
  }
  try {
    const packed = await zip.openReadStreamPromise(entry, { decodeFileData: false });
    yield* method === STORED ? packed : unpackedBy(createInflateRaw(), packed);
  } catch (error) {
    throw errorCode(error) === undefined ? damaged(errorMessage(error)) : error;
  }
}

async function* unpackedBy(unpacker: Transform, packed: AsyncIterable<Uint8Array>): Bytes {
  const pumped = pipeline(Readable.from(packed, { objectMode: false }), unpacker);
  // The loop below reports the same failure.
  pumped.catch(() => {});
  try {
    yield* unpacker;
  } catch (error) {
    throw errorCode(error)?.startsWith("Z_") ? damaged(errorMessage(error)) : error;
  }
}

function damaged(why: string): FormatError {
  return new FormatError("NZB_MALFORMED", `the NZB is damaged: ${why}`, { hint: "make or download the ZIP again" });
}
