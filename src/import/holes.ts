import { SegmentList } from "../base/segment-list.ts";
import type { ProbeTarget } from "./article-probe.ts";
import type { Gap } from "./part-map.ts";

/** Whether the NZB has no article for this part. */
export function isHole({ packed: { idEnds } }: SegmentList, index: number): boolean {
  return idEnds[index] === (index === 0 ? 0 : idEnds[index - 1]);
}

/** The articles of a part, in the order in which they are asked. */
export function targetIn(segments: SegmentList, index: number): ProbeTarget {
  const id = segments.idAt(index);
  const alternates = segments.alternatesAt(index);
  return { ids: id === undefined ? alternates : [id, ...alternates], encodedSize: segments.encodedSizeAt(index) };
}

/** The list with holes put in where parts are missing from it; the same list when none are. */
export function withGaps(segments: SegmentList, gaps: readonly Gap[]): SegmentList {
  if (gaps.length === 0) return segments;
  const { ids, idEnds, encodedSizes, alternates } = segments.packed;
  const added = gaps.reduce((sum, { parts }) => sum + parts, 0);
  const newEnds = new Uint32Array(idEnds.length + added);
  const newSizes = new Uint32Array(idEnds.length + added);
  const newIndex = new Uint32Array(idEnds.length);
  let to = 0;
  let nextGap = 0;
  for (let from = 0; from <= idEnds.length; from++) {
    for (; gaps[nextGap]?.at === from; nextGap++) {
      const idEnd = from === 0 ? 0 : (idEnds[from - 1] as number);
      const { parts } = gaps[nextGap] as Gap;
      newEnds.fill(idEnd, to, to + parts);
      to += parts;
    }
    if (from === idEnds.length) break;
    newIndex[from] = to;
    newEnds[to] = idEnds[from] as number;
    newSizes[to] = encodedSizes[from] as number;
    to += 1;
  }
  return new SegmentList({
    ids,
    idEnds: newEnds,
    encodedSizes: newSizes,
    alternates: alternates.map(([index, id]) => [newIndex[index] as number, id] as const),
  });
}
