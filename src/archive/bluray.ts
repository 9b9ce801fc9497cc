import type { StoredMember } from "./archive.ts";
import { type PlayItem, parseClipTimes, parsePlaylist } from "./bluray-playlist.ts";

/** Playlists of a disc that are read, and the largest of them; copy protections write hundreds. */
const MAX_PLAYLISTS = 2000;
const MAX_INFO_BYTES = 262_144;
/** The longest playlists whose clips are looked at. */
const MAX_CANDIDATES = 32;
/** Shorter ones are trailers, logos and menus. */
const LEAST_MS = 120_000;
/** How much of a clip may be left out before its beginning and after its end for the clip to count as whole. */
const TRIM_MS = 2_000;
/** Source packets: a time stamp of 4 bytes and a transport packet. */
const PACKET_BYTES = 192;

/** Reads a small member whole. */
export type ReadMember = (member: StoredMember) => Promise<Buffer>;

interface Playlist {
  /** What precedes `BDMV/` in the disc's paths. */
  readonly disc: string;
  readonly items: readonly PlayItem[];
  readonly durationMs: number;
}

/**
 * The clips of a Blu-ray's main feature, to be joined in this order: those of the longest playlist that shows each of its clips once and whole.
 * Works on any list of members with a `BDMV` folder. Undefined when there is no such playlist, or when several long ones differ in
 * nothing but the order of their clips: then all but one are a copy protection's decoys, and nothing in the files tells which.
 */
export async function blurayFeature(
  members: readonly StoredMember[],
  read: ReadMember,
): Promise<readonly StoredMember[] | undefined> {
  const byPath = new Map(members.map((member) => [member.path.toUpperCase(), member]));
  const playlists = await readPlaylists(members, read);
  for (const playlist of playlists.slice(0, MAX_CANDIDATES)) {
    const clips = await wholeClips(playlist, byPath, read);
    if (clips !== undefined) return playlists.some((other) => isReordered(playlist, other)) ? undefined : clips;
  }
  return undefined;
}

/** Those that could be a film, the longest first. */
async function readPlaylists(members: readonly StoredMember[], read: ReadMember): Promise<Playlist[]> {
  const found: Playlist[] = [];
  let left = MAX_PLAYLISTS;
  for (const member of members) {
    const disc = /^((?:.*\/)?)BDMV\/PLAYLIST\/[^/]+\.mpls$/i.exec(member.path)?.[1];
    if (disc === undefined || member.size > MAX_INFO_BYTES) continue;
    left -= 1;
    if (left < 0) break;
    const items = parsePlaylist(await read(member)) ?? [];
    const durationMs = items.reduce((sum, { inMs, outMs }) => sum + Math.max(0, outMs - inMs), 0);
    const isRepeating = new Set(items.map(({ clip }) => clip)).size < items.length;
    if (durationMs < LEAST_MS || isRepeating || items.some(({ isStill }) => isStill)) continue;
    found.push({ disc: disc.toUpperCase(), items, durationMs });
  }
  return found.sort((a, b) => b.durationMs - a.durationMs);
}

/** The stream files of a playlist; undefined when one is missing, not whole packets, or shown in part. */
async function wholeClips(
  { disc, items }: Playlist,
  byPath: ReadonlyMap<string, StoredMember>,
  read: ReadMember,
): Promise<readonly StoredMember[] | undefined> {
  const clips: StoredMember[] = [];
  for (const { clip, inMs, outMs } of items) {
    const stream = byPath.get(`${disc}BDMV/STREAM/${clip}.M2TS`);
    const info = byPath.get(`${disc}BDMV/CLIPINF/${clip}.CLPI`);
    if (stream === undefined || stream.size === 0 || stream.size % PACKET_BYTES !== 0) return undefined;
    if (info === undefined || info.size > MAX_INFO_BYTES) return undefined;
    const times = parseClipTimes(await read(info));
    if (times === undefined || inMs - times.startMs > TRIM_MS || times.endMs - outMs > TRIM_MS) return undefined;
    clips.push(stream);
  }
  return clips;
}

function isReordered(one: Playlist, other: Playlist): boolean {
  const order = namesOf(one);
  const otherOrder = namesOf(other);
  return (
    one.disc === other.disc &&
    order.join() !== otherOrder.join() &&
    order.toSorted().join() === otherOrder.toSorted().join()
  );
}

function namesOf({ items }: Playlist): string[] {
  return items.map(({ clip }) => clip);
}
