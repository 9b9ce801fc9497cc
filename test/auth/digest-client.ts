import { type DigestAlgorithm, digestResponse, digestSecret, digestSubject } from "../../src/auth/digest.ts";
import type { AuthFailure, Identity } from "../../src/auth/identity.ts";

/** What a client fills into its Authorization header. */
export interface Filled {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string;
  readonly uri: string;
  readonly nc: string;
  readonly cnonce: string;
  readonly response: string;
  readonly algorithm: string;
}

/** How clients write it down: order, blanks and quotes as in their sources or recordings. */
export const SHAPES: Readonly<Record<string, (filled: Filled) => string>> = {
  "Windows' redirector": (f) =>
    `Digest username="${f.username}",realm="${f.realm}",nonce="${f.nonce}",uri="${f.uri}",cnonce="${f.cnonce}",nc=${f.nc},` +
    `algorithm=${f.algorithm},response="${f.response}",qop="auth",charset=utf-8,opaque="${f.opaque}"`,
  "Finder and Infuse (CFNetwork)": (f) =>
    `Digest username="${f.username}", realm="${f.realm}", nonce="${f.nonce}", uri="${f.uri}", response="${f.response}", ` +
    `opaque="${f.opaque}", algorithm="${f.algorithm}", cnonce="${f.cnonce}", nc=${f.nc}, qop="auth"`,
  "curl and Kodi": (f) =>
    `Digest username="${f.username}", realm="${f.realm}", nonce="${f.nonce}", uri="${f.uri}", cnonce="${f.cnonce}", nc=${f.nc}, ` +
    `qop=auth, response="${f.response}", opaque="${f.opaque}", algorithm=${f.algorithm}`,
  "neon (davfs2, cadaver)": (f) =>
    `Digest username="${f.username}", realm="${f.realm}", nonce="${f.nonce}", uri="${f.uri}", response="${f.response}", ` +
    `algorithm="${f.algorithm}", opaque="${f.opaque}", cnonce="${f.cnonce}", nc=${f.nc}, qop="auth"`,
  "ffmpeg and mpv": (f) =>
    `Digest username="${f.username}",realm="${f.realm}",nonce="${f.nonce}",uri="${f.uri}",response="${f.response}",` +
    `algorithm=${f.algorithm},opaque="${f.opaque}",qop="auth",cnonce="${f.cnonce}",nc=${f.nc}`,
  VLC: (f) =>
    `Digest username="${f.username}", realm="${f.realm}", nonce="${f.nonce}", uri="${f.uri}", response="${f.response}", ` +
    `algorithm="${f.algorithm}", cnonce="${f.cnonce}", opaque="${f.opaque}", qop="auth", nc="${f.nc}"`,
};

export interface Answering {
  readonly user: string;
  readonly password: string;
  readonly method?: string;
  readonly uri?: string;
  readonly count?: number;
  readonly shape?: (filled: Filled) => string;
  /** What stands between the quotes of `username`, when that is not the name that was hashed. */
  readonly username?: string;
}

/** The challenges of a refusal, in their order. */
export function challengesOf(failure: Identity | AuthFailure): readonly string[] {
  return "headers" in failure ? ((failure.headers["WWW-Authenticate"] ?? []) as readonly string[]) : [];
}

/** A Digest challenge's parameters by name. */
export function parametersOf(challenge: string): Readonly<Record<string, string>> {
  const pairs = challenge.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]*))/g);
  return Object.fromEntries([...pairs].map(([, name, quoted, token]) => [name, quoted ?? token]));
}

/** The Authorization header by which a client answers a challenge; name and password are bytes. */
export function answerTo(challenge: string, answering: Answering): string {
  const { user, password, method = "GET", uri = "/dav/", count = 1, username = user } = answering;
  const { shape = SHAPES["curl and Kodi"] as (filled: Filled) => string } = answering;
  const { realm = "", nonce = "", opaque = "", algorithm = "" } = parametersOf(challenge);
  const sent = {
    realm,
    nonce,
    opaque,
    algorithm,
    username,
    uri,
    nc: count.toString(16).padStart(8, "0"),
    cnonce: "0a4f113b",
  };
  const known = algorithm as DigestAlgorithm;
  const secret = digestSecret(known, { user, password, realm });
  const credentials = { ...sent, algorithm: known, users: [user], response: "" };
  const response = digestResponse(credentials, secret, digestSubject(known, method, uri));
  return shape({ ...sent, response });
}
