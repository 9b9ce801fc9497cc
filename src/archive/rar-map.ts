import { FormatError } from "../base/errors.ts";
import type { ArchiveMap, MemberCipher, RefusedMember, StoredMember, Volume } from "./archive.ts";
import { cipherOf } from "./rar-ciphers.ts";
import { isOverfull, type JoinedMember } from "./rar-members.ts";
import type { RarContext } from "./rar-volume.ts";
import { hintFor, malformed, refusal } from "./refusals.ts";

interface MapOptions {
  readonly volumes: readonly Volume[];
  readonly context: RarContext;
  readonly format: 4 | 5;
  readonly encryptedHeaders: boolean;
}

/** Every member of one set, either as bytes that can be served or with the reason why not. */
export async function mapMembers(members: readonly JoinedMember[], options: MapOptions): Promise<ArchiveMap> {
  const outcomes = new Map<JoinedMember, StoredMember | RefusedMember>();
  // Small ones first: their checksums prove passwords at the least cost.
  for (const member of [...members].sort((a, b) => a.size - b.size)) {
    if (member.header.kind === "file") outcomes.set(member, await outcomeOf(member, options));
  }
  const stored: StoredMember[] = [];
  const refused: RefusedMember[] = [];
  for (const member of members) {
    const outcome = outcomes.get(member);
    if (outcome && "code" in outcome) refused.push(outcome);
    else if (outcome) stored.push(outcome);
  }
  const byPath = new Map([...refused, ...stored].map((member) => [member.path, member]));
  for (const { path, size, header } of members) {
    if (header.kind !== "copy") continue;
    const original = byPath.get(header.target ?? "");
    if (!original)
      refused.push(refusedAs({ path, size }, malformed(`"${path}" is a copy of something that is not there`)));
    else if ("code" in original) {
      refused.push({ ...original, path, message: `"${path}" is a copy, and ${original.message}` });
    } else stored.push({ ...original, path });
  }
  return { stored, refused };
}

async function outcomeOf(member: JoinedMember, options: MapOptions): Promise<StoredMember | RefusedMember> {
  try {
    return await serve(member, options);
  } catch (error) {
    if (error instanceof FormatError) return await refuse(member, error, options);
    throw error;
  }
}

async function serve(member: JoinedMember, options: MapOptions): Promise<StoredMember> {
  const { path, size, header, lack } = member;
  const { encryption, method } = header;
  if (method !== 0) {
    throw refusal("ARCHIVE_COMPRESSED", `"${path}" is compressed (rar${options.format}, method ${method})`);
  }
  if (lack !== undefined) throw refusal("ARCHIVE_INCOMPLETE", `"${path}" is not whole: ${lack}`);
  if (isOverfull(member)) throw malformed(`"${path}" has more bytes than its size`);
  if (encryption && header.size === undefined) throw malformed(`"${path}" is encrypted and does not say its size`);
  const plain = describe(member);
  if (!encryption || size === 0) return plain;
  const cipher = await cipherOf(plain, encryption, { ...options, isStored: true });
  return { ...plain, cipher };
}

function describe({ path, size, header, pieces }: JoinedMember): StoredMember {
  const { modifiedAt, crc32 } = header;
  return { path, size, modifiedAt, pieces, cipher: undefined, crc32 };
}

async function refuse(member: JoinedMember, error: FormatError, options: MapOptions): Promise<RefusedMember> {
  const packed =
    error.code === "ARCHIVE_COMPRESSED" && member.lack === undefined ? await packedOf(member, options) : undefined;
  return { ...refusedAs(member, error), packed };
}

/** How to get at a compressed member's bytes; undefined when they are encrypted and no password can be right. */
async function packedOf(member: JoinedMember, options: MapOptions): Promise<RefusedMember["packed"]> {
  const { header, pieces } = member;
  const method = `rar${options.format} m${header.method}`;
  let cipher: MemberCipher | undefined;
  try {
    if (header.encryption)
      cipher = await cipherOf(describe(member), header.encryption, { ...options, isStored: false });
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
  return { method, pieces, cipher };
}

function refusedAs({ path, size }: { path: string; size: number }, error: FormatError): RefusedMember {
  const code = error.code as RefusedMember["code"];
  return { path, size, code, message: error.message, hint: error.hint ?? hintFor(code), packed: undefined };
}
