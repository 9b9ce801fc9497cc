import type { ByteRange } from "../base/byte-range.ts";
import type { DavPath, ReadContext } from "./tree.ts";

/** How the body of one GET went; for one line in the log. */
export interface Served {
  readonly path: DavPath;
  readonly range: ByteRange;
  readonly size: number;
  readonly status: number;
  readonly client: ReadContext["client"];
  /** Body bytes that the kernel took. */
  readonly bytesSent: number;
  readonly durationMs: number;
  /** From the request to the first bytes of the file; undefined when there were none. */
  readonly ttfbMs: number | undefined;
  /** `aborted`: the client left. `failed`: the tree could not give the bytes. */
  readonly outcome: "complete" | "aborted" | "failed";
  readonly error?: unknown;
}
