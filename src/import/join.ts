import type { MessageId } from "../base/message-id.ts";
import { SegmentList } from "../base/segment-list.ts";
import type { NzbFile } from "../nzb/nzb.ts";
import { isObfuscated } from "./obfuscated.ts";
import type { PartFacts } from "./part-map.ts";
import { nameParts } from "./safe-name.ts";
import { COUNTER } from "./subject-order.ts";

/** `<file>` elements of one segment each that may be the parts of one file. */
export interface Joined {
  readonly members: readonly NzbFile[];
  /** The index of each member's part, as far as the NZB tells it. */
  readonly indices: readonly number[];
  /** One segment per part, holes where a number is missing. */
  readonly segments: SegmentList;
}

/** Elements of different names may just be small files of one poster; so many of them are worth a look. */
const MIN_ALIKE = 3;
/** A numbering with more holes than parts is none. */
const MAX_SPREAD = 2;

/** Sorts out the elements that may belong together; `others` keeps the rest in the order of the document. */
export function joinSingles(files: readonly NzbFile[]): {
  readonly joined: readonly Joined[];
  readonly others: readonly NzbFile[];
} {
  const singles = files.filter(({ segments }) => onlyIndex(segments) !== undefined);
  const sameName = groupsOf(singles, nameKey).filter(
    (group) => group.length > 1 && hasTellingName(group[0] as NzbFile),
  );
  const named = new Set(sameName.flat());
  const rest = singles.filter((file) => !named.has(file));
  const alike = groupsOf(rest, likenessKey).filter((group) => group.length >= MIN_ALIKE);
  const taken = new Set([...named, ...alike.flat()]);
  const joined = [...sameName, ...alike].map((members): Joined => {
    const indices = numbering(members);
    return { members, indices, segments: listOf(members, indices) };
  });
  return { joined, others: files.filter((file) => !taken.has(file)) };
}

function groupsOf(files: readonly NzbFile[], keyOf: (file: NzbFile) => string): readonly (readonly NzbFile[])[] {
  const groups = new Map<string, NzbFile[]>();
  for (const file of files) {
    const key = keyOf(file);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  return [...groups.values()];
}

function nameKey({ poster, name = "" }: NzbFile): string {
  return `${poster}\0${name.toLowerCase()}`;
}

/** Equal for names that differ in their numbers only, and for all that say nothing, of one count in the subject. */
function likenessKey(file: NzbFile): string {
  const likeness = hasTellingName(file) ? nameKey(file).replace(/\d+/g, "#") : file.poster;
  const total = [...file.subject.matchAll(COUNTER)].at(-1)?.[2] ?? "";
  return `${likeness}\0${total}`;
}

/** Parts between the ends to be read as well, since the order of the whole rests on subjects alone. */
export function checkpoints({ segments }: Joined): readonly number[] {
  return [Math.floor(segments.length / 3), Math.floor((segments.length * 2) / 3)];
}

/** What the articles say of a group: parts in this order, parts in another order, or files of their own. Silence contradicts nothing. */
export function judgeJoin(known: ReadonlyMap<number, PartFacts>): "ordered" | "unordered" | "separate" {
  const facts = [...known];
  if (facts.length === 0) return "ordered";
  const isFurtherPart = ({ begin, partNumber }: PartFacts) => (begin ?? 0) > 0 || (partNumber ?? 1) > 1;
  if (facts.filter(([, fact]) => !isFurtherPart(fact)).length > 1) return "separate";
  if (!facts.some(([, fact]) => isFurtherPart(fact) || (fact.totalParts ?? 1) > 1)) return "separate";
  const isOrdered = ([index, { partNumber }]: readonly [number, PartFacts]) =>
    partNumber === undefined || partNumber === index + 1;
  return facts.every(isOrdered) ? "ordered" : "unordered";
}

/** One member's segment as a list of its own. */
export function alone(member: NzbFile): SegmentList {
  return listOf([member], [0]);
}

/** The members as one list by the number each article gives itself, and the index of each; NaN for one that is left out. */
export function joinByNumbers(members: readonly NzbFile[], numbers: readonly (number | undefined)[]): Joined {
  const highest = members.length * MAX_SPREAD;
  const indices = numbers.map((number) =>
    number !== undefined && number >= 1 && number <= highest ? number - 1 : Number.NaN,
  );
  return { members, indices, segments: listOf(members, indices) };
}

/** The index of each member's part: by a counter in the subjects, segment numbers, numbers in the names, or the order of the document. */
function numbering(group: readonly NzbFile[]): readonly number[] {
  const counters = group.map(({ subject }) =>
    [...subject.matchAll(COUNTER)].map(([, at, of]) => [Number(at), Number(of)] as const),
  );
  const fewest = counters.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  const choices = Array.from({ length: fewest }, (_, which) => {
    const chosen = counters.map((all) => all[which] as readonly [number, number]);
    const isOneTotal = chosen.every(([, of]) => of === chosen[0]?.[1]);
    const first = chosen.some(([at]) => at === 0) ? 0 : 1;
    return isOneTotal ? chosen.map(([at]) => at - first) : [];
  });
  choices.push(group.map(({ segments }) => onlyIndex(segments) as number));
  const nameNumbers = group.map(({ name }) => Number(name?.match(/\d{1,9}(?=\D*$)/)?.[0] ?? Number.NaN));
  const lowest = nameNumbers.reduce((least, number) => Math.min(least, number), Number.POSITIVE_INFINITY);
  choices.push(nameNumbers.map((number) => number - lowest));
  return choices.find((indices) => isNumbering(indices, group.length)) ?? group.map((_, at) => at);
}

function isNumbering(indices: readonly number[], count: number): boolean {
  return new Set(indices).size === count && indices.every((index) => index < count * MAX_SPREAD);
}

/** One segment for each member at its index; the second at the same place is an alternate of the first. */
function listOf(members: readonly NzbFile[], indices: readonly number[]): SegmentList {
  const places: { id: MessageId | undefined; encodedSize: number }[] = [];
  const alternates: [number, string][] = [];
  members.forEach(({ segments }, at) => {
    const index = indices[at] as number;
    const from = onlyIndex(segments) as number;
    if (Number.isNaN(index)) return;
    while (places.length <= index) places.push({ id: undefined, encodedSize: 0 });
    const ids = [segments.idAt(from) as MessageId, ...segments.alternatesAt(from)];
    const place = places[index];
    if (place?.id === undefined) places[index] = { id: ids.shift(), encodedSize: segments.encodedSizeAt(from) };
    alternates.push(...ids.map((id): [number, string] => [index, id]));
  });
  return new SegmentList({ ...SegmentList.from(places).packed, alternates });
}

/** Where the one segment stands that the list has, or undefined when there are none or several. */
function onlyIndex({ packed: { idEnds } }: SegmentList): number | undefined {
  const all = idEnds.at(-1) ?? 0;
  const index = idEnds.findIndex((end) => end > 0);
  return index >= 0 && idEnds[index] === all ? index : undefined;
}

function hasTellingName({ name }: NzbFile): boolean {
  return name !== undefined && !isObfuscated(nameParts(name).stem);
}
