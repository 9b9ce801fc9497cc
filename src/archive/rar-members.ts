import { memberIdentity } from "./rar-listed.ts";
import type { Placed } from "./rar-order.ts";
import type { RarPart } from "./rar-volume.ts";

/** One member of a set, put together from its parts. */
export interface JoinedMember {
  readonly path: string;
  /** Bytes unpacked; for a member whose archive does not say it, those of its parts. */
  readonly size: number;
  /** The header of its last part, or of the last one that is there. */
  readonly header: RarPart;
  readonly pieces: readonly { readonly volume: number; readonly start: number; readonly end: number }[];
  /** Why its bytes are not all there; undefined when they are. */
  readonly lack: string | undefined;
}

interface Open {
  readonly identity: string;
  readonly parts: { readonly placed: Placed; readonly part: RarPart }[];
  lack: string | undefined;
}

/** How many missing volumes are named one by one. */
const MAX_NAMED = 20;
const AES_BLOCK = 16;

/** Members in the order of the archive. Folders and links are left out, since they have no bytes. */
export function joinMembers(placed: readonly Placed[]): JoinedMember[] {
  const members: Open[] = [];
  let open: Open | undefined;
  for (const [i, here] of placed.entries()) {
    const before = placed[i - 1];
    const isGap = before ? here.at > before.at + 1 : here.at > 0;
    const lostVolume = `volume ${before ? before.at + 2 : here.at} of its set is missing`;
    for (const part of here.volume.rar.parts) {
      const identity = memberIdentity(part);
      const goesOn = part.continuedFrom && open?.identity === identity && !isGap;
      if (open && !goesOn) open.lack ??= lostVolume;
      if (!open || !goesOn) {
        const lack = part.continuedFrom ? lostVolume : undefined;
        // The pieces before and behind a gap are one member.
        if (!(open && part.continuedFrom && open.identity === identity)) {
          open = { identity, parts: [], lack };
          members.push(open);
        }
      }
      open.parts.push({ placed: here, part });
      if (part.data.end > here.volume.fileSize) open.lack ??= `volume ${here.at + 1} of its set is cut short`;
      if (!part.continuesIn) open = undefined;
    }
  }
  const last = placed.at(-1);
  if (open) open.lack ??= `volume ${(last?.at ?? 0) + 2} of its set is missing`;
  return members.map(closed).filter(({ header }) => header.kind === "file" || header.kind === "copy");
}

function closed({ parts, lack }: Open): JoinedMember {
  const header = parts.at(-1)?.part as RarPart;
  const pieces = parts
    .map(({ placed, part }) => ({ volume: placed.volume.index, ...part.data }))
    .filter(({ start, end }) => end > start);
  const packed = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  const size = header.size ?? packed;
  return { path: header.path, size, header, pieces, lack: lack ?? lackOf(header, size, packed) };
}

/** What is stored takes exactly its size, encrypted rounded up to AES's block; else volumes are missing that no header tells of. */
function lackOf(header: RarPart, size: number, packed: number): string | undefined {
  if (header.method !== 0 || header.kind !== "file") return undefined;
  const expected = header.encryption ? Math.ceil(size / AES_BLOCK) * AES_BLOCK : size;
  return packed < expected ? `its parts hold ${packed} of ${expected} bytes` : undefined;
}

/** Whether a stored member's parts hold more than the member, which no archiver writes. */
export function isOverfull({ size, pieces, header }: JoinedMember): boolean {
  const packed = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
  return packed > (header.encryption ? Math.ceil(size / AES_BLOCK) * AES_BLOCK : size);
}

/** The volumes that a set lacks, counted from 1; the first twenty of them. */
export function missingVolumes(placed: readonly Placed[]): number[] {
  const missing: number[] = [];
  let expected = 0;
  for (const { volume, at } of placed) {
    // A set without numbers begins before its first volume, if that goes on with something.
    if (expected === 0 && at === 0 && volume.rar.parts[0]?.continuedFrom) missing.push(1);
    for (; expected < at && missing.length < MAX_NAMED; expected += 1) missing.push(expected + 1);
    expected = at + 1;
  }
  const last = placed.at(-1)?.volume.rar;
  if (last?.hasNext && missing.length < MAX_NAMED) missing.push(expected + 1);
  return missing;
}
