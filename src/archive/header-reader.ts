import { FormatError } from "../base/errors.ts";
import type { Cancel, SeekableFile } from "../base/seekable-file.ts";

/** What reading the headers of one import may cost, shared by all its volumes; hostile archives run into it. */
export interface HeaderBudget {
  /** Bytes and reads that are left. */
  bytes: number;
  reads: number;
}

/** Reads small pieces of a file that headers lie in. */
export interface HeaderReader {
  readonly size: number;
  /** Exactly `[at, at + length)`, in memory of its own. Throws ARCHIVE_MALFORMED outside of the file and beyond the budget. */
  bytes(at: number, length: number): Promise<Buffer>;
}

export function headerReader(file: SeekableFile, budget: HeaderBudget, { signal }: Cancel): HeaderReader {
  return {
    size: file.size,
    async bytes(at, length) {
      const end = at + length;
      if (!Number.isSafeInteger(at) || !Number.isSafeInteger(length) || at < 0 || length < 0 || end > file.size) {
        throw malformed("a header points outside of the file");
      }
      budget.bytes -= length;
      budget.reads -= 1;
      if (budget.bytes < 0 || budget.reads < 0)
        throw malformed("its headers are larger than those of any real archive");
      const whole = Buffer.allocUnsafe(length);
      let filled = 0;
      for await (const chunk of file.read({ start: at, end }, { signal })) {
        whole.set(chunk, filled);
        filled += chunk.length;
      }
      return whole;
    },
  };
}

function malformed(why: string): FormatError {
  return new FormatError("ARCHIVE_MALFORMED", `the archive cannot be read: ${why}`, {
    hint: "the post is damaged or hostile: get another one",
  });
}
