import { LRUCache } from "lru-cache";
import type { ByteRange } from "../base/byte-range.ts";
import type { Clock } from "../base/clock.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { DavEntry, DavPath, PropertyChange, PutRequest } from "../webdav/tree.ts";
import { changedProperties } from "./dead-properties.ts";
import { type BodyLimit, refuseLarge } from "./sidecar-bytes.ts";

const STORE_BYTES = 16 * 1024 * 1024;
const KEPT_MS = 60 * 60 * 1000;
/** What an empty file counts for. */
const ENTRY_BYTES = 1024;
const LIMIT: BodyLimit = {
  bytes: 1024 * 1024,
  hint: "by its name it is a helper file of the client's system: those are not kept; give it another name",
};

/** Lower case, since Windows spells them as it likes. */
const HELPERS = new Set([
  ".ds_store",
  ".spotlight-v100",
  ".temporaryitems",
  ".trashes",
  ".volumeicon.icns",
  ".apdisk",
  ".fseventsd",
  ".hidden",
  ".metadata_never_index",
  ".metadata_never_index_unless_rootfs",
  ".ql_disablecache",
  ".ql_disablethumbnails",
  "autorun.inf",
  "backups.backupdb",
  "desktop.ini",
  "mach_kernel",
  "thumbs.db",
]);
const LONGEST_HELPER = Math.max(...[...HELPERS].map((name) => name.length));

/** Where these are, macOS neither indexes a folder nor draws thumbnails of it, each of which would fetch every file. */
const MARKERS = new Set([".metadata_never_index", ".ql_disablethumbnails"]);
const EMPTY = new Uint8Array();

/** Names that Finder and Explorer ask for, and write, wherever they are. */
export function isLitterName(name: string): boolean {
  return name.startsWith("._") || (name.length <= LONGEST_HELPER && HELPERS.has(name.toLowerCase()));
}

/** A path with such a name in it. */
export function isLitter(path: DavPath): boolean {
  return path.some(isLitterName);
}

export interface ClientLitterOptions {
  readonly clock: Clock;
  /** What is at a path that is no litter. */
  readonly find: (path: DavPath) => DavEntry | undefined;
}

type LitterFile = DavEntry & { readonly content: Uint8Array };

/**
 * Helper files of the clients' systems. They are taken, since Finder fails a copy whose `._` file is refused, and shown to whoever asks by
 * name; they are in memory only, within 16 MiB, for an hour, and never listed. Paths are those of the whole tree.
 */
export class ClientLitter {
  readonly #options: ClientLitterOptions;
  readonly #files: LRUCache<string, LitterFile>;
  #stored = 0;
  /** Bytes that are on their way in. */
  #receiving = 0;

  constructor(options: ClientLitterOptions) {
    this.#options = options;
    this.#files = new LRUCache({
      maxSize: STORE_BYTES,
      sizeCalculation: ({ content, properties }) =>
        ENTRY_BYTES + content.length + (properties === undefined ? 0 : JSON.stringify(properties).length),
      ttl: KEPT_MS,
      ttlResolution: 0,
      // To the cache a time of 0 is none.
      perf: { now: () => options.clock.now() + 1 },
    });
  }

  find(path: DavPath): LitterFile | undefined {
    const name = path.at(-1) as string;
    const kept = this.#files.get(keyOf(path));
    if (kept === undefined && !MARKERS.has(name)) return undefined;
    const parent = this.#parent(path);
    if (parent === undefined) return undefined;
    return kept ?? litterFile(name, EMPTY, { createdAt: parent.createdAt, at: parent.createdAt, etag: "marker" });
  }

  /** The bytes, as `read` of the tree gives them. */
  async *read(path: DavPath, range: ByteRange): AsyncGenerator<Uint8Array, void, undefined> {
    yield this.#there(path).content.subarray(range.start, range.end);
  }

  async put(path: DavPath, { length, body, signal }: PutRequest): Promise<"created" | "replaced"> {
    this.#requireParent(path);
    refuseLarge(length, LIMIT);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body) {
        signal.throwIfAborted();
        bytes += chunk.length;
        this.#receiving += chunk.length;
        refuseLarge(bytes, LIMIT);
        if (this.#receiving > STORE_BYTES) {
          throw new RequestError("NOT_READY", "too many helper files are being written at once");
        }
        chunks.push(Uint8Array.from(chunk));
      }
    } finally {
      this.#receiving -= bytes;
    }
    const before = this.#files.get(keyOf(path));
    this.#keep(path, Buffer.concat(chunks), before);
    return before === undefined ? "created" : "replaced";
  }

  remove(path: DavPath): void {
    if (this.#files.delete(keyOf(path))) return;
    this.#there(path);
    throw new RequestError("FORBIDDEN", "this file cannot be removed", {
      hint: "it is there so that macOS does not fetch every file to index it",
    });
  }

  copy(from: DavPath, to: DavPath): void {
    this.#requireParent(to);
    const file = this.#there(from);
    this.#keep(to, file.content, file);
  }

  move(from: DavPath, to: DavPath): void {
    this.copy(from, to);
    this.#files.delete(keyOf(from));
  }

  patchProperties(path: DavPath, changes: readonly PropertyChange[]): void {
    const file = this.#there(path);
    this.#files.set(keyOf(path), { ...file, properties: changedProperties(file.properties ?? [], changes) });
  }

  #keep(path: DavPath, content: Uint8Array, before: LitterFile | undefined): void {
    const at = this.#options.clock.wall();
    this.#stored += 1;
    const file = litterFile(path.at(-1) as string, content, {
      createdAt: before?.createdAt ?? at,
      at,
      etag: `${at.toString(36)}-${this.#stored}`,
    });
    const { properties } = before ?? {};
    this.#files.set(keyOf(path), properties === undefined ? file : { ...file, properties });
  }

  #there(path: DavPath): LitterFile {
    const file = this.find(path);
    if (file === undefined) throw new CatalogError("PATH_MISSING", `there is no /${path.join("/")}`);
    return file;
  }

  #requireParent(path: DavPath): void {
    if (this.#parent(path) !== undefined) return;
    throw new CatalogError("PARENT_MISSING", "the folder to put the file into does not exist");
  }

  #parent(path: DavPath): DavEntry | undefined {
    const above = path.slice(0, -1);
    const parent = isLitter(above) ? undefined : this.#options.find(above);
    return parent?.kind === "collection" ? parent : undefined;
  }
}

function keyOf(path: DavPath): string {
  return path.join("/");
}

function litterFile(
  name: string,
  content: Uint8Array,
  { createdAt, at, etag }: { readonly createdAt: number; readonly at: number; readonly etag: string },
): LitterFile {
  return {
    kind: "resource",
    name,
    size: content.length,
    createdAt,
    modifiedAt: at,
    etag: `litter-${etag}`,
    contentType: "application/octet-stream",
    content,
  };
}
