import { setImmediate as nextTurn } from "node:timers/promises";
import { SegmentList } from "../base/segment-list.ts";
import type { Nzb, NzbFile, NzbMeta } from "./nzb.ts";
import { arraysAt } from "./pack-arena.ts";

/** An Nzb between two threads: all that grows with its size is in buffers that are transferred. */
export interface WireNzb {
  readonly meta: NzbMeta;
  readonly digest: string;
  /** What the files' packed arrays are views of. */
  readonly pages: readonly ArrayBuffer[];
  /** JSON of one Batch each, so that no step of unpacking takes long. */
  readonly batches: readonly Uint8Array<ArrayBuffer>[];
}

/** A file as JSON knows it: no names, since there may be many, and null for undefined. */
type FileRow = [
  subject: string,
  poster: string,
  postedAt: number | null,
  groups: readonly string[],
  name: string | null,
  partsHint: number | null,
  rejectedIds: number,
  page: number,
  offset: number,
  parts: number,
  idBytes: number,
];

interface Batch {
  readonly files: FileRow[];
  /** Of these files and of earlier ones. */
  readonly alternates: [file: number, index: number, id: string][];
}

const ROWS_PER_BATCH = 500;

/** Packs an Nzb that `parseNzb` made. The Nzb is of no use once `transfer` was transferred. */
export function packNzb({ meta, digest, files }: Nzb): { readonly wire: WireNzb; readonly transfer: ArrayBuffer[] } {
  const pages: ArrayBuffer[] = [];
  const batches: Uint8Array<ArrayBuffer>[] = [];
  const encoder = new TextEncoder();
  let batch: Batch = { files: [], alternates: [] };
  const flush = () => {
    batches.push(encoder.encode(JSON.stringify(batch)));
    batch = { files: [], alternates: [] };
  };
  const flushWhenFull = () => {
    if (batch.files.length + batch.alternates.length >= ROWS_PER_BATCH) flush();
  };
  files.forEach((file, number) => {
    const { ids, idEnds, alternates } = file.segments.packed;
    // Files lie in the order of their pages.
    if (pages.at(-1) !== idEnds.buffer) pages.push(idEnds.buffer as ArrayBuffer);
    batch.files.push([
      file.subject,
      file.poster,
      file.postedAt ?? null,
      file.groups,
      file.name ?? null,
      file.partsHint ?? null,
      file.rejectedIds,
      pages.length - 1,
      idEnds.byteOffset,
      idEnds.length,
      ids.length,
    ]);
    flushWhenFull();
    for (const [index, id] of alternates) {
      batch.alternates.push([number, index, id]);
      flushWhenFull();
    }
  });
  flush();
  return { wire: { meta, digest, pages, batches }, transfer: [...pages, ...batches.map(({ buffer }) => buffer)] };
}

/** The Nzb again. Lets the event loop turn between batches. */
export async function unpackNzb({ meta, digest, pages, batches }: WireNzb): Promise<Nzb> {
  const files: NzbFile[] = [];
  const alternatesOf: [number, string][][] = [];
  const decoder = new TextDecoder();
  for (const bytes of batches) {
    const batch = JSON.parse(decoder.decode(bytes)) as Batch;
    for (const row of batch.files) {
      const alternates: [number, string][] = [];
      alternatesOf.push(alternates);
      files.push(unpackFile(row, pages, alternates));
    }
    for (const [file, index, id] of batch.alternates) alternatesOf[file]?.push([index, id]);
    await nextTurn();
  }
  return { meta, digest, files };
}

function unpackFile(row: FileRow, pages: readonly ArrayBuffer[], alternates: [number, string][]): NzbFile {
  const [subject, poster, postedAt, groups, name, partsHint, rejectedIds, page, offset, parts, idBytes] = row;
  const { ids, idEnds, encodedSizes } = arraysAt(pages[page] as ArrayBuffer, offset, { parts, idBytes });
  return {
    subject,
    poster,
    postedAt: postedAt ?? undefined,
    groups,
    name: name ?? undefined,
    partsHint: partsHint ?? undefined,
    segments: new SegmentList({ ids, idEnds, encodedSizes, alternates }),
    rejectedIds,
  };
}
