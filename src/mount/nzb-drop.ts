import type { ByteRange } from "../base/byte-range.ts";
import { CatalogError, RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog, Entry } from "../catalog/catalog.ts";
import type { JobId } from "../catalog/jobs.ts";
import type { DavEntry, DavPath, PropertyChange, PutRequest } from "../webdav/tree.ts";
import { folder, toDav } from "./dav-entry.ts";
import { withChanges, withDismissed } from "./dead-properties.ts";
import { DropImports, type NzbIntake } from "./drop-import.ts";
import { DropJobs } from "./drop-jobs.ts";
import { dropReport, isEnded, isNzbName, nzbsBefore, reportedNzb } from "./drop-report.ts";
import { mergedPage } from "./name-order.ts";
import { type BodyLimit, receive, storedBytes } from "./sidecar-bytes.ts";
import type { Subtree } from "./subtree.ts";

/** More folders of the library than this are not listed here; putting into them works all the same. */
const CATEGORY_LIMIT = 1000;
const PAGE = 500;

export interface NzbDropOptions {
  readonly catalog: Pick<Catalog, "drops" | "contents" | "jobs" | "find" | "list">;
  readonly intake: NzbIntake;
  /** There even while the library has no release of theirs. */
  readonly categories: readonly string[];
  /** Ends a job, whatever it is doing. */
  readonly cancelJob: (id: JobId) => unknown;
  readonly maxNzbBytes: number;
  readonly log: Logger;
}

/** How a file gets to another place. */
interface Way {
  readonly from: DavPath;
  readonly to: DavPath;
  readonly place: () => void;
  /** The import that it was until then. */
  readonly leaves: JobId | undefined;
}

/**
 * `/nzbs/<category>/`: whatever a client puts here is kept as it is; as soon as a file that is not empty is called `.nzb` or `.nzb.gz`, it
 * is imported into the category that the first folder names. Beside it a text tells how far that is, or why it failed; such texts are
 * made when they are asked for.
 *
 * Deleting or replacing an NZB cancels its import as long as that has not ended, unless another dropped file asked for the same one, or it
 * came by another way too, sooner or later.
 */
export class NzbDrop implements Subtree, Disposable {
  readonly #catalog: NzbDropOptions["catalog"];
  readonly #usual: readonly string[];
  readonly #limit: BodyLimit;
  readonly #imports: DropImports;
  readonly #jobs: DropJobs;

  constructor({ catalog, intake, categories, cancelJob, maxNzbBytes, log }: NzbDropOptions) {
    this.#catalog = catalog;
    this.#usual = categories;
    this.#limit = {
      bytes: maxNzbBytes,
      hint: "this folder takes NZBs: raise imports.maxNzbBytes if it really is one, or send it packed with gzip",
    };
    const { drops, contents, jobs } = catalog;
    this.#jobs = new DropJobs({ jobs, drops, cancelJob, log });
    this.#imports = new DropImports({ drops, contents, jobs: this.#jobs, intake, limit: this.#limit });
  }

  find(path: DavPath): DavEntry | undefined {
    if (path.length === 0) return this.#root();
    const entry = this.#entry(path);
    if (entry !== undefined) return toDav(entry);
    if (!this.#isCategory(path)) return this.#report(path);
    const { createdAt } = this.#root();
    return folder(path[0] as string, { createdAt, modifiedAt: createdAt });
  }

  list(path: DavPath, after: string | undefined, limit: number): readonly DavEntry[] {
    const { drops } = this.#catalog;
    const own = drops.list(path.join("/"), after, limit);
    const before = after === undefined ? [] : nzbsBefore(after).flatMap((name) => this.#entry([...path, name]) ?? []);
    const others = [...before, ...own].flatMap((entry) => dropReport(entry, this.#jobs.get(entry.job)) ?? []);
    if (path.length === 0) others.push(...this.#categories());
    return mergedPage(own.map(toDav), others, { after, limit });
  }

  async *read(path: DavPath, range: ByteRange, cancel: Cancel): AsyncGenerator<Uint8Array, void, undefined> {
    const entry = this.#entry(path);
    if (entry?.kind === "file") {
      yield* storedBytes(this.#catalog.contents, { id: entry.id, range }, cancel);
      return;
    }
    const content = this.#report(path)?.content;
    if (content === undefined) throw missing(path);
    yield content.subarray(range.start, range.end);
  }

  /** Rejects with what the intake says about an NZB, which then is not kept; a text beside it says the same. */
  async put(path: DavPath, request: PutRequest): Promise<"created" | "replaced"> {
    const { drops, contents } = this.#catalog;
    const there = this.find(path);
    if (there?.kind === "collection") throw new CatalogError("PATH_TAKEN", `/${path.join("/")} is a folder`);
    this.#requireWritable(path);
    this.#makeParent(path);
    if (isNzbName(path.at(-1) as string)) return this.#imports.put(path, request);
    using content = await receive(contents, request, this.#limit);
    return drops.putSidecar(path.join("/"), content);
  }

  makeCollection(path: DavPath): void {
    if (this.find(path) !== undefined) throw new CatalogError("PATH_TAKEN", `/${path.join("/")} is there already`);
    this.#makeParent(path);
    this.#catalog.drops.makeFolder(path.join("/"));
  }

  remove(path: DavPath): void {
    const { drops } = this.#catalog;
    this.#requireMovable(path);
    if (this.#entry(path) === undefined) {
      this.#dismiss(path);
      return;
    }
    const unwanted = this.#jobsBelow(path);
    drops.remove(path.join("/"));
    this.#jobs.abandon(unwanted);
  }

  move(from: DavPath, to: DavPath): void | Promise<void> {
    this.#requireMovable(from);
    const entry = this.#source(from);
    this.#prepareTarget(to);
    const place = () => this.#catalog.drops.move(from.join("/"), to.join("/"));
    return this.#place(entry, { from, to, place, leaves: entry.job });
  }

  /** What is in a folder was imported when it was put there: its copies are not. */
  copy(from: DavPath, to: DavPath, depth: "0" | "infinity"): void | Promise<void> {
    if (this.#isCategory(from)) this.#makeFolder(from);
    const entry = this.#source(from);
    this.#prepareTarget(to);
    const place = () => this.#catalog.drops.copy(from.join("/"), to.join("/"), depth);
    return this.#place(entry, { from, to, place, leaves: undefined });
  }

  patchProperties(path: DavPath, changes: readonly PropertyChange[]): void {
    if (this.#isCategory(path)) this.#makeFolder(path);
    else this.#requireWritable(path);
    const entry = this.#source(path);
    this.#catalog.drops.setProperties(path.join("/"), withChanges(entry.properties, changes));
  }

  [Symbol.dispose](): void {
    this.#jobs[Symbol.dispose]();
  }

  #place(entry: Entry, { from, to, place, leaves }: Way): void | Promise<void> {
    // An empty file waits for its content, wherever it is.
    if (entry.kind === "folder" || entry.size === 0 || !isNzbName(to.at(-1) as string)) {
      const unwanted = this.#jobsBelow(to);
      place();
      this.#jobs.abandon(unwanted);
      return;
    }
    return this.#imports.take(entry, to, () => {
      const now = this.#entry(from);
      if (now?.id !== entry.id || now.contentTag !== entry.contentTag) {
        throw new RequestError("CONFLICT", `/${from.join("/")} was changed while it was being imported`);
      }
      const unwanted = this.#jobsBelow(to);
      place();
      return leaves === undefined ? unwanted : [...unwanted, leaves];
    });
  }

  #entry(path: DavPath): Entry | undefined {
    return this.#catalog.drops.find(path.join("/"));
  }

  /** Where the categories are those of the library, a change there is one here. */
  #root(): DavEntry {
    const [own, library] = [this.#entry([]), this.#catalog.find("")];
    const createdAt = own?.createdAt ?? 0;
    return folder("", { createdAt, modifiedAt: Math.max(own?.modifiedAt ?? 0, library?.modifiedAt ?? 0) });
  }

  #categories(): readonly DavEntry[] {
    const folders = this.#catalog.list("", undefined, CATEGORY_LIMIT).filter(({ kind }) => kind === "folder");
    const names = new Set([...this.#usual, ...folders.map(({ name }) => name)]);
    const { createdAt } = this.#root();
    return [...names].map((name) => folder(name, { createdAt, modifiedAt: createdAt }));
  }

  /** Whether this folder is there whatever anybody does. A file that was there before the library got a folder of its name is none. */
  #isCategory(path: DavPath): boolean {
    const [name] = path;
    if (name === undefined || path.length > 1) return false;
    const isKnown = this.#usual.includes(name) || this.#catalog.find(name)?.kind === "folder";
    return isKnown && this.#entry(path)?.kind !== "file";
  }

  #report(path: DavPath): DavEntry | undefined {
    const name = path.at(-1);
    const nzb = name === undefined ? undefined : reportedNzb(name);
    const entry = nzb === undefined ? undefined : this.#entry([...path.slice(0, -1), nzb]);
    const report = entry && dropReport(entry, this.#jobs.get(entry.job));
    return report?.name === name ? report : undefined;
  }

  /** Deletes the text of an error, which the NZB remembers. Throws for anything else that is no row of the catalog. */
  #dismiss(path: DavPath): void {
    if (this.#report(path) === undefined) throw missing(path);
    const nzb = [...path.slice(0, -1), reportedNzb(path.at(-1) as string) as string];
    const entry = this.#source(nzb);
    const job = this.#jobs.get(entry.job);
    if (job === undefined || !isEnded(job)) throw madeText(path);
    this.#catalog.drops.setProperties(nzb.join("/"), withDismissed(entry.properties, job.id));
  }

  #source(path: DavPath): Entry {
    const entry = this.#entry(path);
    if (entry !== undefined) return entry;
    throw this.#report(path) === undefined ? missing(path) : madeText(path);
  }

  #prepareTarget(to: DavPath): void {
    this.#requireMovable(to);
    this.#requireWritable(to);
    this.#makeParent(to);
  }

  #requireWritable(path: DavPath): void {
    if (this.#entry(path) === undefined && this.#report(path) !== undefined) throw madeText(path);
  }

  #requireMovable(path: DavPath): void {
    if (!this.#isCategory(path)) return;
    throw new RequestError("FORBIDDEN", `the category ${path[0]} is always here`, {
      hint: "remove or move what is in it; a folder of the library is renamed in /library",
    });
  }

  #makeParent(path: DavPath): void {
    const parent = path.slice(0, -1);
    if (parent.length > 0 && this.#isCategory(parent)) this.#makeFolder(parent);
    else if (this.#entry(parent)?.kind !== "folder") {
      throw new CatalogError("PARENT_MISSING", `there is no folder /${parent.join("/")}`);
    }
  }

  #makeFolder(path: DavPath): void {
    if (this.#entry(path) === undefined) this.#catalog.drops.makeFolder(path.join("/"));
  }

  #jobsBelow(path: DavPath): readonly JobId[] {
    const { drops } = this.#catalog;
    const entry = this.#entry(path);
    if (entry?.kind !== "folder") return entry?.job === undefined ? [] : [entry.job];
    const found: JobId[] = [];
    const folders = [path.join("/")];
    for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
      for (let page = drops.list(at, undefined, PAGE); page.length > 0; ) {
        for (const { kind, name, job } of page) {
          if (kind === "folder") folders.push(`${at}/${name}`);
          else if (job !== undefined) found.push(job);
        }
        page = page.length < PAGE ? [] : drops.list(at, page.at(-1)?.name, PAGE);
      }
    }
    return found;
  }
}

function missing(path: DavPath): CatalogError {
  return new CatalogError("PATH_MISSING", `there is no /${path.join("/")}`);
}

function madeText(path: DavPath): RequestError {
  return new RequestError("FORBIDDEN", `${path.at(-1)} tells of an import and cannot be changed`, {
    hint: "it goes when the import is done, or when the NZB beside it is deleted",
  });
}
