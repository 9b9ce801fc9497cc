import type { FormatError } from "../base/errors.ts";
import { refusal } from "./refusals.ts";

/** The disks of a ZIP archive that was written in pieces: `.z01`, `.z02`, ..., and last `.zip` (or `.zx01` and `.zipx`). */
export interface ZipSpan {
  readonly name: string;
  /** Places in the list that was given, in order of the disks. */
  readonly disks: readonly number[];
  /** ARCHIVE_INCOMPLETE when one is missing. */
  readonly trouble: FormatError | undefined;
}

const DISK = /^(.+)\.z(x?)(\d{2,4})$/is;

/** The spanned archives among files of these names. */
export function findZipSpans(names: readonly string[]): readonly ZipSpan[] {
  const spans = new Map<string, Map<number, number>>();
  const ends = new Map(names.map((name, index) => [name.toLowerCase(), index]));
  names.forEach((name, index) => {
    const [, base, x, digits] = DISK.exec(name) ?? [];
    if (base === undefined) return;
    const end = `${base}.zip${x}`;
    const disks = spans.get(end) ?? new Map<number, number>();
    spans.set(end, disks);
    disks.set(Number(digits), index);
  });
  return [...spans].map(([name, disks]) => {
    const last = ends.get(name.toLowerCase());
    const order = [...disks.keys()].sort((a, b) => a - b);
    const gap = order.findIndex((number, index) => number !== index + 1);
    const missing = gap >= 0 ? name.replace(/ip(x?)$/i, `$1${String(gap + 1).padStart(2, "0")}`) : name;
    const isWhole = gap < 0 && last !== undefined;
    return {
      name,
      disks: [...order.map((number) => disks.get(number) as number), ...(last === undefined ? [] : [last])],
      trouble: isWhole
        ? undefined
        : refusal("ARCHIVE_INCOMPLETE", `"${missing}" is missing from the zip archive "${name}"`),
    };
  });
}
