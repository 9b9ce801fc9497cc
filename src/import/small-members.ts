import { promisify } from "node:util";
import { crc32, inflateRaw } from "node:zlib";
import type { PackedMember, Piece, RefusedMember, Volume } from "../archive/archive.ts";
import { memberFile, piecesFile } from "../archive/member-file.ts";
import { unpackLzma, unpackLzma2 } from "../archive/seven-zip-unpack.ts";
import { FormatError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";

/** Subtitles, notes and pictures; what is larger is streamed or not at all. */
const MAX_BYTES = 4 * 1024 * 1024;
/** In all of one import. */
const MAX_TOTAL = 32 * 1024 * 1024;
const MAX_MEMBERS = 200;

const METHODS: ReadonlySet<string> = new Set(["Deflate", "LZMA", "LZMA2"]);

const inflate = promisify(inflateRaw);

/** Unpacks small compressed members once, to be kept beside the release; counts what one import has unpacked. */
export class SmallMembers {
  #bytes = 0;
  #members = 0;
  /** The members of a solid block come one after the other. */
  #last: Block | undefined;

  /**
   * The member's bytes; undefined when it is too large, packed in another way, or damaged, as its CRC-32 tells at the latest. A block
   * that several members in a row share is read and unpacked once. Rejects with ArticleError, ProviderError or the signal's
   * reason.
   */
  async extract(member: RefusedMember, volumes: readonly Volume[], cancel: Cancel): Promise<Buffer | undefined> {
    const { packed, size, code } = member;
    if (code !== "ARCHIVE_COMPRESSED" || packed === undefined || !METHODS.has(packed.method)) return undefined;
    // LZMA needs its properties, which only 7z tells beside the data.
    if (size > MAX_BYTES || (packed.method !== "Deflate" && packed.solid === undefined)) return undefined;
    const bytesIn = packed.pieces.reduce((sum, { start, end }) => sum + end - start, 0);
    const bytesOut = packed.solid?.size ?? size;
    if (bytesIn > MAX_BYTES || bytesOut > MAX_BYTES) return undefined;
    if (this.#members >= MAX_MEMBERS) return undefined;
    let block = this.#last;
    if (block?.pieces !== packed.pieces) {
      if (this.#bytes + bytesOut > MAX_TOTAL) return undefined;
      this.#bytes += bytesOut;
      const bytes = await unpacked(packed, await bytesOf(packed, volumes, cancel), bytesOut);
      block = { pieces: packed.pieces, bytes };
      this.#last = block;
    }
    this.#members += 1;
    const offset = packed.solid?.offset ?? 0;
    const bytes = block.bytes?.subarray(offset, offset + size);
    if (bytes?.length !== size) return undefined;
    return packed.crc32 === undefined || crc32(bytes) === packed.crc32 ? bytes : undefined;
  }
}

/** What the packed bytes of one list of pieces have come to; nothing when they are damaged. */
interface Block {
  readonly pieces: readonly Piece[];
  readonly bytes: Buffer | undefined;
}

async function bytesOf(packed: PackedMember, volumes: readonly Volume[], cancel: Cancel): Promise<Buffer> {
  const { pieces, cipher } = packed;
  const { size } = piecesFile(pieces, volumes);
  const file = memberFile({ path: "", size, modifiedAt: undefined, pieces, cipher, crc32: undefined }, volumes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of file.read({ start: 0, end: size }, cancel)) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

/** At most `size` bytes. */
async function unpacked({ method, solid }: PackedMember, bytes: Buffer, size: number): Promise<Buffer | undefined> {
  try {
    if (method === "Deflate") return await inflate(bytes, { maxOutputLength: Math.max(1, size) });
    if (solid === undefined) return undefined;
    if (method === "LZMA") return await unpackLzma(bytes, Buffer.from(solid.properties), size);
    return method === "LZMA2" ? await unpackLzma2(bytes, size) : undefined;
  } catch (error) {
    if (error instanceof FormatError || isZlib(error)) return undefined;
    throw error;
  }
}

function isZlib(error: unknown): boolean {
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === "string" && (code.startsWith("Z_") || code === "ERR_BUFFER_TOO_LARGE");
}
