/** 45 kHz, the clock of Blu-ray playlists. */
const TICKS_PER_MS = 45;
const FIRST_ITEM = 10;
/** Bytes of a play item up to its still time; the angles and streams that follow are of no interest. */
const ITEM_BYTES = 32;

/** A run of a clip, in milliseconds of the clip's own clock. */
export interface PlayItem {
  /** Five digits: the file in STREAM and in CLIPINF. */
  readonly clip: string;
  readonly inMs: number;
  readonly outMs: number;
  /** Shown as a still picture: a menu or a slide show. */
  readonly isStill: boolean;
}

/** The play items of an MPLS file, in order (BD-ROM part 3); undefined when it is none. */
export function parsePlaylist(bytes: Buffer): readonly PlayItem[] | undefined {
  if (bytes.length < 20 || bytes.toString("latin1", 0, 4) !== "MPLS") return undefined;
  const list = bytes.subarray(bytes.readUInt32BE(8));
  if (list.length < FIRST_ITEM) return undefined;
  const items: PlayItem[] = [];
  let at = FIRST_ITEM;
  for (let left = list.readUInt16BE(6); left > 0; left -= 1) {
    if (at + 2 > list.length) return undefined;
    const item = list.subarray(at + 2, at + 2 + list.readUInt16BE(at));
    if (item.length < ITEM_BYTES) return undefined;
    items.push({
      clip: item.toString("latin1", 0, 5),
      inMs: item.readUInt32BE(12) / TICKS_PER_MS,
      outMs: item.readUInt32BE(16) / TICKS_PER_MS,
      isStill: item[29] !== 0,
    });
    at += 2 + item.length;
  }
  return items;
}

/** When a clip's presentation begins and ends, from its CLPI file (BD-ROM part 3); undefined when it is none or has several clocks. */
export function parseClipTimes(bytes: Buffer): { readonly startMs: number; readonly endMs: number } | undefined {
  if (bytes.length < 20 || bytes.toString("latin1", 0, 4) !== "HDMV") return undefined;
  const sequences = bytes.subarray(bytes.readUInt32BE(8));
  // One arrival-time sequence with one system-time sequence: more of them have clocks that cannot be compared.
  if (sequences.length < 26 || sequences[5] !== 1 || sequences[10] !== 1) return undefined;
  return { startMs: sequences.readUInt32BE(18) / TICKS_PER_MS, endMs: sequences.readUInt32BE(22) / TICKS_PER_MS };
}
