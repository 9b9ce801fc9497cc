import type { ByteRange } from "../base/byte-range.ts";
import type { Clock } from "../base/clock.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { DavEntry, DavPath, DavSpace, DavTree, PropertyChange, PutRequest, ReadContext } from "../webdav/tree.ts";
import { ClientLitter, isLitter } from "./client-litter.ts";
import { CompletedFolder, type CompletedFolderOptions } from "./completed-folder.ts";
import { folder } from "./dav-entry.ts";
import type { NzbIntake } from "./drop-import.ts";
import { LibraryFolder, type LibraryFolderOptions } from "./library-folder.ts";
import { NzbDrop, type NzbDropOptions } from "./nzb-drop.ts";
import type { Subtree } from "./subtree.ts";

export interface LibraryTreeOptions
  extends Omit<LibraryFolderOptions, "shownAs">,
    Pick<CompletedFolderOptions, "standIns" | "categories">,
    Pick<NzbDropOptions, "cancelJob"> {
  readonly intake: NzbIntake;
  /** Largest file that is taken for an NZB. */
  readonly maxNzbBytes: number;
  /** Whether nothing but what is in `/completed` can be changed. */
  readonly isReadOnly: boolean;
  readonly space: () => DavSpace | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const COMPLETED = "completed";
const LIBRARY = "library";
const NZBS = "nzbs";

/** A folder at the root and the rest of a path that leads into it. */
interface Place {
  readonly tree: Subtree;
  readonly rest: DavPath;
}

/**
 * What stands under `/dav`: `library/<category>/<release>/...`, `nzbs/<category>/` to drop NZBs into, and `completed/<category>/<job>/...`,
 * which download clients take away. The root and these three always stay as they are. Helper files of the clients' systems are taken anywhere and kept nowhere. Disposing leaves the catalog alone.
 */
export class LibraryTree implements DavTree, Disposable {
  readonly #options: LibraryTreeOptions;
  readonly #library: LibraryFolder;
  readonly #drop: NzbDrop;
  readonly #completed: CompletedFolder;
  readonly #litter: ClientLitter;

  constructor(options: LibraryTreeOptions) {
    this.#options = options;
    this.#library = new LibraryFolder({ ...options, shownAs: LIBRARY });
    this.#drop = new NzbDrop(options);
    this.#completed = new CompletedFolder({ ...options, library: this.#library });
    this.#litter = new ClientLitter({ clock: options.clock, find: (path) => this.find(path) });
  }

  find(path: DavPath): DavEntry | undefined {
    if (isLitter(path)) return this.#litter.find(path);
    if (path.length === 0) return this.#root();
    const place = this.#place(path);
    const entry = place?.tree.find(place.rest);
    return entry === undefined || path.length > 1 ? entry : { ...entry, name: path[0] as string };
  }

  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[] {
    if (path.length > 0) return this.#place(path)?.tree.list(path.slice(1), after, limit) ?? [];
    const names = [COMPLETED, LIBRARY, NZBS].filter((name) => after === undefined || name > after);
    return names.slice(0, limit).flatMap((name) => this.find([name]) ?? []);
  }

  read(path: DavPath, range: ByteRange, context: ReadContext): AsyncGenerator<Uint8Array, void, undefined> {
    if (isLitter(path)) return this.#litter.read(path, range);
    const place = this.#place(path);
    if (place === undefined) throw new CatalogError("PATH_MISSING", `there is no /${path.join("/")}`);
    return place.tree.read(place.rest, range, context);
  }

  async put(path: DavPath, request: PutRequest): Promise<"created" | "replaced"> {
    this.#requireWritable(path);
    if (isLitter(path)) return this.#litter.put(path, request);
    const { tree, rest } = this.#changeable(path);
    return tree.put(rest, request);
  }

  makeCollection(path: DavPath): void {
    this.#requireWritable(path);
    if (isLitter(path)) throw new RequestError("FORBIDDEN", "folders of the client's system are not kept");
    const { tree, rest } = this.#changeable(path);
    tree.makeCollection(rest);
  }

  remove(path: DavPath): void {
    this.#requireWritable(path);
    const { tree, rest } = isLitter(path) ? { tree: this.#litter, rest: path } : this.#changeable(path);
    tree.remove(rest);
  }

  move(from: DavPath, to: DavPath): void | Promise<void> {
    for (const path of [from, to]) this.#requireWritable(path);
    if (isBothLitter(from, to)) return this.#litter.move(from, to);
    const [source, target] = [this.#changeable(from), this.#changeable(to)];
    if (source.tree === target.tree) return source.tree.move(source.rest, target.rest);
    if (this.#isImport(source, target)) return this.#completed.moveToLibrary(source.rest, target.rest);
    return this.#carry(source, target).then(() => source.tree.remove(source.rest));
  }

  copy(from: DavPath, to: DavPath, depth: "0" | "infinity"): void | Promise<void> {
    this.#requireWritable(to);
    if (isBothLitter(from, to)) return this.#litter.copy(from, to);
    const [source, target] = [this.#changeable(from), this.#changeable(to)];
    if (source.tree === target.tree) return source.tree.copy(source.rest, target.rest, depth);
    if (this.#isImport(source, target)) return this.#completed.copyToLibrary(source.rest, target.rest, depth);
    return this.#carry(source, target);
  }

  patchProperties(path: DavPath, changes: readonly PropertyChange[]): void {
    this.#requireWritable(path);
    const { tree, rest } = isLitter(path) ? { tree: this.#litter, rest: path } : this.#changeable(path);
    tree.patchProperties(rest, changes);
  }

  /** A completed job's folder and everything in it. */
  isForTaking(path: DavPath): boolean {
    return path[0] === COMPLETED && path.length >= 3;
  }

  space(): DavSpace | undefined {
    return this.#options.space();
  }

  [Symbol.dispose](): void {
    this.#drop[Symbol.dispose]();
  }

  #root(): DavEntry {
    const times = this.#drop.find([]) ?? { createdAt: 0, modifiedAt: 0 };
    return folder("", times);
  }

  #place(path: DavPath): Place | undefined {
    const [top, ...rest] = path;
    if (top === LIBRARY) return { tree: this.#library, rest };
    if (top === COMPLETED) return { tree: this.#completed, rest };
    return top === NZBS ? { tree: this.#drop, rest } : undefined;
  }

  #isImport(source: Place, target: Place): boolean {
    return source.tree === this.#completed && target.tree === this.#library;
  }

  #requireWritable([top]: DavPath): void {
    if (!this.#options.isReadOnly || top === COMPLETED) return;
    throw new RequestError("FORBIDDEN", "this server is configured to let nobody change its library", {
      hint: "that is library.readOnly; only what is in /completed can be removed",
    });
  }

  #changeable(path: DavPath): Place {
    const place = this.#place(path);
    if (place !== undefined && path.length > 1) return place;
    if (place === undefined && path.length > 1)
      throw new CatalogError("PATH_MISSING", `there is no /${path.join("/")}`);
    throw new RequestError("FORBIDDEN", "what stands at the top cannot be changed", {
      hint: `use a folder in /${LIBRARY}, or put NZBs to /${NZBS}/<category>/`,
    });
  }

  /** From the library to the NZBs: the one way from here to there that means something. */
  async #carry(source: Place, target: Place): Promise<void> {
    const isDrop = source.tree === this.#library && target.tree === this.#drop;
    const sidecar = isDrop ? this.#library.sidecar(source.rest) : undefined;
    if (sidecar === undefined) {
      throw new RequestError("FORBIDDEN", "this cannot go from one of the folders at the top to the other", {
        hint:
          `only what is in /${COMPLETED} can go to /${LIBRARY}, and only a file that was put to /${LIBRARY} to /${NZBS}; ` +
          "fetch anything else and put it where it is to be",
      });
    }
    await target.tree.put(target.rest, sidecar);
  }
}

/** Throws FORBIDDEN when only one of them is. */
function isBothLitter(from: DavPath, to: DavPath): boolean {
  if (isLitter(from) === isLitter(to)) return isLitter(from);
  throw new RequestError(
    "FORBIDDEN",
    "a helper file of the client's system cannot become another file, nor the other way round",
    {
      hint: "such files are not kept: choose another name",
    },
  );
}
