import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { ConfigError } from "../base/errors.ts";

/** Cost of scrypt (RFC 7914): `2 ** ln` rounds of memory, block size `r`, parallelism `p`; 128 * r * 2 ** ln bytes are used. */
export interface ScryptCost {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and a twentieth of a second or so. */
export const defaultCost: ScryptCost = { ln: 15, r: 8, p: 1 };

export interface PasswordHash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

const KEY_BYTES = 32;
const SALT_BYTES = 16;
const FORMAT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** A hash to store: `$scrypt$ln=15,r=8,p=1$<salt>$<key>`, base64 without padding (the PHC string format). */
export async function hashPassword(password: string, cost = defaultCost): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, { cost, salt, key: Buffer.alloc(KEY_BYTES) });
  return formatPasswordHash({ cost, salt, key });
}

/** Parses a stored hash; throws ConfigError CONFIG_INVALID for anything else, and for costs that would stop the server. */
export function parsePasswordHash(text: string): PasswordHash {
  const match = FORMAT.exec(text);
  if (match === null) throw invalid("it is not of the form $scrypt$ln=..,r=..,p=..$salt$key");
  const [ln, r, p] = match.slice(1, 4).map(Number) as [number, number, number];
  if (ln < 1 || ln > 18 || r < 1 || r > 16 || p < 1 || p > 16) throw invalid("its cost is out of bounds");
  const [salt, key] = match.slice(4).map((part) => Buffer.from(part, "base64")) as [Buffer, Buffer];
  return { cost: { ln, r, p }, salt, key };
}

/** A hash that no password has, which costs as much to check as a real one. */
export function impossibleHash(cost: ScryptCost): PasswordHash {
  return { cost, salt: randomBytes(SALT_BYTES), key: randomBytes(KEY_BYTES) };
}

/** Whether this is the password; takes the same time either way. Runs on the thread pool. */
export async function verifyPassword(password: string, hash: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash), hash.key);
}

function formatPasswordHash({ cost, salt, key }: PasswordHash): string {
  const [saltText, keyText] = [salt, key].map((part) => part.toString("base64").replace(/=+$/, ""));
  return `$scrypt$ln=${cost.ln},r=${cost.r},p=${cost.p}$${saltText}$${keyText}`;
}

/** The same password typed on a Mac may arrive decomposed: RFC 8265 section 4.2 has it composed. */
function derive(password: string, { cost, salt, key }: PasswordHash): Promise<Buffer> {
  const options = { N: 2 ** cost.ln, r: cost.r, p: cost.p, maxmem: 2 * 128 * cost.r * (2 ** cost.ln + cost.p) };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, key.length, options, (error, derived) => {
      if (error) reject(error);
      else resolve(derived);
    });
  });
}

function invalid(why: string): ConfigError {
  return new ConfigError("CONFIG_INVALID", `a stored password hash cannot be used: ${why}`, {
    hint: "set the password again",
  });
}
