import { hash, randomBytes } from "node:crypto";

const BYTES = 20;
/** RFC 4648 section 6, in lower case: no 0, 1, 8 or 9 to mistake for a letter. */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const GROUP = 4;
const LETTERS = (BYTES * 8) / 5;

/** 160 random bits, to be typed once: eight groups of four letters and digits, such as `k3vq-7x2m-...`. */
export function newAppSecret(): string {
  let letters = "";
  let bits = 0;
  let waiting = 0;
  for (const byte of randomBytes(BYTES)) {
    bits = ((bits << 8) | byte) & 0xfff;
    for (waiting += 8; waiting >= 5; waiting -= 5) letters += ALPHABET[(bits >>> (waiting - 5)) & 31];
  }
  return (letters.match(new RegExp(`.{${GROUP}}`, "g")) as string[]).join("-");
}

/**
 * What is stored of it for Basic: SHA-256 in hex. Nobody can try 2^160 of them, so it needs neither salt nor cost. Case, blanks and hyphens do
 * not count; undefined for what cannot be one.
 */
export function appSecretHash(typed: string): string | undefined {
  if (typed.length > 2 * LETTERS) return undefined;
  const letters = typed.replace(/[\s-]/g, "").toLowerCase();
  return /^[a-z2-7]*$/.test(letters) && letters.length === LETTERS ? hash("sha256", letters, "hex") : undefined;
}
