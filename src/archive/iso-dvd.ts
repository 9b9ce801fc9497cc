import type { StoredMember } from "./archive.ts";

/** Packs of a program stream on a DVD have this size, so that whole files of them can be joined. */
const PACK_BYTES = 2048;

/**
 * The files of a DVD-Video's main feature, to be joined in this order: `VTS_nn_1.VOB` to the last of the title set that has the most bytes
 * of film. Works on any list of members. Undefined when there is none, or when one of its files is not there or cut short.
 */
export function dvdFeature(members: readonly StoredMember[]): readonly StoredMember[] | undefined {
  const titleSets = new Map<string, Map<number, StoredMember>>();
  for (const member of members) {
    const found = /^((?:.*\/)?VTS_\d\d)_([1-9])\.VOB$/i.exec(member.path);
    if (found === null) continue;
    const titleSet = (found[1] as string).toUpperCase();
    const parts = titleSets.get(titleSet) ?? new Map<number, StoredMember>();
    parts.set(Number(found[2]), member);
    titleSets.set(titleSet, parts);
  }
  let largest: StoredMember[] | undefined;
  for (const parts of titleSets.values()) {
    const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, member]) => member);
    if (largest === undefined || bytesOf(inOrder) > bytesOf(largest)) largest = inOrder;
  }
  if (largest === undefined) return undefined;
  const isWhole = largest.every(
    ({ path, size }, index) => path.at(-5) === String(index + 1) && size % PACK_BYTES === 0,
  );
  return isWhole && bytesOf(largest) > 0 ? largest : undefined;
}

function bytesOf(members: readonly StoredMember[]): number {
  return members.reduce((sum, { size }) => sum + size, 0);
}
