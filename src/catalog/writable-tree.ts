import type { Entry } from "./catalog.ts";
import type { ContentWriter } from "./contents.ts";
import type { JobId } from "./jobs.ts";

/**
 * A tree of folders and files that can be changed. Paths are `a/b/c` without a leading slash, NFC; `""` is the root. Every call is one
 * transaction: all of it happens, or nothing. A folder's time changes when a name comes into it or goes, and never otherwise.
 * What changes throws PATH_MISSING, PARENT_MISSING or PATH_TAKEN, and RequestError FORBIDDEN for the root itself.
 */
export interface WritableTree {
  /** One indexed query for the whole path. */
  find(path: string): Entry | undefined;
  /** Entries of a folder by name, after `after`, at most `limit`. Empty when the path is no folder. */
  list(path: string, after: string | undefined, limit: number): readonly Entry[];
  makeFolder(path: string): void;
  /** A sidecar: new, or in place of another, of which it keeps all but bytes, tag and time. PATH_TAKEN over a folder or a posted file. */
  putSidecar(path: string, content: ContentWriter): "created" | "replaced";
  /** Keeps id, times and properties. What is at `to` is removed first, as by `remove`. FORBIDDEN when either is the other or lies in it. */
  move(from: string, to: string): void;
  /**
   * Posted bytes are referred to, not copied; so are those of sidecars. Files keep their time and tag, all keep their properties, none
   * its import. `0` copies a folder alone. What is at `to` is removed first. FORBIDDEN as for `move`, or for more than MAX_COPIED entries.
   */
  copy(from: string, to: string, depth: "0" | "infinity"): void;
  /** With everything below; out of the library into the trash, in one row's change however much it is. */
  remove(path: string): void;
  setProperties(path: string, properties: string | undefined): void;
  /** Says which import a dropped file became. PATH_MISSING for a folder. */
  setJob(path: string, job: JobId): void;
  /** Whether a file of this tree became that import. */
  hasJob(job: JobId): boolean;
}

/** Entries that one copy may make; more would hold up everybody else. */
export const MAX_COPIED = 50_000;
