import type { ByteRange } from "../base/byte-range.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { XmlName } from "./xml.ts";

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
  /** The bytes themselves where they are few and at hand: `read` is not asked then. As many as `size` says. */
  readonly content?: Uint8Array;
  /** Dead properties (RFC 4918 section 4), where there are any. */
  readonly properties?: readonly DeadProperty[];
}

/** A property that only clients give a meaning to. */
export interface DeadProperty extends XmlName {
  /** The whole element, declaring every namespace that it uses, so that it can stand in any answer. */
  readonly xml: string;
}

/** One instruction of a PROPPATCH: RFC 4918 section 9.2. */
export type PropertyChange =
  | { readonly kind: "set"; readonly property: DeadProperty }
  | { readonly kind: "remove"; readonly name: XmlName };

/** RFC 4331: bytes that more files may take, and that those take that are there. */
export interface DavSpace {
  readonly available: number;
  readonly used: number;
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
 * What the protocol serves. Knows nothing of HTTP, nor of locks. Lookups are synchronous and free of I/O beyond one indexed query.
 * What changes the tree is one transaction each. Failures are AppErrors; the one status map of this folder turns them into
 * answers: RequestError FORBIDDEN, with a hint, for whatever may not be done at a place.
 */
export interface DavTree {
  find(path: DavPath): DavEntry | undefined;
  /** Members of a collection by name, after `after`, at most `limit`. */
  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[];
  /** The bytes of a resource, in order; a chunk is valid until the next one is asked for. Throws rather than ending early. */
  read(path: DavPath, range: ByteRange, context: ReadContext): AsyncGenerator<Uint8Array, void, undefined>;
  /** Takes a file, new or in place of the one at `path`. What can be refused is refused before the body is touched. */
  put(path: DavPath, request: PutRequest): Promise<"created" | "replaced">;
  /** A new, empty collection, where nothing is and whose parent is one. */
  makeCollection(path: DavPath): void;
  /** With everything below. */
  remove(path: DavPath): void;
  /**
   * `to` is neither `from` nor below it, and its parent is a collection. What is at `to` is replaced, never merged with. The
   * resource keeps its dead properties. A promise where the tree must look at the bytes that come to stand at `to`.
   */
  move(from: DavPath, to: DavPath): void | Promise<void>;
  /** The same for a copy; `depth` 0 copies a collection without its members. */
  copy(from: DavPath, to: DavPath, depth: "0" | "infinity"): void | Promise<void>;
  /** All changes, in order, or none. */
  patchProperties(path: DavPath, changes: readonly PropertyChange[]): void;
  /** Whether whoever has a login may remove what is here, even one that may only read: what is there to be taken away. */
  isForTaking(path: DavPath): boolean;
  /** undefined when that is not known. */
  space(): DavSpace | undefined;
}
