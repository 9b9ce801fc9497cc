const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Bytes as `4.1 GB`. */
export function inBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** step;
  return `${step === 0 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

/** How long something takes, to the unit that matters: `42 s`, `12 min`, `3 h`, `5 d`. */
export function inTime(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / SECOND)) * SECOND;
  if (seconds < 2 * MINUTE) return `${seconds / SECOND} s`;
  if (seconds < 2 * HOUR) return `${Math.round(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.round(seconds / HOUR)} h`;
  return `${Math.round(seconds / DAY)} d`;
}

/** How long ago something was; a clock that differs from ours does not make it the future. */
export function ago(at: number, now: number): string {
  return `${inTime(now - at)} ago`;
}

/** 0 to 1 as `47 %`; 100 % is what is done. */
export function inPercent(share: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
}
