const UNITS: Readonly<Record<string, number>> = { "": 1, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 };

/** A number of bytes, plain or with KiB, MiB or GiB. */
export const BYTE_SIZE = /^\s*(\d{1,15}(?:\.\d{1,6})?)\s*(KiB|MiB|GiB)?\s*$/i;

/** Whole bytes of `1.5GiB`, `128 MiB` or `4096`; NaN when the text is none of these. */
export function parseByteSize(text: string): number {
  const [, digits, unit = ""] = BYTE_SIZE.exec(text) ?? [];
  return digits === undefined ? Number.NaN : Math.floor(Number(digits) * (UNITS[unit.toLowerCase()] as number));
}

/** The shortest exact form: 134217728 is `128MiB`, 1000 stays `1000`. */
export function formatByteSize(bytes: number): string {
  for (const unit of ["GiB", "MiB", "KiB"]) {
    const count = bytes / (UNITS[unit.toLowerCase()] as number);
    if (count >= 1 && Number.isInteger(count)) return `${count}${unit}`;
  }
  return String(bytes);
}
