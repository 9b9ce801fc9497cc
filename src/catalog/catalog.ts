import type { MemberCipher } from "../archive/archive.ts";
import type { AppPasswordStore } from "../auth/app-passwords.ts";
import type { MessageId } from "../base/message-id.ts";
import type { SegmentList } from "../base/segment-list.ts";
import type { CompletedStore } from "./completed.ts";
import type { ContentStore } from "./contents.ts";
import type { DamageLog } from "./damage.ts";
import type { JobId, JobStore } from "./jobs.ts";
import type { LockStore } from "./lock-store.ts";
import type { StoredSettings } from "./stored-settings.ts";
import type { TrafficLog } from "./traffic.ts";
import type { Trash } from "./trash.ts";
import type { WritableTree } from "./writable-tree.ts";

export type EntryId = number & { readonly __brand: "EntryId" };
export type ReleaseId = number & { readonly __brand: "ReleaseId" };

/** A folder or file of the library. Times are milliseconds since 1970. */
export interface Entry {
  readonly id: EntryId;
  readonly kind: "folder" | "file";
  /** Last segment of the path, NFC. */
  readonly name: string;
  /** Bytes, of plaintext where the file was posted encrypted; 0 for a folder. */
  readonly size: number;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** Opaque; changes when the bytes of the file would. Empty for a folder. */
  readonly contentTag: string;
  /** Its bytes lie in the database, and it can be written anew; false for what was posted, and for folders. */
  readonly isSidecar: boolean;
  /** What clients keep with it, in a form that only they who set it know; undefined for nothing. */
  readonly properties: string | undefined;
  /** The import that this file became, in the tree of dropped files. */
  readonly job: JobId | undefined;
}

/** The article that holds one part of a posted file. */
export interface Segment {
  /** undefined: the NZB has no article for this part (a known hole). */
  readonly id: MessageId | undefined;
  /** Other articles that claim to hold the same part, to be asked after `id`. */
  readonly alternates: readonly MessageId[];
  /** Offset of the part in the posted file, as `=ypart begin` - 1 must say. */
  readonly begin: number;
  /** Decoded bytes. */
  readonly size: number;
  /** The NZB's `bytes`; a hint. */
  readonly encodedSize: number;
  /** The posted file that the part belongs to. */
  readonly post?: number;
}

/** A run of bytes of a file, `[start, end)`, that lies in one segment from byte `skip` on. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  readonly skip: number;
  readonly segment: Segment;
}

/** How the runs of a file are decrypted. */
export interface FileCipher extends MemberCipher {
  /** Bytes of the file, all of them plaintext. */
  readonly size: number;
  /** Bytes of plaintext in the runs before the file begins, below 65 536; absent: none. */
  readonly skip?: number;
}

/**
 * Where every byte of a file lies, as it was posted. Segments are decoded from the database in chunks, when first needed.
 * Of an encrypted file these are bytes of ciphertext, with what comes before the file and what pads it.
 */
export interface ExtentMap {
  readonly size: number;
  /** What makes the file of these bytes; absent: they are the file. */
  readonly cipher?: FileCipher | undefined;
  /** The extent that holds byte `offset`, 0 <= offset < size. The next one is `at(extent.end)`. */
  at(offset: number): Extent;
}

/** One posted file: its segments, and where each lies. */
export interface NewPost {
  readonly segments: SegmentList;
  /** Decoded bytes of the whole post. */
  readonly size: number;
  /** Either every part but the last has this size ... */
  readonly partSize?: number;
  /** ... or the decoded end offset of every part, one per segment. */
  readonly partEnds?: Float64Array;
}

/** Bytes `[start, end)` of `posts[post]`. */
export interface Run {
  readonly post: number;
  readonly start: number;
  readonly end: number;
}

export interface NewFile {
  /** Path inside the release, `/` between folders, every name already made safe. */
  readonly path: string;
  /** The file's bytes, in order; a plain post is one run over one whole post. None for an empty file. */
  readonly runs: readonly Run[];
  /** The bytes themselves, of a small file that was unpacked; it becomes a sidecar, and has no runs. */
  readonly content?: Uint8Array;
  /** When the runs are encrypted; they must be long enough for its size. Kept in the database, which only its owner may read. */
  readonly cipher?: FileCipher;
  readonly modifiedAt: number;
}

export interface NewRelease {
  readonly category: string;
  /** Wanted folder name, already made safe; ` (2)`, ` (3)` ... is appended when another release has it. */
  readonly name: string;
  /** `Nzb.digest`: the same post is one release. */
  readonly digest: string;
  readonly posts: readonly NewPost[];
  readonly files: readonly NewFile[];
  /** Completed in the same transaction, in which its folder of completed files appears. */
  readonly job?: JobId;
  /** Whether somebody must be told of that folder before the job counts as completed: see `CompletedFolder.isReady`. Nobody unless given. */
  readonly mustAnnounce?: true;
}

export interface AddedRelease {
  readonly id: ReleaseId;
  /** Where its folder stands: `<category>/<name>`. */
  readonly path: string;
  /** False when a release with this digest was there already; nothing was added then. */
  readonly isNew: boolean;
}

/** What the database holds: the trash until it is emptied, and dropped files, are in it. */
export interface CatalogStats {
  readonly files: number;
  readonly releases: number;
  readonly segments: number;
  readonly bytes: number;
}

/**
 * The library. Synchronous on purpose: SQLite blocks, so the type says so.
 * Paths are `a/b/c` without a leading slash, NFC; `""` is the root, whose folders are the categories.
 */
export interface Catalog extends WritableTree, Disposable {
  readonly jobs: JobStore;
  readonly damage: DamageLog;
  readonly locks: LockStore;
  readonly appPasswords: AppPasswordStore;
  /** The bytes of sidecars. */
  readonly contents: ContentStore;
  /** Where removed things of the library go. */
  readonly trash: Trash;
  /** Dropped files and their folders, apart from the library: what is removed here is gone. */
  readonly drops: WritableTree;
  /** What completed jobs show to download clients. */
  readonly completed: CompletedStore;
  readonly settings: StoredSettings;
  readonly traffic: TrafficLog;
  /** Path and size of a file by its id; undefined for whatever is not a file. */
  file(id: EntryId): { readonly path: string; readonly size: number } | undefined;
  /** The map of a posted file; kept in an LRU, so a second open costs nothing. Throws PATH_MISSING for anything else. */
  extents(file: EntryId): ExtentMap;
  /** One transaction: all of it appears, or none. */
  addRelease(release: NewRelease): AddedRelease;
  /** The release that is in the library for this digest, and where it stands: what `addRelease` would find. */
  releaseOf(digest: string): { readonly id: ReleaseId; readonly path: string } | undefined;
  /** Files of a release, and small ones that were unpacked into its folder, with their paths relative to the library root. */
  releaseFiles(release: ReleaseId): readonly { readonly path: string; readonly size: number }[];
  /** Up to `count` different segments of any posts, each with an article of a useful size, drawn at random (0 <= random() < 1). */
  sampleSegments(count: number, random: () => number): readonly Segment[];
  stats(): CatalogStats;
  /** Throws when the database cannot be written at this moment. */
  checkWritable(): void;
}
