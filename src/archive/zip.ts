import type { Cancel } from "../base/seekable-file.ts";
import type { MemberCipher, RefusedMember, StoredMember, UnlockedMap, Volume } from "./archive.ts";
import { type HeaderBudget, headerReader } from "./header-reader.ts";
import { JoinedFile } from "./joined-file.ts";
import { hintFor } from "./refusals.ts";
import { VERIFIER_BYTES, type ZipAes, zipAesOf, zipCipher } from "./zip-aes.ts";
import { readZipDirectory, type ZipEntry } from "./zip-directory.ts";
import { readZipEnd, type ZipEnd } from "./zip-end.ts";
import { type LocalHeader, readLocalHeaders } from "./zip-local.ts";
import { methodName, type Obstacle, obstacleOf } from "./zip-obstacle.ts";

export interface ZipOptions extends Cancel {
  /** In the order in which they are tried. */
  readonly passwords: readonly string[];
  readonly budget: HeaderBudget;
}

/** Compressed members that are worth a read each, to be unpacked by somebody: subtitles and notes are few and small. */
const MAX_PACKED = 8 * 1024 * 1024;
const MAX_PACKED_MEMBERS = 100;
/** Members may have passwords of their own; this many get to try them all, the others those that were found. */
const MAX_TRIALS = 16;
/** One wrong password in 65,536 passes for one member; for two members, none that counts. */
const SURE_MEMBERS = 2;

/**
 * What is in a ZIP file (APPNOTE.TXT), given as one file, as all pieces of a byte split in order, or as all disks of a spanned archive
 * in order (`.z01`, `.z02`, ..., `.zip`). Reads the end, the directory, and the local headers of members that can be used, for only
 * those tell where data begins. Throws ARCHIVE_MALFORMED; ARCHIVE_INCOMPLETE when disks are missing.
 */
export async function readZip(volumes: readonly Volume[], options: ZipOptions): Promise<UnlockedMap> {
  const file = new JoinedFile(volumes.map((volume) => volume.file));
  const reader = headerReader(file, options.budget, options);
  const end = await readZipEnd(reader, file, volumes.length);
  const members = (await readZipDirectory(reader, end)).filter(({ isListed }) => isListed).map(memberOf);
  const wanted = wantedOf(members, end);
  const headers = await readLocalHeaders(reader, wanted, options);
  const ring = new KeyRing(options);
  const stored: StoredMember[] = [];
  const refused: RefusedMember[] = [];
  const headerOf = new Map(wanted.map(({ member }, index) => [member, headers[index]]));
  for (const member of members) {
    const { entry, obstacle } = member;
    const header = headerOf.get(member);
    const { path, size, modifiedAt } = entry;
    if (obstacle !== undefined && !headerOf.has(member)) {
      refused.push({ path, size, ...obstacle, packed: undefined });
    } else if (size === 0 && obstacle === undefined) {
      stored.push({ path, size, modifiedAt, pieces: [], cipher: undefined, crc32: undefined });
    } else if (header === undefined || header.dataStart + entry.packedSize > file.size) {
      refused.push({
        path,
        size,
        ...damaged(path, "its bytes are not where the directory puts them"),
        packed: undefined,
      });
    } else {
      const placed = await place(member, header, ring);
      if (placed === undefined)
        refused.push({ path, size, ...locked(path, options.passwords.length), packed: undefined });
      else {
        const { start, end, cipher, crc32 } = placed;
        const pieces = file.pieces({ start, end });
        const packed = { method: methodName(member.method), pieces, cipher, crc32 };
        if (obstacle === undefined) stored.push({ path, size, modifiedAt, pieces, cipher, crc32 });
        else refused.push({ path, size, ...obstacle, packed });
      }
    }
  }
  return { stored, refused, ...ring.result() };
}

interface ZipMember {
  readonly entry: ZipEntry;
  readonly aes: ZipAes | undefined;
  /** Beneath the encryption. */
  readonly method: number;
  /** Why it cannot be served, as far as the directory tells. */
  readonly obstacle: Obstacle | undefined;
}

function memberOf(entry: ZipEntry): ZipMember {
  const aes = zipAesOf(entry);
  return { entry, aes, method: aes?.method ?? entry.method, obstacle: obstacleOf(entry, aes) };
}

interface Wanted {
  readonly member: ZipMember;
  readonly at: number;
  readonly extra: number;
}

function wantedOf(members: readonly ZipMember[], end: ZipEnd): readonly Wanted[] {
  let packed = 0;
  return members.flatMap((member): Wanted[] => {
    const { entry, aes, obstacle } = member;
    if (obstacle === undefined ? entry.size === 0 : !obstacle.isPacked || entry.packedSize > MAX_PACKED) return [];
    if (obstacle !== undefined && ++packed > MAX_PACKED_MEMBERS) return [];
    const at = end.locate(entry.disk, entry.offset);
    return [
      { member, at: at ?? Number.POSITIVE_INFINITY, extra: aes === undefined ? 0 : aes.saltBytes + VERIFIER_BYTES },
    ];
  });
}

interface Placed {
  readonly start: number;
  readonly end: number;
  readonly cipher: MemberCipher | undefined;
  readonly crc32: number | undefined;
}

/** Undefined when no password fits. */
async function place(
  { entry, aes }: ZipMember,
  { dataStart, before }: LocalHeader,
  ring: KeyRing,
): Promise<Placed | undefined> {
  const { packedSize, crc32 } = entry;
  if (aes === undefined) return { start: dataStart, end: dataStart + packedSize, cipher: undefined, crc32 };
  const cipher = await ring.open(aes, before);
  if (cipher === undefined) return undefined;
  const start = dataStart + before.length;
  return { start, end: start + packedSize - aes.overhead, cipher, crc32: aes.hasCrc ? crc32 : undefined };
}

/** The passwords that have opened members so far, and the ones still to be tried. */
class KeyRing {
  readonly #options: ZipOptions;
  /** How many members each has opened. */
  readonly #opened = new Map<string, number>();
  #members = 0;

  constructor(options: ZipOptions) {
    this.#options = options;
  }

  async open(aes: ZipAes, before: Buffer): Promise<MemberCipher | undefined> {
    this.#members += 1;
    const found = [...this.#opened.keys()];
    const others = this.#options.passwords.filter((password) => !this.#opened.has(password));
    for (const password of this.#members > MAX_TRIALS ? found : [...found, ...others]) {
      const cipher = await zipCipher(password, aes, before, this.#options);
      if (cipher === undefined) continue;
      this.#opened.set(password, (this.#opened.get(password) ?? 0) + 1);
      return cipher;
    }
    return undefined;
  }

  result(): Pick<UnlockedMap, "password" | "passwordIsCertain"> {
    const [first] = this.#opened;
    if (first === undefined) return { password: undefined, passwordIsCertain: this.#members === 0 };
    const isCertain = [...this.#opened.values()].every((members) => members >= SURE_MEMBERS);
    return { password: first[0], passwordIsCertain: isCertain };
  }
}

function locked(path: string, tried: number): Pick<RefusedMember, "code" | "message" | "hint"> {
  const why = tried === 0 ? "and there is no password for it" : `and none of the ${tried} known passwords opens it`;
  return {
    code: "ARCHIVE_ENCRYPTED",
    message: `"${path}" is encrypted, ${why}`,
    hint: hintFor("ARCHIVE_ENCRYPTED"),
  };
}

function damaged(path: string, why: string): Pick<RefusedMember, "code" | "message" | "hint"> {
  return { code: "ARCHIVE_MALFORMED", message: `"${path}" is damaged: ${why}`, hint: hintFor("ARCHIVE_MALFORMED") };
}
