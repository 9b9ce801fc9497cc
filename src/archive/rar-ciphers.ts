import type { MemberCipher, StoredMember, Volume } from "./archive.ts";
import { proveCipher } from "./rar-proof.ts";
import type { RarContext, RarEncryption } from "./rar-volume.ts";
import { refusal } from "./refusals.ts";

export interface CipherOptions {
  readonly volumes: readonly Volume[];
  readonly context: RarContext;
  /** What is compressed cannot speak for its key. */
  readonly isStored: boolean;
  /** The headers are encrypted, so that a password has opened them, which RAR uses for the members as well. */
  readonly encryptedHeaders: boolean;
}

/**
 * The key and IV of an encrypted member, which is described without them. Passwords are tried in order: RAR5 keeps a check value that
 * tells a wrong one; for the rest the member's own bytes must (two small reads, once per salt), and where they say nothing the first
 * password stands. Throws ARCHIVE_ENCRYPTED when there is no password, or none that can be right.
 */
export async function cipherOf(
  member: StoredMember,
  encryption: RarEncryption,
  { volumes, context, isStored, encryptedHeaders }: CipherOptions,
): Promise<MemberCipher> {
  if (encryption.kind === "unsupported") {
    throw refusal("ARCHIVE_ENCRYPTED", `"${member.path}" is encrypted ${encryption.why}`);
  }
  const { keys, signal } = context;
  const { salt } = encryption;
  let unproven: MemberCipher | undefined;
  for (const password of keys.inOrder(salt)) {
    const cipher = await derive(password, encryption, context);
    if (!cipher) continue;
    if (encryption.kind === "rar5" && encryption.check) {
      keys.confirm(password, salt);
      return cipher;
    }
    if (keys.isConfirmed(password, salt) || (encryptedHeaders && keys.isLatest(password))) return cipher;
    const verdict = isStored ? await proveCipher({ ...member, cipher }, volumes, { signal }) : "unknown";
    if (verdict === "right") {
      keys.confirm(password, salt);
      return cipher;
    }
    if (verdict === "unknown") unproven ??= cipher;
  }
  if (unproven) return unproven;
  throw refusal(
    "ARCHIVE_ENCRYPTED",
    keys.count === 0
      ? `"${member.path}" is encrypted and no password is known`
      : `"${member.path}" is encrypted and none of the ${keys.count} known passwords opens it`,
  );
}

/** Undefined when the check value says that the password is wrong. */
async function derive(
  password: string,
  encryption: Exclude<RarEncryption, { kind: "unsupported" }>,
  { keys, signal }: RarContext,
): Promise<MemberCipher | undefined> {
  if (encryption.kind === "rar3") return await keys.rar3(password, encryption.salt, { signal });
  const { check, iv } = encryption;
  if (check && !(await keys.rar5Check(password, encryption)).equals(check)) return undefined;
  return { key: await keys.rar5Key(password, encryption), iv };
}
