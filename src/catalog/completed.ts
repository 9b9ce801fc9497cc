import type { EntryId } from "./catalog.ts";
import type { JobId } from "./jobs.ts";

/** What a completed job shows to download clients: a folder of its own that refers to files of the library. */
export interface CompletedFolder {
  readonly job: JobId;
  readonly category: string;
  /** The job's name, with ` (2)` and so on where another folder of the category has it. */
  readonly name: string;
  readonly createdAt: number;
  /** Whether everybody was told who must know before the job counts as completed. */
  readonly isReady: boolean;
}

/** A file or folder in it. */
export interface CompletedEntry {
  /** From the completed folder on, `/` between names. */
  readonly path: string;
  /** The library's file; undefined for a folder. */
  readonly file:
    | undefined
    | {
        readonly id: EntryId;
        readonly size: number;
        readonly createdAt: number;
        readonly modifiedAt: number;
        readonly contentTag: string;
        readonly isSidecar: boolean;
        /** Where it stands in the library at this moment: `category/release/file`. */
        readonly libraryPath: string;
      };
}

/**
 * `completed/<category>/<job>/...`. A folder appears in the transaction that completes its job, with all files that stand below the
 * release's folder then (or, where that is gone, its posted files). Whatever is removed here leaves the library alone; a file that leaves
 * the library is no longer listed here. Each call is one transaction.
 */
export interface CompletedStore {
  /** Those with a folder, in order. */
  categories(): readonly string[];
  find(category: string, name: string): CompletedFolder | undefined;
  ofJob(job: JobId): CompletedFolder | undefined;
  /** Folders of a category by name, after `after`. */
  list(category: string, after: string | undefined, limit: number): readonly CompletedFolder[];
  entry(job: JobId, path: string): CompletedEntry | undefined;
  /** What stands directly in a folder (`""`: the completed folder itself) by name, after `after`. */
  entries(job: JobId, path: string, after: string | undefined, limit: number): readonly CompletedEntry[];
  /** All files, at any depth. */
  files(job: JobId): readonly CompletedEntry[];
  /** The whole folder. False when there was none. */
  remove(job: JobId): boolean;
  /** Changes whenever a folder may have been taken away, by whomever. */
  readonly removals: number;
  /** A file, or a folder with everything below. False when there was none. */
  removeEntry(job: JobId, path: string): boolean;
  setReady(job: JobId): void;
  /** Oldest first. */
  unready(limit: number): readonly CompletedFolder[];
}
