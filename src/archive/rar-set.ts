import type { FormatError } from "../base/errors.ts";
import type { ArchiveMap, Volume } from "./archive.ts";
import { type Outsider, type RarOptions, readBag, withEnds } from "./rar-bag.ts";
import { groupVolumes } from "./rar-group.ts";
import type { Listed } from "./rar-listed.ts";
import { mapMembers } from "./rar-map.ts";
import { joinMembers, missingVolumes } from "./rar-members.ts";
import { orderVolumes, type RarOrder } from "./rar-order.ts";
import { incomplete, malformed } from "./refusals.ts";

/** One archive: volumes that belong together, in order, and what is in them. */
export interface RarSet {
  readonly format: 4 | 5;
  /** Places in the list that was given, in the order of the set. */
  readonly volumes: readonly number[];
  /** What told the order: numbers in headers, names, members that go on, or only the order in which they were given. */
  readonly orderedBy: RarOrder["by"];
  /** Volumes that are not there, counted from 1; the first twenty. */
  readonly missing: readonly number[];
  readonly isSolid: boolean;
  readonly encryptedHeaders: boolean;
  /** Why there may be more in the archive than `map` tells; undefined when it is proved to be all. */
  readonly trouble: FormatError | undefined;
  /** Its pieces name volumes by their places in the list that was given. */
  readonly map: ArchiveMap;
}

export interface RarSets {
  readonly sets: readonly RarSet[];
  readonly outside: readonly Outsider[];
}

/**
 * Maps any number of RAR volumes, of any number of sets, under any names and in any order. Costs the first 4 KiB of each volume, as much
 * again where a member ends inside of one, and in RAR4 the end blocks of sets whose order neither names nor members tell. Members that
 * cannot be served are in the maps with their reasons, volumes that cannot be used are outside; throws only what is no file's fault.
 */
export async function mapRarVolumes(volumes: readonly Volume[], options: RarOptions): Promise<RarSets> {
  const bag = await readBag(volumes, options);
  let { orders, twins } = arrange(bag.listed);
  const inDoubt = new Set(orders.flatMap(doubtful));
  if (inDoubt.size > 0) {
    let listed = await withEnds(bag.listed, inDoubt, { volumes, options });
    ({ orders, twins } = arrange(listed));
    const still = new Set(orders.flatMap(contradicted));
    if (still.size > 0) {
      listed = await withEnds(listed, still, { volumes, options });
      ({ orders, twins } = arrange(listed));
    }
  }
  const sets: RarSet[] = [];
  for (const order of orders) sets.push(await mapSet(order, { volumes, options }));
  const copies = twins.map(({ index, name }) => ({
    volume: index,
    error: malformed(`"${name}" is a second copy of another volume`),
  }));
  return { sets, outside: [...bag.outside, ...copies] };
}

function arrange(listed: readonly Listed[]): { orders: RarOrder[]; twins: readonly Listed[] } {
  const { groups, twins } = groupVolumes(listed);
  return { orders: groups.map(orderVolumes), twins };
}

/**
 * The volumes of a set whose end blocks must tell the order: all of them where neither names nor members do, or where what they tell does
 * not add up; one in the middle where names do, since names may lie.
 */
function doubtful({ placed, by }: RarOrder): Listed[] {
  const volumes = placed.map(({ volume }) => volume);
  if (by === "number" || !volumes.every(({ rar }) => rar.format === 4 && rar.isVolume)) return [];
  if (by === "name" && missingVolumes(placed).length > 0) return [];
  const isSound = joinMembers(placed).every(({ lack }) => lack === undefined) && missingVolumes(placed).length === 0;
  if (by === "given" || !isSound) return volumes;
  return by === "name" && volumes.length > 2 ? [volumes[volumes.length >> 1] as Listed] : [];
}

/** The volumes of a set whose names turned out to lie: an end block has another number than its name. */
function contradicted({ placed, by }: RarOrder): Listed[] {
  const isWrong = placed.some(({ volume, at }) => volume.rar.number !== undefined && volume.rar.number !== at);
  return by === "given" || (by === "continuity" && isWrong) ? placed.map(({ volume }) => volume) : [];
}

async function mapSet(
  { placed, by }: RarOrder,
  { volumes, options }: { readonly volumes: readonly Volume[]; readonly options: RarOptions },
): Promise<RarSet> {
  const first = placed[0]?.volume as Listed;
  const { format, isSolid, encryptedHeaders } = first.rar;
  const missing = missingVolumes(placed);
  const damage = placed.find(({ volume }) => volume.rar.damage)?.volume.rar.damage;
  const trouble =
    missing.length > 0 ? incomplete(`volume ${missing.join(", ")} of the set of "${first.name}" is missing`) : damage;
  const map = await mapMembers(joinMembers(placed), { volumes, context: options, format, encryptedHeaders });
  return {
    format,
    volumes: placed.map(({ volume }) => volume.index),
    orderedBy: by,
    missing,
    isSolid,
    encryptedHeaders,
    trouble,
    map,
  };
}
