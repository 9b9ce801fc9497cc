import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { Accounts, type Credential, type User } from "./accounts.ts";
import type { AppPasswords } from "./app-passwords.ts";
import { AttemptLimiter, type AttemptLimits } from "./attempt-limiter.ts";
import { BASIC_CHALLENGE, parseBasic } from "./basic.ts";
import { type DigestAlgorithm, digestChallenge } from "./digest.ts";
import { createDigestLogin, type DigestProof } from "./digest-login.ts";
import {
  type AuthFailure,
  type AuthRequest,
  GUESSED_TOO_OFTEN,
  type Identity,
  NO_CREDENTIALS,
  tooMany,
  WRONG_CREDENTIALS,
} from "./identity.ts";
import { type NonceLimits, Nonces } from "./nonces.ts";
import { type Fingerprint, type Verdict, VerifiedCache } from "./verified-cache.ts";

export interface AuthenticatorOptions<Request extends AuthRequest = AuthRequest> {
  readonly users: readonly User[];
  /** Those of one of the users. */
  readonly appPasswords?: AppPasswords;
  /** Key of the APIs; whoever has it may do everything. */
  readonly apiKey?: string;
  /** Which Digest algorithms are offered, the first one first; MD5 alone unless given, none for no Digest. */
  readonly digest?: readonly DigestAlgorithm[];
  /** Whether others can listen, so that Digest is worth more than Basic; by default they can. */
  readonly isSecure?: (request: Request) => boolean;
  /** What guests may do through `admit`; nothing unless given. */
  readonly anonymous?: "none" | "read";
  /** What a reverse proxy puts before every path, such as `/media`. */
  readonly urlBase?: string;
  readonly clock: Clock;
  readonly attemptLimits?: AttemptLimits;
  readonly nonceLimits?: NonceLimits;
}

export interface Authenticator<Request extends AuthRequest = AuthRequest> {
  /**
   * Basic or Digest login, or the API key in `X-Api-Key` or, if the caller allows that, in the query: `apiKey` is what it found there. A failure
   * has all challenges that this client may answer.
   */
  authenticate(request: Request, address: string, apiKey?: string): Promise<Identity | AuthFailure>;
  /** The same, but who brings no credentials and only wants to read may be a guest, if that is configured. */
  admit(request: Request, address: string): Promise<Identity | AuthFailure>;
  /** Adds a user or changes the password; what was remembered of the old one is gone at once. */
  setUser(user: User): void;
  removeUser(name: string): void;
  setApiKey(key: string | undefined): void;
  /** Hashes computed so far, for measuring. */
  readonly passwordChecks: number;
}

/** Never a user's name: it has a NUL. */
const API_KEY_OWNER = "api\0key";
const API_IDENTITY: Identity = { user: "api", mayWrite: true, via: "api-key" };
const GUEST: Identity = { user: "", mayWrite: false, via: "anonymous" };
/** The methods that change nothing: RFC 9110 section 9.2.1 and RFC 4918 section 9.1. */
const READS = new Set(["GET", "HEAD", "OPTIONS", "PROPFIND"]);

/**
 * Decides who sent a request. A password is hashed once; then the keyed hash of what was sent is recognised. An unknown user
 * costs what a wrong password costs. Only credentials that are wrong and new count against an address: a client that repeats
 * itself is refused from memory, and one without credentials is just asked for some.
 */
export function createAuthenticator<Request extends AuthRequest = AuthRequest>(
  options: AuthenticatorOptions<Request>,
): Authenticator<Request> {
  const { appPasswords, digest = ["MD5"], isSecure = () => false, anonymous = "none", clock } = options;
  const accounts = new Accounts(appPasswords);
  const remembered = new VerifiedCache();
  const flights = new Map<Fingerprint, Promise<Identity | undefined>>();
  const attempts = new AttemptLimiter(clock, options.attemptLimits);
  const nonces = new Nonces<DigestProof>(clock, options.nonceLimits);
  const digestLogin = createDigestLogin({
    nonces,
    attempts,
    remembered,
    urlBase: options.urlBase ?? "",
    candidates: (users, algorithm) => accounts.digestCandidates(users, algorithm),
  });
  const compareKey = randomBytes(32);
  let apiKey: string | undefined;

  function setUser(user: User): void {
    accounts.set(user);
    remembered.forget(user.name.normalize("NFC"));
  }

  function removeUser(name: string): void {
    accounts.remove(name);
    remembered.forget(name.normalize("NFC"));
  }

  function setApiKey(key: string | undefined): void {
    apiKey = key === "" ? undefined : key;
    remembered.forget(API_KEY_OWNER);
  }

  /** Neither length nor content of the key shows in the time this takes. */
  function isApiKey(key: string): boolean {
    const digestOf = (text: string) => createHmac("sha256", compareKey).update(text).digest();
    return timingSafeEqual(digestOf(key), digestOf(apiKey ?? "")) && apiKey !== undefined;
  }

  function keyCredential(key: string): Credential {
    return {
      owner: API_KEY_OWNER,
      check: () => {
        const current = apiKey;
        return { identity: isApiKey(key) ? API_IDENTITY : undefined, isCurrent: () => apiKey === current };
      },
    };
  }

  /** What is remembered of a credential, unless it was revoked meanwhile. */
  function recall(fingerprint: Fingerprint): Verdict | undefined {
    const known = remembered.find(fingerprint);
    if (known?.identity === undefined || accounts.isInUse(known.identity)) return known;
    remembered.forget(known.owner);
    return undefined;
  }

  function basicCredential(header: string): Credential | undefined {
    const basic = parseBasic(header);
    return basic === undefined ? undefined : accounts.credential(basic);
  }

  async function fly(fingerprint: Fingerprint, { owner, check }: Credential): Promise<Identity | undefined> {
    const { identity: checked, isCurrent } = check();
    const identity = await checked;
    if (!isCurrent()) return undefined;
    remembered.remember(fingerprint, { owner, identity });
    return identity;
  }

  function unauthorized(request: Request, message: string): AuthFailure {
    return challenged(request, message, "new", undefined);
  }

  function challenged(
    request: Request,
    message: string,
    age: "stale" | "new",
    proof: DigestProof | undefined,
  ): AuthFailure {
    const offered = isSecure(request) ? [] : digest;
    const nonce = offered.length === 0 ? "" : nonces.make(proof);
    const challenges = [...offered.map((algorithm) => digestChallenge(algorithm, nonce, age)), BASIC_CHALLENGE];
    return { status: 401, headers: { "WWW-Authenticate": challenges }, message };
  }

  function authenticateDigest(request: Request, header: string, address: string): Identity | AuthFailure {
    const verdict = digestLogin(request, header, address);
    switch (verdict.kind) {
      case "right":
        return verdict.identity;
      case "stale":
        return challenged(request, NO_CREDENTIALS, "stale", verdict.proof);
      case "too-many":
        return tooMany(GUESSED_TOO_OFTEN, verdict.waitMs);
      case "wrong":
        return unauthorized(request, WRONG_CREDENTIALS);
      case "none":
        return unauthorized(request, NO_CREDENTIALS);
    }
  }

  async function authenticate(request: Request, address: string, given?: string): Promise<Identity | AuthFailure> {
    const key = given ?? request.headers["x-api-key"]?.toString() ?? "";
    const sent = key === "" ? request.headers.authorization : key;
    if (sent === undefined) return unauthorized(request, NO_CREDENTIALS);
    const isDigest = key === "" && digest.length > 0 && /^\s*digest\s/i.test(sent);
    if (isDigest) return authenticateDigest(request, sent, address);
    // Every request comes by here; what is beyond is for the first one of a client.
    const fingerprint = remembered.fingerprint(key === "" ? "basic" : "key", sent);
    const known = recall(fingerprint);
    if (known !== undefined) return known.identity ?? unauthorized(request, WRONG_CREDENTIALS);

    const credential = key === "" ? basicCredential(sent) : keyCredential(key);
    if (credential === undefined) return unauthorized(request, NO_CREDENTIALS);
    let flight = flights.get(fingerprint);
    if (flight === undefined) {
      if (accounts.isBusy) return tooMany("too many logins at once", 1_000);
      const waitMs = attempts.take(address);
      if (waitMs > 0) return tooMany(GUESSED_TOO_OFTEN, waitMs);
      flight = fly(fingerprint, credential).finally(() => flights.delete(fingerprint));
      flights.set(fingerprint, flight);
      if ((await flight) !== undefined) attempts.giveBack(address);
    }
    return (await flight) ?? unauthorized(request, WRONG_CREDENTIALS);
  }

  async function admit(request: Request, address: string): Promise<Identity | AuthFailure> {
    const { method = "", headers } = request;
    const isGuest = headers.authorization === undefined && (headers["x-api-key"] ?? "") === "";
    if (anonymous === "read" && isGuest && READS.has(method)) return GUEST;
    return authenticate(request, address);
  }

  options.users.forEach(setUser);
  setApiKey(options.apiKey);
  return {
    authenticate,
    admit,
    setUser,
    removeUser,
    setApiKey,
    get passwordChecks() {
      return accounts.passwordChecks;
    },
  };
}
