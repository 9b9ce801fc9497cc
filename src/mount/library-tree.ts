import type { Admission } from "../admission/admission.ts";
import type { ByteRange } from "../base/byte-range.ts";
import type { Clock } from "../base/clock.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { SeekableFile } from "../base/seekable-file.ts";
import type { Catalog, Entry } from "../catalog/catalog.ts";
import type { Reader } from "../reader/reader.ts";
import type { DavEntry, DavPath, DavTree, PutRequest, ReadContext } from "../webdav/tree.ts";
import { contentType } from "./content-type.ts";
import type { DamageKeeper } from "./damage-keeper.ts";
import { LibraryRead, type Reading } from "./library-read.ts";
import { folder, NzbDrop, type NzbIntake } from "./nzb-drop.ts";
import type { StreamRequest } from "./stream.ts";
import type { Streams } from "./streams.ts";

export interface LibraryTreeOptions {
  readonly catalog: Catalog;
  readonly reader: Reader;
  readonly admission: Admission;
  readonly intake: NzbIntake;
  readonly streams: Streams;
  readonly damage: Pick<DamageKeeper, "forFile">;
  readonly clock: Clock;
}

const LIBRARY = "library";
const NZBS = "nzbs";

/** More categories than this are not shown under `/nzbs`; putting into them works all the same. */
const CATEGORY_LIMIT = 1000;

/** What stands under `/dav`: `library/<category>/<release>/...` to read, `nzbs/<category>/` to drop NZBs into. */
export class LibraryTree implements DavTree {
  readonly #options: LibraryTreeOptions;
  readonly #drop: NzbDrop;
  readonly #startedAt: number;

  constructor(options: LibraryTreeOptions) {
    this.#options = options;
    this.#startedAt = options.clock.wall();
    this.#drop = new NzbDrop({
      intake: options.intake,
      clock: options.clock,
      categories: () => options.catalog.list("", undefined, CATEGORY_LIMIT).map(({ name }) => name),
    });
  }

  find(path: DavPath): DavEntry | undefined {
    const top = path[0];
    if (top === undefined) return folder("", this.#startedAt);
    const rest = path.slice(1);
    if (top === NZBS) return rest.length === 0 ? folder(NZBS, this.#startedAt) : this.#drop.find(rest);
    if (top !== LIBRARY) return undefined;
    const entry = this.#options.catalog.find(rest.join("/"));
    if (entry === undefined) return undefined;
    return rest.length === 0 ? { ...toDav(entry), name: LIBRARY } : toDav(entry);
  }

  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[] {
    const [top, ...rest] = path;
    if (top === LIBRARY) return this.#options.catalog.list(rest.join("/"), after, limit).map(toDav);
    const entries = top === undefined ? this.#roots() : top === NZBS ? this.#drop.list(rest) : [];
    return entries.filter(({ name }) => after === undefined || name > after).slice(0, limit);
  }

  read(path: DavPath, range: ByteRange, context: ReadContext): AsyncGenerator<Uint8Array, void, undefined> {
    return new LibraryRead(() => this.#begin(path, range, context), context);
  }

  async put(path: DavPath, request: PutRequest): Promise<"created" | "replaced"> {
    const [top, ...rest] = path;
    if (top === NZBS) return this.#drop.put(rest, request);
    throw new RequestError("FORBIDDEN", `nothing can be written to /${path.join("/")}`, {
      hint: "the library is made of what was imported: put an NZB to /nzbs/<category>/",
    });
  }

  #begin(path: DavPath, range: ByteRange, { client, signal }: ReadContext): Reading {
    const { catalog, admission, streams } = this.#options;
    const shown = `/${path.join("/")}`;
    const entry = path[0] === LIBRARY ? catalog.find(path.slice(1).join("/")) : undefined;
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

  #roots(): readonly DavEntry[] {
    return [LIBRARY, NZBS].map((name) => this.find([name])).filter((entry) => entry !== undefined);
  }
}

function toDav(entry: Entry): DavEntry {
  const isFile = entry.kind === "file";
  return {
    kind: isFile ? "resource" : "collection",
    name: entry.name,
    size: entry.size,
    createdAt: entry.createdAt,
    modifiedAt: entry.modifiedAt,
    etag: entry.contentTag,
    contentType: isFile ? contentType(entry.name) : "",
  };
}
