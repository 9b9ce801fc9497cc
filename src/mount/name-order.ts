import type { DavEntry } from "../webdav/tree.ts";

const SURROGATE = /[\ud800-\udfff]/;

/** Compares as the catalog lists: by UTF-8 bytes, which is not the order of UTF-16 units where one of them is a surrogate. */
export function compareNames(a: string, b: string): number {
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : Number(a > b);
}

/**
 * One page out of two sources. `own` is in order and holds all that follow `after`, or `limit` of them; `others` is in no order, and may
 * hold names that do not follow. Where both have a name, it is the one in `own`.
 */
export function mergedPage(
  own: readonly DavEntry[],
  others: readonly DavEntry[],
  page: { readonly after: string | undefined; readonly limit: number },
): readonly DavEntry[] {
  const { after, limit } = page;
  const taken = new Set(own.map(({ name }) => name));
  const more = others
    .filter(({ name }) => !taken.has(name) && (after === undefined || compareNames(name, after) > 0))
    .sort((a, b) => compareNames(a.name, b.name));
  if (more.length === 0) return own;
  const merged: DavEntry[] = [];
  let next = 0;
  for (const entry of own) {
    for (let other = more[next]; other !== undefined && compareNames(other.name, entry.name) < 0; other = more[next]) {
      merged.push(other);
      next += 1;
    }
    merged.push(entry);
  }
  return [...merged, ...more.slice(next)].slice(0, limit);
}
