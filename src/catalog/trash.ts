import type { Entry, EntryId } from "./catalog.ts";

/** Something that was removed from the library, with everything in it. */
export interface TrashedItem {
  readonly id: EntryId;
  readonly kind: Entry["kind"];
  /** Where it stood. */
  readonly path: string;
  /** Bytes of a file; 0 for a folder. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly removedAt: number;
}

/** What was removed from the library, until it is purged. Each call is one transaction. */
export interface Trash {
  /** Latest removed first, keyset paging by `after` = the last item of the page before. */
  list(page: {
    readonly after?: Pick<TrashedItem, "id" | "removedAt">;
    readonly limit: number;
  }): readonly TrashedItem[];
  /**
   * Puts an item back where it stood, making folders that are gone; under another name (` (2)`) if its own is taken. Returns its
   * path. Throws PATH_MISSING when the trash has no such item.
   */
  restore(id: EntryId): string;
  /**
   * Deletes an item for good, up to `limit` rows at a time, so that nobody waits for long. Returns whether there is more of it. From the
   * first step on it cannot be listed or restored; `oldest` finds one that was left half-way before all others.
   */
  purge(id: EntryId, limit: number): boolean;
  /** An item that was removed before this time, the earliest first. */
  oldest(removedBefore: number): TrashedItem | undefined;
}
