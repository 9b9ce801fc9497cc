import { createHash } from "node:crypto";
import type { Par2File, Par2Set } from "./recovery-sets.ts";

/** How much of a file its short digest covers. */
const HEAD_BYTES = 16_384;

/** The digest in hex that PAR2 knows a file by, of its first 16,384 bytes or of all of it. */
export function md5Of16k(head: Uint8Array): string {
  return createHash("md5").update(head.subarray(0, HEAD_BYTES)).digest("hex");
}

/** A posted file, whatever it is called there. */
export interface PostedFile {
  readonly name: string;
  /** As the function of this name makes it. */
  readonly md5Of16k: string;
  /** Undefined while it is not known for sure. */
  readonly size: number | undefined;
}

/** What recovery sets say of a posted file. */
export interface Par2Match {
  readonly set: string;
  readonly file: Par2File;
  /** `whole`: it is that file. `beginning`: it is only the first piece of it, as when the pieces of a split were posted. */
  readonly as: "whole" | "beginning";
}

/**
 * What posted files are really called, one answer for each; undefined for those that no set describes, and for those that several
 * descriptions with different names fit. Compares the first 16 KiB and the size: that a file matches does not say that it is intact.
 */
export function matchPar2(sets: readonly Par2Set[], posted: readonly PostedFile[]): readonly (Par2Match | undefined)[] {
  const described = new Map<string, { readonly set: string; readonly file: Par2File }[]>();
  for (const { id: set, files } of sets) {
    for (const file of files) {
      const same = described.get(file.md5Of16k) ?? [];
      described.set(file.md5Of16k, same);
      same.push({ set, file });
    }
  }
  if (described.size === 0) return posted.map(() => undefined);
  return posted.map(({ name, md5Of16k: digest, size }) => {
    const candidates = described.get(digest) ?? [];
    const whole = candidates.filter(({ file }) => size === undefined || file.size === size);
    if (whole.length > 0) {
      const found = theOne(whole, name);
      return found && { ...found, as: "whole" };
    }
    const found = theOne(
      candidates.filter(({ file }) => size !== undefined && size >= HEAD_BYTES && file.size > size),
      name,
    );
    return found && { ...found, as: "beginning" };
  });
}

/** Several sets may describe one file alike; of different names only the posted one itself is no guess. */
function theOne<T extends { readonly file: Par2File }>(candidates: readonly T[], name: string): T | undefined {
  const names = new Set(candidates.map(({ file }) => file.name));
  return names.size > 1 ? candidates.find(({ file }) => file.name === name) : candidates[0];
}
