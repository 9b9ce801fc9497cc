import { headLink, type Listed, tailLink } from "./rar-listed.ts";

/** A volume and its place in the set, from 0; places that nobody has are missing volumes. */
export interface Placed {
  readonly volume: Listed;
  readonly at: number;
}

export interface RarOrder {
  readonly placed: readonly Placed[];
  /** What told the order: numbers in headers, names, members that go on, or only the order in which they were given. */
  readonly by: "number" | "name" | "continuity" | "given";
}

/** Puts the volumes of one set in order. */
export function orderVolumes(group: readonly Listed[]): RarOrder {
  if (group.length > 1 || group[0]?.rar.number !== undefined) {
    const numbered = byKnown(group, ({ rar }) => rar.number);
    if (numbered) return { placed: numbered, by: "number" };
    const named = byName(group);
    if (named && agrees(named)) return { placed: named, by: "name" };
  }
  return byContinuity(group);
}

function byKnown(group: readonly Listed[], placeOf: (volume: Listed) => number | undefined): Placed[] | undefined {
  const placed: Placed[] = [];
  for (const volume of group) {
    const at = placeOf(volume);
    if (at === undefined) return undefined;
    placed.push({ volume, at });
  }
  placed.sort((a, b) => a.at - b.at || a.volume.index - b.volume.index);
  return placed.some(({ at }, i) => at === placed[i + 1]?.at) ? undefined : placed;
}

function byName(group: readonly Listed[]): Placed[] | undefined {
  const series = group[0]?.place?.series;
  if (group.some(({ place }) => place?.series !== series)) return undefined;
  const placed = byKnown(group, ({ place }) => place?.ordinal);
  const first = placed?.[0];
  if (!first) return undefined;
  // A numbering may begin anywhere; it begins with the volume that begins.
  const offset = first.volume.place?.startsAtZero ? 0 : first.at - (headLink(first.volume) ? 1 : 0);
  return placed.map(({ volume, at }) => ({ volume, at: at - offset }));
}

/** Whether an order agrees with all that headers do say. */
function agrees(placed: readonly Placed[]): boolean {
  return placed.every(({ volume, at }, i) => {
    const next = placed[i + 1];
    if (volume.rar.number !== undefined && volume.rar.number !== at) return false;
    if (volume.rar.isFirst && at !== 0) return false;
    return next?.at !== at + 1 || tailLink(volume) === headLink(next.volume);
  });
}

/** Starts with the volume that begins, and goes on with whatever goes on. */
function byContinuity(group: readonly Listed[]): RarOrder {
  const waiting = new Map<string | undefined, Listed[]>();
  for (const volume of group) {
    const link = headLink(volume);
    const queue = waiting.get(link);
    if (queue) queue.push(volume);
    else waiting.set(link, [volume]);
  }
  // A volume that the same member passes through comes before the one in which it ends.
  for (const [link, queue] of waiting) queue.sort((a, b) => rank(a, link) - rank(b, link) || a.index - b.index);
  const placed: Placed[] = [];
  let isSure = true;
  const take = (volume: Listed) => {
    const queue = waiting.get(headLink(volume)) ?? [];
    const next = queue[queue.indexOf(volume) + 1];
    isSure &&= next === undefined || rank(next, headLink(volume)) > rank(volume, headLink(volume));
    queue.splice(queue.indexOf(volume), 1);
    placed.push({ volume, at: placed.length });
  };
  const begins = waiting.get(undefined) ?? [];
  const first = begins.find(({ rar }) => rar.isFirst) ?? begins[0];
  if (first) take(first);
  for (let left = group.length - placed.length; left > 0; left -= 1) {
    const last = placed.at(-1)?.volume;
    const goesOn = last && waiting.get(tailLink(last))?.[0];
    const next = goesOn ?? [...waiting.values()].find((queue) => queue.length > 0)?.[0];
    if (!next) break;
    if (!goesOn) isSure = false;
    take(next);
  }
  return { placed, by: isSure ? "continuity" : "given" };
}

function rank(volume: Listed, link: string | undefined): number {
  return link !== undefined && tailLink(volume) === link ? 0 : 1;
}
