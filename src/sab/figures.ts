const KIBI = 1024;
const MEBI = KIBI * KIBI;
const GIBI = MEBI * KIBI;
const UNITS = ["", "K", "M", "G", "T", "P"];
/** Clients keep hours in 32 bits; nobody waits longer than this. */
const MAX_SECONDS = 999 * 86_400;

/** `1277.65`, as every size is told that clients count with. */
export function megabytes(bytes: number): string {
  return (bytes / MEBI).toFixed(2);
}

/** `931.51`, as space on a disk is told. */
export function gigabytes(bytes: number): string {
  return (bytes / GIBI).toFixed(2);
}

/** `42188.80`, as the speed is told. */
export function kilobytes(bytes: number): string {
  return (bytes / KIBI).toFixed(2);
}

/** For people: `1.2 GB`, `894.4 MB`, `512 B`; without the postfix `41.2 M` and `0 `. */
export function inUnits(bytes: number, postfix: "B" | ""): string {
  let value = bytes;
  let unit = 0;
  while (value >= KIBI - 0.5 && unit < UNITS.length - 1) {
    value /= KIBI;
    unit += 1;
  }
  return `${value.toFixed(unit > 1 ? 1 : 0)} ${UNITS[unit]}${postfix}`;
}

/** `H:MM:SS`, from one day on `D:HH:MM:SS`; `0:00:00` where nobody knows. */
export function timeLeft(ms: number | undefined): string {
  const total = ms === undefined || !(ms > 0) ? 0 : Math.min(MAX_SECONDS, Math.ceil(ms / 1000));
  const [days, hours] = [Math.floor(total / 86_400), Math.floor(total / 3600) % 24];
  const rest = [Math.floor(total / 60) % 60, total % 60].map(twoDigits).join(":");
  return days > 0 ? `${days}:${twoDigits(hours)}:${rest}` : `${hours}:${rest}`;
}

/** `12d`, `3h` or `5m`. */
export function age(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000));
  if (minutes >= 1440) return `${Math.floor(minutes / 1440)}d`;
  return minutes >= 60 ? `${Math.floor(minutes / 60)}h` : `${minutes}m`;
}

/** Whole seconds since 1970. */
export function unixTime(ms: number): number {
  return Math.floor(ms / 1000);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
