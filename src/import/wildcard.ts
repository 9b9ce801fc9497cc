interface Pattern {
  readonly characters: readonly string[];
  /** What every fitting text ends in: most patterns are about extensions, and most names fit none. */
  readonly end: string;
}

/**
 * Whether all of a text fits one of some patterns, whatever their case: `*` stands for any characters, `?` for one. Takes time in
 * proportion to the product of both lengths at most, whatever the pattern is.
 */
export function anyWildcard(patterns: readonly string[]): (text: string) => boolean {
  const all = patterns.map((pattern): Pattern => {
    const plain = folded(pattern);
    return { characters: [...plain], end: plain.slice(Math.max(plain.lastIndexOf("*"), plain.lastIndexOf("?")) + 1) };
  });
  return (text) => {
    const plain = folded(text);
    const likely = all.filter(({ end }) => plain.endsWith(end));
    if (likely.length === 0) return false;
    const given = [...plain];
    return likely.some(({ characters }) => fits(characters, given));
  };
}

function folded(text: string): string {
  return text.normalize("NFC").toLowerCase();
}

function fits(wanted: readonly string[], given: readonly string[]): boolean {
  let at = 0;
  /** The latest star, and up to where it reaches so far. */
  let star = -1;
  let reach = 0;
  for (let next = 0; next < given.length; ) {
    if (wanted[at] === "*") {
      star = at++;
      reach = next;
    } else if (at < wanted.length && (wanted[at] === "?" || wanted[at] === given[next])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      at = star + 1;
      next = ++reach;
    } else return false;
  }
  return wanted.slice(at).every((character) => character === "*");
}
