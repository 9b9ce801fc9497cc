const TELLING = [
  /^[0-9a-f]{24,}$/i,
  /^[0-9a-f.]{40,}$/i,
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  /^abc\.xyz/i,
];
/** A single word without a separator, too long for a title that people write in one word. */
const LONG_WORD = /^[A-Za-z0-9]{16,}$/;
const LONG_TOKEN = /^[A-Za-z0-9_-]{22,}$/;
const UNSPEAKABLE = /[bcdfghjklmnpqrstvwxz]{7,}/i;

/**
 * Whether a name, given without its extension, says nothing to a person: hexadecimal digits, a UUID, or random letters.
 * Rather lets a hash through than takes a title away.
 */
export function isObfuscated(stem: string): boolean {
  const name = stem.trim();
  if (!/[\p{L}\p{N}]/u.test(name)) return true;
  if (TELLING.some((pattern) => pattern.test(name))) return true;
  if (LONG_WORD.test(name)) return isRandom(name) || UNSPEAKABLE.test(name);
  return LONG_TOKEN.test(name) && isRandom(name);
}

/** Random letters and digits change their class at more than every second character; words and camel case do not. */
function isRandom(name: string): boolean {
  let changes = 0;
  for (let index = 1; index < name.length; index++) {
    if (classOf(name.charCodeAt(index)) !== classOf(name.charCodeAt(index - 1))) changes += 1;
  }
  return changes * 2 > name.length;
}

function classOf(code: number): number {
  if (code >= 48 && code <= 57) return 0;
  if (code >= 65 && code <= 90) return 1;
  return code >= 97 && code <= 122 ? 2 : 3;
}
