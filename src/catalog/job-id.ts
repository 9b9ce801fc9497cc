import { randomInt } from "node:crypto";
import type { JobId } from "./jobs.ts";

const TIME_DIGITS = 9;
const RANDOM_DIGITS = 6;

/**
 * Makes ids that sort by creation: milliseconds since 1970 in nine base-36 digits, then six random ones. Each is later than
 * the one before it, `last` being the newest in the database, even when the clock stands still or goes back.
 */
export function jobIds(last: string | undefined): (now: number) => JobId {
  let latest = last === undefined ? 0 : timeOfJobId(last);
  return (now) => {
    latest = Math.max(Math.floor(now), latest + 1);
    return (base36(latest, TIME_DIGITS) + base36(randomInt(36 ** RANDOM_DIGITS), RANDOM_DIGITS)) as JobId;
  };
}

/** When the job was made, milliseconds since 1970; no two jobs have the same. */
export function timeOfJobId(id: string): number {
  return Number.parseInt(id.slice(0, TIME_DIGITS), 36);
}

function base36(value: number, digits: number): string {
  return value.toString(36).padStart(digits, "0");
}
