const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DELAYS_MS = [10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE];
const JITTER = 0.2;

/** How long to wait after so many failures in a row: 10 s at first, an hour at most, 20 % more or less by `random` (0 to 1). */
export function retryDelayMs(failures: number, random: number): number {
  const delay = DELAYS_MS[Math.min(Math.max(failures, 1), DELAYS_MS.length) - 1] as number;
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}
