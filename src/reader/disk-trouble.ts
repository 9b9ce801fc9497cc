import { AppError, errorCode, errorMessage } from "../base/errors.ts";
import type { Trouble } from "./disk-pause.ts";

const RETRY_MS = 60_000;
const SLOW_MS = 10_000;
/** Until the next look at the free space. */
const LOW_MS = 5_000;

export const NEARLY_FULL: Trouble = {
  kind: "nearly full",
  because: "the disk is nearly full",
  hint: "make room on the disk, or lower the budget of the disk cache",
  ms: LOW_MS,
};

export const SLOW: Trouble = {
  kind: "slow",
  because: "the disk is too slow at present",
  hint: "if this comes often, put the disk cache on a faster disk",
  ms: SLOW_MS,
};

export const ELSEWHERE: Trouble = {
  kind: "elsewhere",
  because: "another disk is mounted at its folder now",
  hint: "mount the disk of the cache again, or restart to begin an empty cache on the other one",
  ms: RETRY_MS,
};

const KNOWN: readonly { readonly codes: RegExp; readonly because: string; readonly hint: string }[] = [
  {
    codes: /^(ENOSPC|EDQUOT|SQLITE_FULL)$/,
    because: "the disk is full",
    hint: "make room on the disk, or lower the budget of the disk cache",
  },
  {
    codes: /^(EROFS|SQLITE_READONLY(?!_DBMOVED).*)$/,
    because: "the disk may only be read",
    hint: "mount it writable; after a disk error the system log says more",
  },
  {
    codes: /^(EACCES|EPERM|SQLITE_CANTOPEN.*|SQLITE_PERM)$/,
    because: "its folder may not be written",
    hint: "let the user that runs Newsreel own the folder and everything in it",
  },
  {
    codes: /^(EIO|SQLITE_IOERR.*)$/,
    because: "the disk answered with an error",
    hint: "check the disk and the system log",
  },
];

/** What an error of the disk or of the index means for the operator. */
export function troubleFrom(error: unknown): Trouble {
  if (error instanceof AppError) {
    return { kind: error.message, because: error.message, hint: error.hint ?? "", ms: RETRY_MS };
  }
  const code = errorCode(error) ?? "";
  const known = KNOWN.find(({ codes }) => codes.test(code));
  if (known !== undefined) return { kind: known.because, because: known.because, hint: known.hint, ms: RETRY_MS };
  const because = `it cannot be written: ${errorMessage(error)}`;
  return { kind: code, because, hint: "check its folder and the system log", ms: RETRY_MS };
}
