import type { ByteRange } from "../base/byte-range.ts";
import type { MemberCipher, Piece, RefusedMember, StoredMember, UnlockedMap } from "./archive.ts";
import type { JoinedFile } from "./joined-file.ts";
import { hintFor } from "./refusals.ts";
import { type Chain, chainOf, methodOf } from "./seven-zip-folder.ts";
import { parseSevenZipAes, type SevenZipAes } from "./seven-zip-keys.ts";
import type { Folder, SevenZipFile, SevenZipHeader, Substream } from "./seven-zip-model.ts";
import { malformedSevenZip } from "./seven-zip-numbers.ts";
import { findPassword, type LockedStream, type Unlocking } from "./seven-zip-password.ts";
import { SEVEN_ZIP_START } from "./seven-zip-start.ts";

const BLOCK = 16;
/** Windows and Unix have no longer links; deduplicated or offloaded files are reparse points too, but they hold their own bytes. */
const MAX_LINK = 16 * 1024;

export interface Mapping extends Unlocking {
  readonly file: JoinedFile;
  /** What a member without a name is called. */
  readonly name: string;
  /** The password that has opened the header, if that was encrypted. */
  readonly password: string | undefined;
}

/** Where a folder's packed bytes lie in the archive, and what it takes to read its members out of them. */
interface Plan {
  readonly folder: Folder;
  /** Of the first packed stream; the only one where there is a chain. */
  readonly start: number;
  readonly packedSize: number;
  /** Of all of it. */
  readonly pieces: readonly Piece[];
  readonly chain: readonly Chain[] | undefined;
  readonly aes: SevenZipAes | undefined;
  /** In words; empty when the members are stored. */
  readonly method: string;
}

/** The members of an archive whose header is read. Throws ARCHIVE_MALFORMED when the header contradicts itself. */
export async function mapSevenZip({ streams, files }: SevenZipHeader, mapping: Mapping): Promise<UnlockedMap> {
  const { file } = mapping;
  let start = SEVEN_ZIP_START + streams.packPosition;
  let packed = 0;
  const plans = streams.folders.map((folder) => {
    const sizes = streams.packSizes.slice(packed, packed + folder.packedInputs.length);
    if (sizes.length !== folder.packedInputs.length) throw malformedSevenZip("packed streams are missing");
    packed += sizes.length;
    const first = { start, end: start + (sizes[0] as number) };
    for (const size of sizes) start += size;
    if (start > file.size) throw malformedSevenZip("its members lie outside of it");
    return planOf(folder, first, file);
  });
  const unlocked = await unlock(plans, mapping);
  const stored: StoredMember[] = [];
  const refused: RefusedMember[] = [];
  const shares = substreamsOf(plans);
  for (const entry of files) {
    const path = entry.path === undefined || entry.path === "" ? mapping.name : entry.path;
    const share = entry.hasStream ? shares.next().value : undefined;
    if (entry.hasStream && share === undefined) throw malformedSevenZip("it has more members than streams");
    if (!entry.isListed || (entry.isLink && (share?.substream.size ?? 0) <= MAX_LINK)) continue;
    if (share === undefined || share.substream.size === 0) stored.push(emptyMember(path, entry));
    else {
      const { plan, substream } = share;
      const base = { path, size: substream.size };
      const cipher = plan.aes && (await cipherFor(plan.aes, unlocked.password, mapping));
      if (plan.method !== "") refused.push({ ...base, ...compressed(path, share, cipher) });
      else if (plan.aes !== undefined && cipher === undefined) refused.push({ ...base, ...locked(path, mapping) });
      else stored.push({ ...base, ...placed(share, cipher, file), cipher, modifiedAt: entry.modifiedAt });
    }
  }
  return { stored, refused, ...unlocked };
}

function planOf(folder: Folder, packed: ByteRange, file: JoinedFile): Plan {
  const chain = chainOf(folder);
  const first = chain?.[0];
  const aes = first?.name === "AES" ? parseSevenZipAes(first.coder.properties) : undefined;
  const isStored = chain !== undefined && chain.length === (aes === undefined ? 0 : 1);
  const packedSize = packed.end - packed.start;
  const plan = { folder, start: packed.start, packedSize, pieces: file.pieces(packed), chain, aes };
  if (!isStored) return { ...plan, method: methodOf(folder) };
  const size = folder.substreams.reduce((sum, substream) => sum + substream.size, 0);
  const expected = aes === undefined ? size : Math.ceil(size / BLOCK) * BLOCK;
  if (folder.substreams.length > 0 && packedSize !== expected)
    throw malformedSevenZip("the sizes of its members do not add up");
  return { ...plan, method: "" };
}

interface Share {
  readonly plan: Plan;
  readonly substream: Substream;
  /** Where it begins in what the folder unpacks to. */
  readonly offset: number;
}

function* substreamsOf(plans: readonly Plan[]): Generator<Share, undefined, undefined> {
  for (const plan of plans) {
    let offset = 0;
    for (const substream of plan.folder.substreams) {
      yield { plan, substream, offset };
      offset += substream.size;
    }
  }
}

function emptyMember(path: string, { modifiedAt }: SevenZipFile): StoredMember {
  return { path, size: 0, modifiedAt, pieces: [], cipher: undefined, crc32: undefined };
}

type Placed = Pick<StoredMember, "pieces" | "skip" | "crc32">;

function placed({ plan, substream, offset }: Share, cipher: MemberCipher | undefined, file: JoinedFile): Placed {
  const { size, crc32 } = substream;
  const end = offset + size;
  if (cipher === undefined) {
    return { pieces: file.pieces({ start: plan.start + offset, end: plan.start + end }), crc32 };
  }
  // A block is decrypted with the one before it: a member that begins later in the stream takes that one along, and skips it.
  const from = Math.max(0, offset - (offset % BLOCK) - BLOCK);
  const to = Math.ceil(end / BLOCK) * BLOCK;
  const pieces = file.pieces({ start: plan.start + from, end: plan.start + to });
  return offset === 0 ? { pieces, crc32 } : { pieces, skip: offset - from, crc32 };
}

type Refusal = Pick<RefusedMember, "code" | "message" | "hint" | "packed">;

function compressed(path: string, { plan, substream, offset }: Share, cipher: MemberCipher | undefined): Refusal {
  const { method, chain, aes, pieces } = plan;
  const refusal = {
    code: "ARCHIVE_COMPRESSED",
    message: `"${path}" is packed with ${method}`,
    hint: hintFor("ARCHIVE_COMPRESSED"),
  } as const;
  const [coder, another] = (chain ?? []).filter(({ name }) => name !== "AES");
  if (coder === undefined || another !== undefined || (aes !== undefined && cipher === undefined)) {
    return { ...refusal, packed: undefined };
  }
  const solid = { properties: coder.coder.properties, size: coder.size, offset };
  return { ...refusal, packed: { method: coder.name, pieces, cipher, solid, crc32: substream.crc32 } };
}

function locked(path: string, { passwords }: Mapping): Refusal {
  const tried = passwords.length;
  const why = tried === 0 ? "and there is no password for it" : `and none of the ${tried} known passwords opens it`;
  return {
    code: "ARCHIVE_ENCRYPTED",
    message: `"${path}" is encrypted, ${why}`,
    hint: hintFor("ARCHIVE_ENCRYPTED"),
    packed: undefined,
  };
}

async function cipherFor(
  aes: SevenZipAes,
  password: string | undefined,
  mapping: Mapping,
): Promise<MemberCipher | undefined> {
  if (password === undefined) return undefined;
  return { key: await mapping.keys.get(password, aes, mapping), iv: aes.iv };
}

type Unlocked = Pick<UnlockedMap, "password" | "passwordIsCertain">;

async function unlock(plans: readonly Plan[], mapping: Mapping): Promise<Unlocked> {
  if (mapping.password !== undefined) return { password: mapping.password, passwordIsCertain: true };
  const streams = plans.flatMap(({ aes, start, packedSize, chain, folder, method }): LockedStream[] => {
    if (aes === undefined || packedSize === 0) return [];
    const [only, another] = folder.substreams;
    const size = chain?.[0]?.size as number;
    const crc32 = method === "" && another === undefined ? only?.crc32 : undefined;
    return [{ aes, start, packedSize, size, crc32 }];
  });
  return streams.length === 0 ? { password: undefined, passwordIsCertain: true } : await findPassword(streams, mapping);
}
