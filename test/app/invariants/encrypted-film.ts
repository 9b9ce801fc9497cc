import { createCipheriv } from "node:crypto";
import type { ByteRange } from "../../../src/base/byte-range.ts";
import { SegmentList } from "../../../src/base/segment-list.ts";
import type { Entry, Extent, FileCipher, NewPost, Run } from "../../../src/catalog/catalog.ts";
import { bytesContent, type Content, patternContent } from "../../../src/newsserver/content.ts";
import { ManualClock } from "../../manual-clock.ts";
import { type System, startSystem } from "../fixture.ts";

/** How a film was posted. */
export interface Posting {
  readonly mode: "plain" | "cbc" | "ctr";
  readonly volumes: number;
  /** Bytes of the film; the volumes hold as many of them each as will go, to odd lengths. */
  readonly size: number;
  /** Decoded bytes of each article. */
  readonly partSize: number;
}

export interface PostedFilm {
  readonly path: string;
  readonly size: number;
  /** What a player is to see. */
  readonly content: Content;
  /** Where its bytes lie as they were posted, in order. */
  readonly extents: readonly Extent[];
  /** The articles that a read of these bytes needs. */
  articlesFor(range: ByteRange): readonly string[];
}

export interface PostedFilmSystem extends AsyncDisposable {
  readonly system: System;
  readonly clock: ManualClock;
  readonly film: PostedFilm;
}

const AES_BLOCK = 16;
const KEY = patternContent(1, 32).read(0, 32);
const IV = patternContent(2, AES_BLOCK).read(0, AES_BLOCK);
/** What an archive puts before the bytes of a member, and behind them. */
const HEAD = 61;
const TAIL = 20;

/** A system with one film in its library of which nothing was ever fetched. Its time stands still. */
export async function startPosted(
  posting: Posting,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<PostedFilmSystem> {
  const clock = new ManualClock();
  const system = await startSystem({ clock, settings });
  return { system, clock, film: post(system, posting), [Symbol.asyncDispose]: () => system[Symbol.asyncDispose]() };
}

function post(system: System, posting: Posting): PostedFilm {
  const { mode, size, partSize } = posting;
  const content = patternContent(7, size);
  const packed = encrypted(content.read(0, size), mode);
  const posts: NewPost[] = [];
  const runs: Run[] = [];
  for (const { start, end } of cuts(packed.length, posting.volumes)) {
    const bytes = Buffer.concat([Buffer.alloc(HEAD, 1), packed.subarray(start, end), Buffer.alloc(TAIL, 2)]);
    const posted = system.store.addFile({ name: `film.${runs.length}`, content: bytesContent(bytes), partSize });
    runs.push({ post: posts.length, start: HEAD, end: HEAD + end - start });
    posts.push({ segments: SegmentList.from([...posted.segments]), size: bytes.length, partSize });
  }
  const cipher: FileCipher = { key: KEY, size, ...(mode === "ctr" ? { mode, iv: Buffer.alloc(0) } : { iv: IV }) };
  const { catalog } = system.app;
  const added = catalog.addRelease({
    category: "test",
    name: "Film",
    digest: "encrypted",
    posts,
    files: [{ path: "film.mkv", runs, modifiedAt: 0, ...(mode === "plain" ? {} : { cipher }) }],
  });
  const map = catalog.extents((catalog.find(`${added.path}/film.mkv`) as Entry).id);
  const extents: Extent[] = [];
  for (let at = 0; at < map.size; at = extents.at(-1)?.end as number) extents.push(map.at(at));

  function articlesFor({ start, end }: ByteRange): readonly string[] {
    // CBC: whole blocks, and the one before them.
    const first = mode === "cbc" ? start - (start % AES_BLOCK) - AES_BLOCK : start;
    const last = mode === "cbc" ? Math.ceil(end / AES_BLOCK) * AES_BLOCK : end;
    return extents.filter((one) => one.start < last && one.end > first).map(({ segment }) => segment.id as string);
  }

  return { path: "/dav/library/test/Film/film.mkv", size, content, extents, articlesFor };
}

/** Where each volume's bytes begin and end, no cut on a border of blocks. */
function cuts(length: number, volumes: number): readonly ByteRange[] {
  const ends = Array.from({ length: volumes }, (_, index) => {
    const end = Math.floor(((index + 1) * length) / volumes);
    return index === volumes - 1 ? length : end - (end % AES_BLOCK) + 1 + (index % (AES_BLOCK - 1));
  });
  return ends.map((end, index) => ({ start: ends[index - 1] ?? 0, end }));
}

const encryptedBefore = new Map<string, Buffer>();

/** The same film of every test is encrypted once. */
function encrypted(plain: Buffer, mode: Posting["mode"]): Buffer {
  const name = `${mode} ${plain.length}`;
  const packed = encryptedBefore.get(name) ?? encrypt(plain, mode);
  encryptedBefore.set(name, packed);
  return packed;
}

function encrypt(plain: Buffer, mode: Posting["mode"]): Buffer {
  if (mode === "plain") return plain;
  if (mode === "cbc") {
    const padding = Buffer.alloc((AES_BLOCK - (plain.length % AES_BLOCK)) % AES_BLOCK);
    const aes = createCipheriv("aes-256-cbc", KEY, IV).setAutoPadding(false);
    return Buffer.concat([aes.update(plain), aes.update(padding)]);
  }
  // ZIP's counter is little endian, Node's is not: what it makes of a first block is the same.
  const packed = Buffer.alloc(plain.length);
  const counter = Buffer.alloc(AES_BLOCK);
  for (let at = 0; at < plain.length; at += AES_BLOCK) {
    counter.writeUInt32LE(at / AES_BLOCK + 1);
    createCipheriv("aes-256-ctr", KEY, counter)
      .update(plain.subarray(at, at + AES_BLOCK))
      .copy(packed, at);
  }
  return packed;
}
