import { AppError, errorCode, errorMessage, ProviderError } from "../base/errors.ts";
import type { JobPatch } from "../catalog/jobs.ts";
import { retryDelayMs } from "./retry-delay.ts";

/** What a job has gone through since somebody wanted it. */
export interface Past {
  /** Times that it waited for trouble to pass. */
  readonly troubles: number;
  /** Whether it has waited for missing articles to turn up. */
  readonly hasLooked: boolean;
}

export const NO_PAST: Past = { troubles: 0, hasLooked: false };

export interface VerdictContext {
  readonly past: Past;
  /** After so long missing articles are looked for once more; 0 for never. */
  readonly secondLookMs: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** 0 to 1; spreads the retries of jobs. */
  readonly random: number;
}

export interface Verdict {
  readonly patch: JobPatch;
  /** What the log says. */
  readonly message: "import failed" | "import waits";
  /** A defect of the program, not of the post. */
  readonly isUnforeseen: boolean;
  /** The job's past from now on; undefined when it has failed. */
  readonly past: Past | undefined;
}

/**
 * What becomes of a job whose run ended with an error. Trouble that says nothing about the post is waited out for as long as it takes;
 * articles that nobody has are looked for once more, since servers pass posts on to each other for a while; everything else is final.
 */
export function verdictOn(error: unknown, { past, secondLookMs, now, random }: VerdictContext): Verdict {
  const text = errorMessage(error);
  const hint = error instanceof AppError && error.hint !== undefined ? { hint: error.hint } : {};
  const waits = (delayMs: number, what: string, next: Past): Verdict => ({
    patch: {
      state: "waiting",
      reason: `${text}; ${what} in ${inWords(delayMs)}`,
      notBefore: Math.round(now + delayMs),
      ...hint,
    },
    message: "import waits",
    isUnforeseen: false,
    past: next,
  });
  if (isPassing(error)) {
    const troubles = past.troubles + 1;
    return waits(retryDelayMs(troubles, random), "next try", { ...past, troubles });
  }
  if (errorCode(error) === "ARTICLE_MISSING" && secondLookMs > 0 && !past.hasLooked) {
    return waits(secondLookMs, "looked for once more", { ...past, hasLooked: true });
  }
  const code = error instanceof AppError ? { errorCode: error.code } : {};
  return {
    patch: { state: "failed", error: text, ...code, ...hint },
    message: "import failed",
    isUnforeseen: !(error instanceof AppError),
    past: undefined,
  };
}

/** Trouble that says nothing about the post, and goes away, or is made to. */
function isPassing(error: unknown): boolean {
  const code = errorCode(error);
  return error instanceof ProviderError || code === "DISK_FULL" || code === "CATALOG_UNUSABLE";
}

function inWords(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
