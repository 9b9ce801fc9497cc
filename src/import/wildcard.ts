/**
 * Whether all of a text fits a pattern, whatever their case: `*` stands for any characters, `?` for one. Takes time in proportion to
 * the product of both lengths at most, whatever the pattern is.
 */
export function fitsWildcard(pattern: string, text: string): boolean {
  const wanted = [...pattern.normalize("NFC").toLowerCase()];
  const given = [...text.normalize("NFC").toLowerCase()];
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
