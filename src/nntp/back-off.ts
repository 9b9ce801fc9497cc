import { errorCode } from "../base/errors.ts";

interface Schedule {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** A network that dropped may be back in a second; an account that was refused will not. */
const SCHEDULES: Readonly<Record<string, Schedule>> = {
  PROVIDER_UNREACHABLE: { firstMs: 1_000, maxMs: 60_000 },
  PROVIDER_TIMEOUT: { firstMs: 2_000, maxMs: 60_000 },
  PROVIDER_BUSY: { firstMs: 5_000, maxMs: 60_000 },
  PROVIDER_PROTOCOL: { firstMs: 5_000, maxMs: 120_000 },
  PROVIDER_AUTH: { firstMs: 30_000, maxMs: 600_000 },
};

const DEFAULT: Schedule = { firstMs: 5_000, maxMs: 60_000 };

/** How long to leave a provider alone after its nth failure in a row (n >= 1): doubling, +-25 % so that nobody marches in step. */
export function backOffMs(error: unknown, failures: number, random: () => number): number {
  const { firstMs, maxMs } = SCHEDULES[errorCode(error) ?? ""] ?? DEFAULT;
  const base = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return base * (0.75 + 0.5 * random());
}

/** How long to wait before the second try of an article at the same provider: 50 to 150 ms. */
export function retryDelayMs(random: () => number): number {
  return 50 + 100 * random();
}
