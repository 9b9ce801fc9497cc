import type { Piece, StoredMember } from "../archive/archive.ts";
import { JoinedFile } from "../archive/joined-file.ts";
import { memberFile } from "../archive/member-file.ts";
import type { ByteRange } from "../base/byte-range.ts";
import type { SeekableFile } from "../base/seekable-file.ts";
import type { FileCipher, Run } from "../catalog/catalog.ts";
import type { FileKind } from "./magic.ts";

/** Something with bytes that an import looks into and may show: a posted file, several that are pieces of one, or a member of an archive. */
export interface Source {
  /** By the best name that is known, `/` between folders; not to be trusted. */
  readonly path: string;
  readonly file: SeekableFile;
  /** Where its bytes lie in the posts, decrypted with `cipher` if there is one. */
  readonly runs: readonly Run[];
  readonly cipher: FileCipher | undefined;
  readonly modifiedAt: number | undefined;
  /** As far as its first bytes were looked at. */
  readonly kind: FileKind | undefined;
  readonly head: Uint8Array;
  /** Which posted file it is; undefined for everything that was found in one. */
  readonly post: number | undefined;
  /** It lies on a disc, where files find each other by their names. */
  readonly isOnDisc?: boolean;
  /** All its bytes, of a small member that was unpacked; there are no runs then. */
  readonly content?: Buffer;
}

/** A small member whose bytes are at hand. */
export function unpackedSource(path: string, content: Buffer): Source {
  const file: SeekableFile = {
    size: content.length,
    async *read({ start, end }) {
      yield content.subarray(start, end);
    },
  };
  const nothingElse = { cipher: undefined, modifiedAt: undefined, kind: undefined, post: undefined };
  return { path, file, runs: [], head: content.subarray(0, 512), content, ...nothingElse };
}

const AES_BLOCK = 16;

type Place = Pick<Source, "runs" | "cipher">;

/** A source of several one after the other, called `path`; undefined when one of them is encrypted. */
export function joinedSource(path: string, sources: readonly Source[]): Source | undefined {
  const [first] = sources;
  if (first === undefined || sources.some(({ cipher }) => cipher !== undefined)) return undefined;
  const { modifiedAt, kind, head } = first;
  const file = new JoinedFile(sources.map((source) => source.file));
  return {
    path,
    file,
    runs: sources.flatMap(({ runs }) => runs),
    cipher: undefined,
    modifiedAt,
    kind,
    head,
    post: undefined,
  };
}

/** A member of an archive whose volumes are `volumes`; undefined where it is encrypted twice, or in pieces within what is encrypted. */
export function memberSource(member: StoredMember, volumes: readonly Source[]): Source | undefined {
  const place = placeOf(member, volumes);
  if (place === undefined) return undefined;
  const { path, modifiedAt } = member;
  const file = memberFile(
    member,
    volumes.map((volume) => ({ name: volume.path, file: volume.file })),
  );
  return { path, file, ...place, modifiedAt, kind: undefined, head: new Uint8Array(), post: undefined };
}

function placeOf({ pieces, cipher, size, skip }: StoredMember, volumes: readonly Source[]): Place | undefined {
  const whole = merged(pieces);
  const volumeOf = ({ volume }: Piece) => volumes[volume] as Source;
  if (whole.every((piece) => volumeOf(piece).cipher === undefined)) {
    const runs = whole.flatMap((piece) => cut(volumeOf(piece).runs, piece));
    if (cipher === undefined) return { runs, cipher: undefined };
    return { runs, cipher: { ...cipher, size, ...(skip === undefined ? {} : { skip }) } };
  }
  const [only] = whole;
  if (only === undefined || whole.length > 1 || cipher !== undefined) return undefined;
  return insideEncrypted(volumeOf(only), only);
}

/** Bytes of the plaintext of an encrypted source, as an encrypted run of their own. */
function insideEncrypted({ runs, cipher }: Source, { start, end }: ByteRange): Place | undefined {
  if (cipher === undefined) return undefined;
  const skipped = start + (cipher.skip ?? 0);
  const stop = end + (cipher.skip ?? 0);
  const size = end - start;
  if (cipher.mode === "ctr") {
    // The counter cannot be set: everything before must be passed over.
    return skipped > 0 ? undefined : { runs: cut(runs, { start: 0, end: stop }), cipher: { ...cipher, size } };
  }
  const block = skipped - (skipped % AES_BLOCK);
  const paddedEnd = Math.ceil(stop / AES_BLOCK) * AES_BLOCK;
  if (block === 0) return { runs: cut(runs, { start: 0, end: paddedEnd }), cipher: { ...cipher, size, skip: skipped } };
  // The block before is the IV of the next one; what it decrypts to itself is passed over.
  const skip = skipped - block + AES_BLOCK;
  return { runs: cut(runs, { start: block - AES_BLOCK, end: paddedEnd }), cipher: { ...cipher, size, skip } };
}

/** The part `range` of what runs hold together. */
function cut(runs: readonly Run[], { start, end }: ByteRange): readonly Run[] {
  const parts: Run[] = [];
  let at = 0;
  for (const run of runs) {
    const length = run.end - run.start;
    const from = Math.max(start, at);
    const to = Math.min(end, at + length);
    if (from < to) parts.push({ post: run.post, start: run.start + from - at, end: run.start + to - at });
    at += length;
    if (at >= end) break;
  }
  return parts;
}

/** Pieces that follow each other in one volume as one. */
function merged(pieces: readonly Piece[]): readonly Piece[] {
  const whole: Piece[] = [];
  for (const piece of pieces) {
    const last = whole.at(-1);
    if (last?.volume === piece.volume && last.end === piece.start)
      whole[whole.length - 1] = { ...last, end: piece.end };
    else whole.push(piece);
  }
  return whole;
}
