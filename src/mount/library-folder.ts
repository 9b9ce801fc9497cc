import type { Admission } from "../admission/admission.ts";
import type { ByteRange } from "../base/byte-range.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { SeekableFile } from "../base/seekable-file.ts";
import type { Catalog, Entry } from "../catalog/catalog.ts";
import type { Reader } from "../reader/reader.ts";
import type { DavEntry, DavPath, PropertyChange, PutRequest, ReadContext } from "../webdav/tree.ts";
import { isLitterName } from "./client-litter.ts";
import type { DamageKeeper } from "./damage-keeper.ts";
import { toDav } from "./dav-entry.ts";
import { withChanges } from "./dead-properties.ts";
import { LibraryRead, type Reading } from "./library-read.ts";
import { type BodyLimit, receive, refuseLarge, storedBytes } from "./sidecar-bytes.ts";
import type { StreamRequest } from "./stream.ts";
import type { Streams } from "./streams.ts";
import type { Subtree } from "./subtree.ts";

export interface LibraryFolderOptions {
  readonly catalog: Catalog;
  readonly reader: Reader;
  readonly admission: Admission;
  readonly streams: Streams;
  readonly damage: Pick<DamageKeeper, "forFile">;
  /** Largest file that is kept in the database. */
  readonly sidecarBytes: number;
  /** What streams and the log call the folder. */
  readonly shownAs: string;
}

/**
 * `/library`: posted files, which are read from the news servers and cannot be changed, and sidecars, which are bytes in the database.
 * All of it can be renamed, moved, copied and removed; what is removed goes to the trash.
 */
export class LibraryFolder implements Subtree {
  readonly #options: LibraryFolderOptions;
  readonly #limit: BodyLimit;

  constructor(options: LibraryFolderOptions) {
    this.#options = options;
    this.#limit = {
      bytes: options.sidecarBytes,
      hint:
        "only small files that belong to a film are kept here: post larger ones and put their NZB to /nzbs/<category>/, " +
        "or raise library.sidecarBytes",
    };
  }

  find(path: DavPath): DavEntry | undefined {
    const entry = this.#options.catalog.find(path.join("/"));
    return entry && toDav(entry);
  }

  /** Litter that somebody has posted is not shown, since it could not be asked for. */
  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[] {
    const { catalog } = this.#options;
    const at = path.join("/");
    const entries: DavEntry[] = [];
    for (let last = after; entries.length < limit; ) {
      const wanted = limit - entries.length;
      const page = catalog.list(at, last, wanted);
      for (const entry of page) if (!isLitterName(entry.name)) entries.push(toDav(entry));
      if (page.length < wanted) break;
      last = page.at(-1)?.name;
    }
    return entries;
  }

  read(path: DavPath, range: ByteRange, context: ReadContext): AsyncGenerator<Uint8Array, void, undefined> {
    const { catalog } = this.#options;
    const entry = catalog.find(path.join("/"));
    if (entry?.isSidecar) return storedBytes(catalog.contents, { id: entry.id, range }, context);
    return new LibraryRead(() => this.#begin(path, { entry, range, context }), context);
  }

  /** Throws FORBIDDEN for a posted file, BODY_TOO_LARGE beyond the limit. */
  async put(path: DavPath, request: PutRequest): Promise<"created" | "replaced"> {
    const { catalog } = this.#options;
    const at = path.join("/");
    const there = catalog.find(at);
    if (there?.kind === "folder") throw new CatalogError("PATH_TAKEN", `/${at} is a folder`);
    if (there !== undefined && !there.isSidecar) {
      throw new RequestError("FORBIDDEN", `${there.name} was posted: posted files cannot be changed`, {
        hint: "give the new file another name, or remove or rename this one first",
      });
    }
    if (catalog.find(path.slice(0, -1).join("/"))?.kind !== "folder") {
      throw new CatalogError("PARENT_MISSING", "the folder to put the file into does not exist");
    }
    refuseLarge(request.length, this.#limit);
    using content = await receive(catalog.contents, request, this.#limit);
    return catalog.putSidecar(at, content);
  }

  makeCollection(path: DavPath): void {
    this.#options.catalog.makeFolder(path.join("/"));
  }

  remove(path: DavPath): void {
    this.#options.catalog.remove(path.join("/"));
  }

  move(from: DavPath, to: DavPath): void {
    this.#options.catalog.move(from.join("/"), to.join("/"));
  }

  copy(from: DavPath, to: DavPath, depth: "0" | "infinity"): void {
    this.#options.catalog.copy(from.join("/"), to.join("/"), depth);
  }

  patchProperties(path: DavPath, changes: readonly PropertyChange[]): void {
    const { catalog } = this.#options;
    const at = path.join("/");
    const entry = catalog.find(at);
    if (entry === undefined) throw new CatalogError("PATH_MISSING", `there is no /${at}`);
    catalog.setProperties(at, withChanges(entry.properties, changes));
  }

  /** A sidecar as the body of a PUT elsewhere; undefined for anything else. */
  sidecar(path: DavPath): PutRequest | undefined {
    const { catalog } = this.#options;
    const entry = catalog.find(path.join("/"));
    if (!entry?.isSidecar) return undefined;
    const { signal } = new AbortController();
    const range = { start: 0, end: entry.size };
    return { length: entry.size, body: storedBytes(catalog.contents, { id: entry.id, range }, { signal }), signal };
  }

  #begin(
    path: DavPath,
    wanted: { readonly entry: Entry | undefined; readonly range: ByteRange; readonly context: ReadContext },
  ): Reading {
    const { admission, streams, shownAs } = this.#options;
    const { entry, range, context } = wanted;
    const { client, signal } = context;
    const shown = `/${shownAs}/${path.join("/")}`;
    if (entry?.kind !== "file") throw new CatalogError("PATH_MISSING", `${shown} is no file of the library`);
    const request = streams.begin(
      { path: shown, size: entry.size, client: client.address, userAgent: client.userAgent },
      range,
    );
    return {
      request,
      open: () => this.#open(entry, shown, request).read(range, { signal }),
      openTicket: () => admission.openStream({ key: `${entry.id} ${client.address} ${client.userAgent}` }),
    };
  }

  #open(entry: Entry, path: string, request: StreamRequest): SeekableFile {
    const { catalog, reader, damage } = this.#options;
    return reader.open(catalog.extents(entry.id), {
      damage: damage.forFile(entry, path),
      stream: request.stream,
      readClass: () => request.readClass,
      observer: request.observer,
    });
  }
}
