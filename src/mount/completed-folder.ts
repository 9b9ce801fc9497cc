import { createHash } from "node:crypto";
import type { ByteRange } from "../base/byte-range.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CompletedEntry } from "../catalog/completed.ts";
import type { JobId } from "../catalog/jobs.ts";
import type { DavEntry, DavPath, PutRequest, ReadContext } from "../webdav/tree.ts";
import { isLitterName } from "./client-litter.ts";
import { libraryFolderOf } from "./completed-origin.ts";
import { contentType } from "./content-type.ts";
import { folder } from "./dav-entry.ts";
import type { LibraryFolder } from "./library-folder.ts";
import { compareNames, mergedPage } from "./name-order.ts";
import type { StandIns } from "./stand-ins.ts";
import type { Subtree } from "./subtree.ts";

export interface CompletedFolderOptions {
  readonly catalog: Pick<Catalog, "completed" | "find" | "list">;
  readonly library: LibraryFolder;
  readonly standIns: StandIns;
  /** Categories whose folders are there even while they are empty. */
  readonly categories: readonly string[];
}

type CompletedFile = NonNullable<CompletedEntry["file"]>;

/** What a path leads to. */
type Place =
  | { readonly kind: "category" }
  | { readonly kind: "folder"; readonly job: JobId; readonly path: string; readonly createdAt: number }
  | { readonly kind: "file"; readonly job: JobId; readonly path: string; readonly file: CompletedFile };

/** What goes to the library. */
type Source =
  | { readonly kind: "text"; readonly body: PutRequest }
  | { readonly kind: "library"; readonly path: DavPath };

/**
 * `/completed/<category>/<job>/...`: what completed jobs show to download clients, which may take it away: that changes nothing in the
 * library. Nothing can be made or changed here; what goes to the library becomes a part of it.
 */
export class CompletedFolder implements Subtree {
  readonly #options: CompletedFolderOptions;

  constructor(options: CompletedFolderOptions) {
    this.#options = { ...options, categories: options.categories.map((name) => name.normalize("NFC")) };
  }

  find(path: DavPath): DavEntry | undefined {
    if (path.length === 0) return this.#lasting("");
    const place = this.#place(path);
    const name = path.at(-1) as string;
    switch (place?.kind) {
      case undefined:
        return undefined;
      case "category":
        return this.#lasting(name);
      case "folder":
        return folder(name, timesOf(place));
      case "file":
        return this.#shown(place);
    }
  }

  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[] {
    const { completed } = this.#options.catalog;
    const [category, name] = path;
    if (category === undefined) return this.#categories(after, limit);
    if (name === undefined) {
      return completed.list(category, after, limit).map((job) => folder(job.name, timesOf(job)));
    }
    const place = this.#place(path);
    return place?.kind === "folder" ? this.#members(place, after, limit) : [];
  }

  /** A file itself is read in the library, and as such. */
  read(path: DavPath, range: ByteRange, context: ReadContext): AsyncGenerator<Uint8Array, void, undefined> {
    const place = this.#place(path);
    if (place?.kind !== "file") throw missing(path);
    const { content } = this.#shown(place);
    if (content !== undefined) return once(content.subarray(range.start, range.end));
    return this.#options.library.read(place.file.libraryPath.split("/"), range, context);
  }

  async put(): Promise<never> {
    throw unchangeable();
  }

  makeCollection(): void {
    throw unchangeable();
  }

  move(): void {
    throw unchangeable();
  }

  copy(): void {
    throw unchangeable();
  }

  patchProperties(): void {
    throw unchangeable();
  }

  remove(path: DavPath): void {
    const { completed } = this.#options.catalog;
    const place = this.#place(path);
    if (place === undefined) throw missing(path);
    if (place.kind === "category") throw lastingCategory(path);
    if (place.path === "") completed.remove(place.job);
    else completed.removeEntry(place.job, place.path);
  }

  /**
   * To a place in the library: the file, or folder, of the library that stands behind the entry goes there. Of a link, or another text in a
   * file's place, a small file with that text appears there. Throws FORBIDDEN for a folder that is none of the library.
   */
  async moveToLibrary(from: DavPath, to: DavPath): Promise<void> {
    const { library } = this.#options;
    const source = this.#source(from);
    if (source.kind === "text") await library.put(to, source.body);
    else if (!isSame(source.path, to)) library.move(source.path, to);
    this.remove(from);
  }

  /** The same, and what is here stays. */
  async copyToLibrary(from: DavPath, to: DavPath, depth: "0" | "infinity"): Promise<void> {
    const { library } = this.#options;
    const source = this.#source(from);
    if (source.kind === "text") await library.put(to, source.body);
    else if (!isSame(source.path, to)) library.copy(source.path, to, depth);
  }

  #place(path: DavPath): Place | undefined {
    const { completed } = this.#options.catalog;
    const [category, name, ...rest] = path;
    if (category === undefined) return undefined;
    if (name === undefined) return this.#isCategory(category) ? { kind: "category" } : undefined;
    const found = completed.find(category, name);
    if (found === undefined) return undefined;
    const { job, createdAt } = found;
    if (rest.length === 0) return { kind: "folder", job, path: "", createdAt };
    const wanted = rest.join("/");
    const entry = completed.entry(job, wanted);
    if (entry !== undefined && entry.file === undefined) return { kind: "folder", job, path: wanted, createdAt };
    return this.#filePlace(job, entry, "") ?? this.#standIn(job, wanted);
  }

  /** A file whose name here ends in what is behind the names of texts. */
  #standIn(job: JobId, wanted: string): Place | undefined {
    const { catalog, standIns } = this.#options;
    const { suffix } = standIns;
    if (suffix === "" || !wanted.endsWith(suffix)) return undefined;
    return this.#filePlace(job, catalog.completed.entry(job, wanted.slice(0, -suffix.length)), suffix);
  }

  /** The file, if this is what comes behind its name here. */
  #filePlace(job: JobId, entry: CompletedEntry | undefined, suffix: string): Place | undefined {
    if (entry?.file === undefined) return undefined;
    const { path, file } = entry;
    const isText = this.#textOf(path, file) !== undefined;
    return isText === (suffix !== "") ? { kind: "file", job, path, file } : undefined;
  }

  #textOf(path: string, { libraryPath }: CompletedFile): string | undefined {
    return this.#options.standIns.textOf({ name: lastName(path), libraryPath });
  }

  #shown({ path, file }: { readonly path: string; readonly file: CompletedFile }): DavEntry {
    const { createdAt, modifiedAt } = file;
    const name = lastName(path);
    const text = this.#textOf(path, file);
    if (text === undefined) {
      const { size, contentTag: etag } = file;
      return { kind: "resource", name, size, createdAt, modifiedAt, etag, contentType: contentType(name) };
    }
    const content = Buffer.from(text);
    return {
      kind: "resource",
      name: name + this.#options.standIns.suffix,
      size: content.length,
      createdAt,
      modifiedAt,
      etag: createHash("sha256").update(content).digest("base64url"),
      contentType: "text/plain",
      content,
    };
  }

  /** Litter that somebody has posted is not shown, since it could not be asked for. */
  #members(
    { job, path, createdAt }: Place & { readonly kind: "folder" },
    after: string | undefined,
    limit: number,
  ): readonly DavEntry[] {
    const { completed } = this.#options.catalog;
    const members: DavEntry[] = [];
    for (let last = after === undefined ? undefined : this.#ownName(job, path, after); members.length < limit; ) {
      const wanted = limit - members.length;
      const page = completed.entries(job, path, last, wanted);
      for (const entry of page) {
        const name = lastName(entry.path);
        const { file } = entry;
        const shown =
          file === undefined ? folder(name, timesOf({ createdAt })) : this.#shown({ path: entry.path, file });
        if (!isLitterName(shown.name)) members.push(shown);
      }
      if (page.length < wanted) break;
      last = lastName(page.at(-1)?.path ?? "");
    }
    return members;
  }

  /** What an entry that is shown under this name is called in the catalog, which pages by that. */
  #ownName(job: JobId, parent: string, shown: string): string {
    const inParent = parent === "" ? "" : `${parent}/`;
    const standIn = this.#standIn(job, inParent + shown);
    return standIn?.kind === "file" ? lastName(standIn.path) : shown;
  }

  #categories(after: string | undefined, limit: number): readonly DavEntry[] {
    const { catalog, categories } = this.#options;
    const names = [...new Set([...categories, ...catalog.completed.categories()])].sort(compareNames);
    return mergedPage(
      [],
      names.map((name) => this.#lasting(name)),
      { after, limit },
    );
  }

  #isCategory(name: string): boolean {
    const { catalog, categories } = this.#options;
    return categories.includes(name) || catalog.completed.list(name, undefined, 1).length > 0;
  }

  /** A folder that stands for no row. */
  #lasting(name: string): DavEntry {
    return folder(name, timesOf({ createdAt: this.#options.catalog.find("")?.createdAt ?? 0 }));
  }

  #source(path: DavPath): Source {
    const place = this.#place(path);
    if (place === undefined) throw missing(path);
    if (place.kind === "category") throw lastingCategory(path);
    if (place.kind === "folder") {
      const at = this.#options.standIns.suffix === "" ? libraryFolderOf(this.#options.catalog, place) : undefined;
      if (at !== undefined) return { kind: "library", path: at.split("/") };
      throw new RequestError("FORBIDDEN", `${path.at(-1)} is no folder of the library`, {
        hint: "what is in it can be moved or copied file by file",
      });
    }
    const text = this.#textOf(place.path, place.file);
    if (text === undefined) return { kind: "library", path: place.file.libraryPath.split("/") };
    const { signal } = new AbortController();
    return { kind: "text", body: { length: Buffer.byteLength(text), body: once(Buffer.from(text)), signal } };
  }
}

function timesOf({ createdAt }: { readonly createdAt: number }) {
  return { createdAt, modifiedAt: createdAt };
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isSame(path: DavPath, other: DavPath): boolean {
  return path.join("/") === other.join("/");
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function missing(path: DavPath): CatalogError {
  return new CatalogError("PATH_MISSING", `there is no /completed/${path.join("/")}`);
}

function lastingCategory([category]: DavPath): RequestError {
  return new RequestError("FORBIDDEN", `the category ${category} is always here`, {
    hint: "remove the folders in it one by one",
  });
}

function unchangeable(): RequestError {
  return new RequestError("FORBIDDEN", "what completed imports show can be taken away, and not be changed", {
    hint: "move or copy it to a folder in /library, or remove it",
  });
}
