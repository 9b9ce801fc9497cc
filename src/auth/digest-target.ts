/**
 * Whether a Digest `uri` (RFC 7616 section 3.4) means the target of the request it came with. Clients write one URL in several ways: with
 * host or without, behind a proxy with its prefix, more or less percent-encoded. Names and query must be the same bytes all the same, so that
 * what was signed for one path opens no other.
 */
export function isSameTarget(uri: string, url: string, urlBase: string): boolean {
  return uri === url || plainForm(uri, urlBase) === plainForm(url, urlBase);
}

function plainForm(target: string, urlBase: string): string {
  const local = target.replace(/^https?:\/\/[^/?#]*/i, "") || "/";
  const mark = local.indexOf("?");
  const path = (mark === -1 ? local : local.slice(0, mark)).replace(/%([0-9a-f]{2})|[^\w.~!$&'()*+,;=:@/-]/gi, escaped);
  const query = mark === -1 ? "" : local.slice(mark);
  const isBelow = urlBase !== "" && (path === urlBase || path.startsWith(`${urlBase}/`));
  return (isBelow ? path.slice(urlBase.length) || "/" : path) + query;
}

/** One way to write each byte: `%2F` stays apart from `/`, and what needs no escape has none. */
function escaped(match: string, hex: string | undefined): string {
  const code = hex === undefined ? match.charCodeAt(0) : Number.parseInt(hex, 16);
  const char = String.fromCharCode(code);
  return /[\w.~!$&'()*+,;=:@-]/.test(char) ? char : `%${code.toString(16).padStart(2, "0")}`;
}
