import { hash, timingSafeEqual } from "node:crypto";

/**
 * Digest access authentication (RFC 7616, and RFC 2617 before it), `qop=auth`: what is sent and how it is computed. Strings hold bytes,
 * one a UTF-16 unit, as node:http hands headers over, since the bytes are what is hashed.
 */
export const REALM = "Newsreel";

export const DIGEST_ALGORITHMS = ["MD5", "SHA-256"] as const;
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** What a client sent, in bytes and as it wrote them. */
export interface DigestCredentials {
  readonly algorithm: DigestAlgorithm;
  /** What the client may have hashed as its name: with the quoting undone, and as it stands (Windows sends `DOMAIN\user` unescaped). */
  readonly users: readonly string[];
  readonly nonce: string;
  readonly uri: string;
  /** Eight hex digits, or fewer. */
  readonly nc: string;
  readonly cnonce: string;
  /** Lower-case hex, as long as the algorithm makes it. */
  readonly response: string;
}

const MAX_HEADER = 8192;
const PARAMETER = /[\s,]*([\w*-]{1,16})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*(?=,|$)/y;
const VISIBLE = /^[!-~]{1,256}$/;
const RESPONSE: Readonly<Record<DigestAlgorithm, RegExp>> = { MD5: /^[0-9a-f]{32}$/, "SHA-256": /^[0-9a-f]{64}$/ };

/**
 * The credentials of an Authorization header (RFC 7616 section 3.4); undefined when it has another scheme, is malformed, answers another
 * realm, or uses what was never offered (another algorithm, `auth-int`, a hashed name, no `qop` as in RFC 2069). Values may be quoted or not:
 * curl, VLC and WinHTTP quote what the RFC does not.
 */
export function parseDigest(header: string): DigestCredentials | undefined {
  const parameters = parametersOf(header);
  if (parameters === undefined) return undefined;
  const text = (name: string) => parameters.get(name)?.text ?? "";
  const algorithm = DIGEST_ALGORITHMS.find((known) => known === (text("algorithm").toUpperCase() || "MD5"));
  const users = usersOf(parameters);
  const response = text("response").toLowerCase();
  const [nonce, nc, cnonce] = [text("nonce"), text("nc"), text("cnonce")];
  if (algorithm === undefined || users === undefined || !RESPONSE[algorithm].test(response)) return undefined;
  if (text("realm") !== REALM || text("qop").toLowerCase() !== "auth" || text("userhash") === "true") return undefined;
  if (!VISIBLE.test(nonce) || !VISIBLE.test(cnonce) || !/^[0-9a-f]{1,8}$/i.test(nc)) return undefined;
  return { algorithm, users, nonce, uri: text("uri"), nc, cnonce, response };
}

interface Parameter {
  readonly text: string;
  /** As it stood between its quotes. */
  readonly raw: string;
}

function parametersOf(header: string): ReadonlyMap<string, Parameter> | undefined {
  const scheme = /^\s*digest\s+/i.exec(header);
  if (scheme === null || header.length > MAX_HEADER) return undefined;
  const parameters = new Map<string, Parameter>();
  for (let at = scheme[0].length; ; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(header);
    if (match === null) return /^[\s,]*$/.test(header.slice(at)) ? parameters : undefined;
    const name = (match[1] as string).toLowerCase();
    // Two of one name could mean one thing to a proxy and another to us.
    if (parameters.has(name)) return undefined;
    const raw = match[2] ?? (match[3] as string);
    parameters.set(name, { raw, text: match[2] === undefined ? raw : raw.replace(/\\(.)/g, "$1") });
  }
}

function usersOf(parameters: ReadonlyMap<string, Parameter>): readonly string[] | undefined {
  const extended = parameters.get("username*")?.text;
  const plain = parameters.get("username");
  if (extended === undefined) return plain === undefined ? undefined : [...new Set([plain.text, plain.raw])];
  const encoded = /^utf-8'[\w-]*'((?:%[0-9a-f]{2}|[\w!#$&+.^`|~-])*)$/i.exec(extended)?.[1];
  if (encoded === undefined || plain !== undefined) return undefined;
  return [encoded.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))];
}

interface DigestLogin {
  readonly user: string;
  readonly password: string;
  /** Ours unless given. */
  readonly realm?: string;
}

/** H(A1), RFC 7616 section 3.4.2: all that is needed to answer any challenge of the realm in the user's name. Lower-case hex. */
export function digestSecret(algorithm: DigestAlgorithm, { user, password, realm = REALM }: DigestLogin): string {
  return hexHash(algorithm, `${user}:${realm}:${password}`);
}

/** H(A2), RFC 7616 section 3.4.3, for `qop=auth`. */
export function digestSubject(algorithm: DigestAlgorithm, method: string, uri: string): string {
  return hexHash(algorithm, `${method}:${uri}`);
}

/** The response that one who knows the secret would have sent, RFC 7616 section 3.4.1. */
export function digestResponse(credentials: DigestCredentials, secret: string, subject: string): string {
  const { algorithm, nonce, nc, cnonce } = credentials;
  return hexHash(algorithm, `${secret}:${nonce}:${nc}:${cnonce}:auth:${subject}`);
}

/** Whether these credentials come from one who knows the secret; takes the same time either way. */
export function provesSecret(credentials: DigestCredentials, secret: string, subject: string): boolean {
  const expected = digestResponse(credentials, secret, subject);
  return timingSafeEqual(Buffer.from(expected, "latin1"), Buffer.from(credentials.response, "latin1"));
}

/**
 * A WWW-Authenticate header, RFC 7616 section 3.3. Realm, nonce and opaque are quoted, and `qop` too; `algorithm` and `stale` must not
 * be: VLC takes quotes for a part of them.
 */
export function digestChallenge(algorithm: DigestAlgorithm, nonce: string, stale: "stale" | "new"): string {
  const repeat = stale === "stale" ? ", stale=true" : "";
  return `Digest realm="${REALM}", nonce="${nonce}", algorithm=${algorithm}, qop="auth", opaque="${OPAQUE}", charset=UTF-8${repeat}`;
}

/** Means nothing; some clients do not answer without one. */
const OPAQUE = "6e657773";

function hexHash(algorithm: DigestAlgorithm, bytes: string): string {
  return hash(algorithm === "MD5" ? "md5" : "sha256", Buffer.from(bytes, "latin1"), "hex");
}
