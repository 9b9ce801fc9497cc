import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { errorCode, errorMessage } from "../base/errors.ts";
import { malformed } from "./limits.ts";

type Chunks = AsyncIterable<Uint8Array>;

/** First bytes, as latin1, of what people send instead of an NZB. */
const FOREIGN: readonly (readonly [magic: string, name: string])[] = [
  ["BZh", "bzip2"],
  ["PK\x03\x04", "a zip archive"],
  ["Rar!", "a rar archive"],
  ["7z\xbc\xaf", "a 7z archive"],
  ["\xfd7zXZ", "xz"],
  ["\x28\xb5\x2f\xfd", "zstd"],
];

/** Byte order marks, and `<` or `<?` without one. */
const UTF16: readonly (readonly [start: string, encoding: string])[] = [
  ["\xff\xfe", "utf-16le"],
  ["\xfe\xff", "utf-16be"],
  ["<\0", "utf-16le"],
  ["\0<", "utf-16be"],
];

const SNIFFED_BYTES = 6;

/**
 * The XML inside `chunks`: gzip is unpacked whatever the file is called, UTF-16 becomes UTF-8, anything else passes through untouched.
 * Throws NZB_MALFORMED for other packings and for damaged gzip; errors of the source pass unchanged.
 */
export async function* xmlBytes(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  const packed = await sniff(chunks);
  if (!packed.magic.startsWith("\x1f\x8b")) {
    yield* asUtf8(packed);
    return;
  }
  const plain = await sniff(gunzip(packed.chunks));
  if (plain.magic.startsWith("\x1f\x8b")) throw malformed("the nzb is packed with gzip twice", "unpack it once first");
  yield* asUtf8(plain);
}

interface Sniffed {
  readonly magic: string;
  readonly chunks: Chunks;
}

async function sniff(chunks: Chunks): Promise<Sniffed> {
  const source = chunks[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < SNIFFED_BYTES) {
    const next = await source.next();
    if (next.done) break;
    head = head.length === 0 ? Buffer.from(next.value) : Buffer.concat([head, next.value]);
  }
  return { magic: head.toString("latin1", 0, SNIFFED_BYTES), chunks: withHead(head, source) };
}

async function* withHead(head: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  } finally {
    await source.return?.();
  }
}

async function* asUtf8({ magic, chunks }: Sniffed): AsyncGenerator<Uint8Array, void, undefined> {
  const foreign = FOREIGN.find(([start]) => magic.startsWith(start));
  if (foreign) {
    throw malformed(`the nzb is packed: it begins like ${foreign[1]}`, "unpack it first; only plain and gzip are read");
  }
  const encoding = UTF16.find(([start]) => magic.startsWith(start))?.[1];
  if (encoding === undefined) {
    yield* chunks;
    return;
  }
  const decoder = new TextDecoder(encoding);
  for await (const chunk of chunks) yield Buffer.from(decoder.decode(chunk, { stream: true }), "utf8");
  yield Buffer.from(decoder.decode(), "utf8");
}

async function* gunzip(chunks: Chunks): AsyncGenerator<Uint8Array> {
  const unpacked = createGunzip({ chunkSize: 64 * 1024 });
  const pumped = pipeline(Readable.from(chunks, { objectMode: false }), unpacked);
  // The loop below reports the same failure.
  pumped.catch(() => {});
  try {
    for await (const chunk of unpacked) yield chunk as Buffer;
  } catch (error) {
    if (!errorCode(error)?.startsWith("Z_")) throw error;
    throw malformed(`the nzb is damaged: its gzip data cannot be unpacked (${errorMessage(error)})`);
  }
}
