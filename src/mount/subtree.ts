import type { DavTree } from "../webdav/tree.ts";

/**
 * What stands below one folder at the root. Paths are relative to that folder; `[]` is the folder itself, whose name the root knows and
 * which nobody is asked to change.
 */
export type Subtree = Omit<DavTree, "space" | "isForTaking">;
