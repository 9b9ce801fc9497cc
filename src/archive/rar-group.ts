import { headLink, type Listed, tailLink } from "./rar-listed.ts";
import { incomplete } from "./refusals.ts";

/** Sets of volumes that belong together, not yet in order; and second copies of volumes, which are not needed. */
export interface RarGroups {
  readonly groups: readonly (readonly Listed[])[];
  readonly twins: readonly Listed[];
}

/** Beyond this many groups there is nothing to be repaired by guessing. */
const MAX_GROUPS_TO_MEND = 2000;
/** Fewer bytes than this behind what was read are no header of RAR4. */
const MIN_HEADER_BYTES = 7;

/**
 * Parts a bag of volumes into sets by what their headers share: a member that goes on from one volume in the next, else the names. Two
 * sets that look alike (one inner name, one size) are told apart by names, volume numbers and sizes, and at last by the order given.
 */
export function groupVolumes(all: readonly Listed[]): RarGroups {
  const { unique, twins } = withoutTwins(all);
  const singles = unique.filter(({ rar }) => !rar.isVolume).map((volume) => [volume]);
  const linked = connected(unique.filter(({ rar }) => rar.isVolume));
  return { groups: [...singles, ...mended(linked.flatMap(untangled)).map(withLostEnds)], twins };
}

/**
 * Volumes that are the same in every header and checksum: posted twice. The first one stays. Volumes in the midst of a member that has long
 * runs of equal bytes, as disc images do, are the same by nature: without a number of their own they count as copies only where other
 * volumes were posted twice, too.
 */
function withoutTwins(all: readonly Listed[]): { unique: Listed[]; twins: Listed[] } {
  const seen = new Map<string, Set<number | undefined>>();
  const copies = new Set<Listed>();
  for (const volume of all) {
    const { rar, place, fileSize } = volume;
    const isKnown = rar.parts.some(({ data, crc32 }) => crc32 && data.end > data.start);
    const number = rar.number ?? place?.ordinal;
    const fingerprint = JSON.stringify([rar.format, fileSize, rar.parts]);
    const numbers = seen.get(fingerprint) ?? new Set();
    // The number of a copy may be unread when that of the volume itself is known.
    if (isKnown && (numbers.has(number) || (number === undefined && numbers.size > 0))) copies.add(volume);
    seen.set(fingerprint, numbers.add(number));
  }
  const isRepost = [...copies].some((volume) => !isNameless(volume));
  const isTwin = (volume: Listed) => copies.has(volume) && (isRepost || !isNameless(volume));
  return { unique: all.filter((volume) => !isTwin(volume)), twins: all.filter(isTwin) };
}

/** Nothing but the bytes of a member that goes on on both sides. */
function isNameless({ rar, place }: Listed): boolean {
  const [part, another] = rar.parts;
  const isMiddle = another === undefined && part !== undefined && part.continuedFrom && part.continuesIn;
  return isMiddle && rar.number === undefined && place === undefined;
}

function connected(volumes: readonly Listed[]): Listed[][] {
  const parent = new Map<Listed, Listed>(volumes.map((volume) => [volume, volume]));
  const root = (volume: Listed): Listed => {
    let at = volume;
    for (let up = parent.get(at) as Listed; up !== at; up = parent.get(at) as Listed) {
      parent.set(at, parent.get(up) as Listed);
      at = up;
    }
    return at;
  };
  const first = new Map<string, Listed>();
  const join = (key: string, volume: Listed) => {
    const other = first.get(key);
    if (other) parent.set(root(volume), root(other));
    else first.set(key, volume);
  };
  for (const volume of volumes) {
    for (const link of [headLink(volume), tailLink(volume)]) {
      if (link !== undefined) join(`${kindOf(volume)} member ${link}`, volume);
    }
    if (volume.place) join(`${kindOf(volume)} name ${volume.place.series}`, volume);
  }
  return groupBy(volumes, root);
}

/** Splits what links alone cannot tell apart: more than one beginning, or one number or name twice. */
function untangled(group: Listed[]): Listed[][] {
  if (!isTangled(group)) return [group];
  const bySeries = groupBy(group, ({ place }) => place?.series);
  if (bySeries.length > 1 && !bySeries.some(isTangled)) return bySeries;
  return dealt(group);
}

function isTangled(group: readonly Listed[]): boolean {
  const numbers = group.map(({ rar }) => rar.number).filter((number) => number !== undefined);
  const places = group.filter(({ place }) => place).map(({ place }) => `${place?.ordinal} ${place?.series}`);
  const beginnings = group.filter(({ rar }) => rar.isFirst).length;
  return beginnings > 1 || new Set(numbers).size < numbers.length || new Set(places).size < places.length;
}

interface Hand {
  readonly volumes: Listed[];
  readonly numbers: Set<number | undefined>;
}

/** Deals volumes by number to as many sets as there are beginnings, each to the set that it fits best. */
function dealt(group: readonly Listed[]): Listed[][] {
  const hands: Hand[] = [];
  const sorted = [...group].sort(
    (a, b) => (a.rar.number ?? Infinity) - (b.rar.number ?? Infinity) || a.index - b.index,
  );
  for (const volume of sorted) {
    const { number, isFirst } = volume.rar;
    let best: Hand | undefined;
    let bestFit = -1;
    for (const hand of hands) {
      const isTaken = number === undefined ? isFirst : hand.numbers.has(number);
      const fit = isTaken ? -1 : fitOf(volume, hand.volumes);
      if (fit > bestFit) [best, bestFit] = [hand, fit];
    }
    if (best) {
      best.volumes.push(volume);
      best.numbers.add(number);
    } else {
      hands.push({ volumes: [volume], numbers: new Set([number]) });
    }
  }
  return hands.map(({ volumes }) => volumes);
}

function fitOf(volume: Listed, hand: readonly Listed[]): number {
  const first = hand[0] as Listed;
  const last = hand.at(-1) as Listed;
  const isAsLarge = volume.rar.hasNext ? volume.fileSize === first.fileSize : volume.fileSize <= first.fileSize;
  const goesOn = tailLink(last) === headLink(volume);
  return (isAsLarge ? 2 : 0) + (goesOn ? 1 : 0);
}

/** A missing volume may cut a set in two: puts the end behind the only beginning that it can belong to. */
function mended(groups: readonly Listed[][]): Listed[][] {
  if (groups.length > MAX_GROUPS_TO_MEND) return [...groups];
  const whole = groups.filter(hasBeginning).map((group) => [...group]);
  const strays: Listed[][] = [];
  const byNumber = groups.filter((group) => !hasBeginning(group)).sort((a, b) => lowest(a) - lowest(b));
  for (const stray of byNumber) {
    const candidates = whole.filter((group) => canBelong(stray, group));
    if (candidates.length === 1) candidates[0]?.push(...stray);
    else strays.push(stray);
  }
  return [...whole, ...strays];
}

/**
 * RAR4 writes a volume's number into its end block only. The one volume whose end block is lost has the only number that nobody else
 * has. Without numbers, where a volume goes on in the next one is lost with its end, and with it the proof of the order by names.
 */
function withLostEnds(group: Listed[]): Listed[] {
  if (group[0]?.rar.format !== 4) return group;
  const numbers = new Set(group.map(({ rar }) => rar.number));
  const unnumbered = group.filter(({ rar }) => rar.number === undefined);
  const free = group.flatMap((_, number) => (numbers.has(number) ? [] : [number]));
  const [lost, number] = [unnumbered[0], free[0]];
  if (group.length > 1 && lost && unnumbered.length === 1 && free.length === 1) {
    return group.map((one) => (one === lost ? { ...one, rar: { ...one.rar, number } } : one));
  }
  return group.map((one) => (isCutInside(one, group) ? { ...one, rar: { ...one.rar, damage: lostEnd(one) } } : one));
}

/** Not read to its end, and by its name not the last one. */
function isCutInside({ rar, fileSize, place }: Listed, group: readonly Listed[]): boolean {
  const isCut = !(rar.hasNext || rar.hasEndBlock || rar.damage) && fileSize - rar.restAt >= MIN_HEADER_BYTES;
  if (!isCut || place === undefined) return false;
  return group.some((other) => other.place?.series === place.series && other.place.ordinal > place.ordinal);
}

function lostEnd({ name }: Listed) {
  return incomplete(`the last headers of the rar volume "${name}" are lost, and there are volumes behind it`);
}

function hasBeginning(group: readonly Listed[]): boolean {
  return group.some(({ rar }) => rar.isFirst) || lowest(group) === 0;
}

function lowest(group: readonly Listed[]): number {
  return group.reduce((least, { rar }) => Math.min(least, rar.number ?? Infinity), Infinity);
}

function canBelong(stray: readonly Listed[], group: readonly Listed[]): boolean {
  const [one, other] = [stray[0] as Listed, group[0] as Listed];
  if (kindOf(one) !== kindOf(other)) return false;
  const numbers = new Set(group.map(({ rar }) => rar.number));
  if (stray.some(({ rar }) => rar.number !== undefined && numbers.has(rar.number))) return false;
  // What ends is whole, unless a number in its midst is missing.
  const isOpen = !group.some(({ rar }) => !rar.hasNext && rar.hasEndBlock);
  const highest = Math.max(...group.map(({ rar }) => rar.number ?? -1));
  return isOpen || highest >= group.length;
}

function kindOf({ rar }: Listed): string {
  return `${rar.format} ${rar.encryptedHeaders} ${rar.isSolid}`;
}

function groupBy<K>(volumes: readonly Listed[], keyOf: (volume: Listed) => K): Listed[][] {
  const groups = new Map<K, Listed[]>();
  for (const volume of volumes) {
    const key = keyOf(volume);
    const group = groups.get(key);
    if (group) group.push(volume);
    else groups.set(key, [volume]);
  }
  return [...groups.values()];
}
