import { FormatError } from "../base/errors.ts";

/** How much one NZB may hold; whoever exceeds one of these gets NZB_TOO_LARGE with the number in the phrase. */
export interface NzbLimits {
  /** Bytes of XML after decompression. */
  readonly bytes: number;
  readonly files: number;
  /** Segments of all files together; holes between part numbers count too. */
  readonly segments: number;
  /** Bytes of one attribute value, one text, or the DOCTYPE; a whole tag may have four times as many. */
  readonly valueBytes: number;
  /** Bytes of all subjects, posters, groups and meta texts together, each counted with 32 bytes of overhead. */
  readonly textBytes: number;
  /** Elements open at once. */
  readonly depth: number;
}

export const DEFAULT_LIMITS: NzbLimits = {
  bytes: 512 * 1024 * 1024,
  files: 1_000_000,
  segments: 10_000_000,
  valueBytes: 64 * 1024,
  textBytes: 256 * 1024 * 1024,
  depth: 64,
};

/** NZB_TOO_LARGE: `what` is a plural with its unit, like "files". */
export function tooLarge(limit: number, what: string): FormatError {
  return new FormatError("NZB_TOO_LARGE", `the nzb has more than ${limit} ${what}`, {
    hint: "this is far beyond any real post; get the nzb from another indexer",
  });
}

/** NZB_MALFORMED: `phrase` says what is wrong and where. */
export function malformed(
  phrase: string,
  hint = "download the nzb again, or get it from another indexer",
): FormatError {
  return new FormatError("NZB_MALFORMED", phrase, { hint });
}
