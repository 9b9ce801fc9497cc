import type { SegmentList } from "../base/segment-list.ts";

export interface NzbMeta {
  readonly title: string | undefined;
  readonly category: string | undefined;
  /** From `<meta type="password">`, in order, exactly as written. */
  readonly passwords: readonly string[];
  readonly tags: readonly string[];
}

export interface NzbFile {
  readonly subject: string;
  readonly poster: string;
  /** Milliseconds since 1970; undefined when the attribute is absent or nonsense. */
  readonly postedAt: number | undefined;
  readonly groups: readonly string[];
  /** The file name that the subject names; undefined when it names none. Not made safe. */
  readonly name: string | undefined;
  /** The `N` of `(1/N)` in the subject; a hint, often wrong. */
  readonly partsHint: number | undefined;
  readonly segments: SegmentList;
  /** Segments left out because their id could not be sent to a news server safely. */
  readonly rejectedIds: number;
}

/** A parsed NZB: what was posted, by which articles. Order of files as in the document. */
export interface Nzb {
  readonly meta: NzbMeta;
  readonly files: readonly NzbFile[];
  /** Hex sha256 over the message-ids in file and part order: equal for equal posts, whatever the XML around them looks like. */
  readonly digest: string;
}
