import type { ByteRange } from "../base/byte-range.ts";
import type { Cancel } from "../base/seekable-file.ts";

/** A decoded request path, one element per segment, NFC, none of them empty, `.`, `..` or with a slash or control character. */
export type DavPath = readonly string[];

/** Anything with a URL. Times are milliseconds since 1970. */
export interface DavEntry {
  readonly kind: "collection" | "resource";
  /** Last segment of its path; empty for the root. */
  readonly name: string;
  /** Bytes; 0 for a collection. */
  readonly size: number;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** Opaque text of the strong entity tag, without quotes; empty for a collection. */
  readonly etag: string;
  readonly contentType: string;
}

export interface ReadContext extends Cancel {
  /** For the log and for telling players from scanners. */
  readonly client: { readonly address: string; readonly userAgent: string; readonly user: string };
}

export interface PutRequest extends Cancel {
  /** From Content-Length; undefined for a chunked body. */
  readonly length: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * What the protocol serves. Knows nothing of HTTP. Lookups are synchronous and free of I/O beyond one indexed query.
 * Failures are AppErrors; the one status map of this folder turns them into answers.
 */
export interface DavTree {
  find(path: DavPath): DavEntry | undefined;
  /** Members of a collection by name, after `after`, at most `limit`. */
  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[];
  /** The bytes of a resource, in order; a chunk is valid until the next one is asked for. Throws rather than ending early. */
  read(path: DavPath, range: ByteRange, context: ReadContext): AsyncGenerator<Uint8Array, void, undefined>;
  /** Takes a new file. Rejects with RequestError FORBIDDEN where nothing may be written. */
  put(path: DavPath, request: PutRequest): Promise<"created" | "replaced">;
}
