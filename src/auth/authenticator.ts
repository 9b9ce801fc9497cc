import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../base/clock.ts";
import { Limiter } from "../base/limiter.ts";
import { AttemptLimiter, type AttemptLimits } from "./attempt-limiter.ts";
import { BASIC_CHALLENGE, parseBasic } from "./basic.ts";
import {
  defaultCost,
  hashPassword,
  impossibleHash,
  type PasswordHash,
  parsePasswordHash,
  verifyPassword,
} from "./passwords.ts";
import { type Fingerprint, VerifiedCache } from "./verified-cache.ts";

/** Who may log in: with a stored hash (see hashPassword), or with a password from the configuration. */
export type User =
  | { readonly name: string; readonly passwordHash: string }
  | { readonly name: string; readonly password: string };

export interface Identity {
  readonly user: string;
  readonly via: "password" | "api-key";
}

/** What to answer instead. 401 has the challenge, 429 has Retry-After. */
export interface AuthFailure {
  readonly status: 401 | 429;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: string;
}

export interface AuthenticatorOptions {
  readonly users: readonly User[];
  /** Key of the APIs; whoever has it may do everything. */
  readonly apiKey?: string;
  readonly clock: Clock;
  readonly attemptLimits?: AttemptLimits;
}

export interface Authenticator {
  /** Basic login, or the API key in `X-Api-Key` or, if the caller allows that, in the query: `apiKey` is what it found there. */
  authenticate(headers: IncomingHttpHeaders, address: string, apiKey?: string): Promise<Identity | AuthFailure>;
  /** Adds a user or changes the password; what was remembered of the old one is gone at once. */
  setUser(user: User): void;
  removeUser(name: string): void;
  setApiKey(key: string | undefined): void;
  /** Hashes computed so far, for measuring. */
  readonly passwordChecks: number;
}

/** Checks at once; the thread pool that does them has four threads, and other work. */
const CHECKS_AT_ONCE = 2;
const CHECKS_WAITING = 64;
/** Never a user's name: it has a NUL. */
const API_KEY_OWNER = "api\0key";
const API_IDENTITY: Identity = { user: "api", via: "api-key" };
const NEVER = new AbortController().signal;
const NONE = "a user name and password are needed";
const WRONG = "wrong user name or password";

interface Credential {
  readonly owner: string;
  /** Whether it is right; `isCurrent` says whether that still counts when the answer is there. */
  readonly check: () => { readonly isRight: Promise<boolean>; readonly isCurrent: () => boolean };
}

/**
 * Decides who sent a request. A password is hashed once; then the keyed hash of what was sent is recognised. An unknown user
 * costs what a wrong password costs. Only credentials that are wrong and new count against an address: a client that repeats
 * itself is refused from memory, and one without credentials is just asked for some.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const users = new Map<string, () => Promise<PasswordHash>>();
  const remembered = new VerifiedCache();
  const flights = new Map<Fingerprint, Promise<boolean>>();
  const attempts = new AttemptLimiter(options.clock, options.attemptLimits);
  const checks = new Limiter(CHECKS_AT_ONCE);
  const compareKey = randomBytes(32);
  /** Checked in place of a user who does not exist, at the cost of the users who do. */
  let decoy = impossibleHash(defaultCost);
  let apiKey: string | undefined;
  let passwordChecks = 0;

  function setUser(user: User): void {
    const name = user.name.normalize("NFC");
    if ("passwordHash" in user) {
      const hash = parsePasswordHash(user.passwordHash);
      decoy = impossibleHash(hash.cost);
      users.set(name, () => Promise.resolve(hash));
    } else {
      const hash = hashPassword(user.password).then(parsePasswordHash);
      // Whoever logs in gets to see the rejection.
      hash.catch(() => {});
      users.set(name, () => hash);
    }
    remembered.forget(name);
  }

  function removeUser(name: string): void {
    users.delete(name.normalize("NFC"));
    remembered.forget(name.normalize("NFC"));
  }

  function setApiKey(key: string | undefined): void {
    apiKey = key === "" ? undefined : key;
    remembered.forget(API_KEY_OWNER);
  }

  async function checkPassword(stored: (() => Promise<PasswordHash>) | undefined, password: string): Promise<boolean> {
    using _ticket = await checks.acquire({ signal: NEVER });
    passwordChecks += 1;
    const isRight = await verifyPassword(password, stored === undefined ? decoy : await stored());
    return isRight && stored !== undefined;
  }

  /** Neither length nor content of the key shows in the time this takes. */
  function isApiKey(key: string): boolean {
    const digest = (text: string) => createHmac("sha256", compareKey).update(text).digest();
    return timingSafeEqual(digest(key), digest(apiKey ?? "")) && apiKey !== undefined;
  }

  function keyCredential(key: string): Credential {
    return {
      owner: API_KEY_OWNER,
      check: () => {
        const current = apiKey;
        return { isRight: Promise.resolve(isApiKey(key)), isCurrent: () => apiKey === current };
      },
    };
  }

  function basicCredential(header: string): Credential | undefined {
    const basic = parseBasic(header);
    if (basic === undefined) return undefined;
    const { user, password } = basic;
    return {
      owner: user,
      check: () => {
        const stored = users.get(user);
        return { isRight: checkPassword(stored, password), isCurrent: () => users.get(user) === stored };
      },
    };
  }

  async function fly(fingerprint: Fingerprint, { owner, check }: Credential): Promise<boolean> {
    const { isRight, isCurrent } = check();
    const verdict = await isRight;
    if (!isCurrent()) return false;
    remembered.remember(fingerprint, { user: owner, isRight: verdict });
    return verdict;
  }

  async function authenticate(
    headers: IncomingHttpHeaders,
    address: string,
    given?: string,
  ): Promise<Identity | AuthFailure> {
    const key = given ?? headers["x-api-key"]?.toString() ?? "";
    const sent = key === "" ? headers.authorization : key;
    if (sent === undefined) return unauthorized(NONE);
    // Every request comes by here; what is beyond is for the first one of a client.
    const fingerprint = remembered.fingerprint(key === "" ? "basic" : "key", sent);
    const known = remembered.find(fingerprint);
    if (known !== undefined) return known.isRight ? identityOf(known.user) : unauthorized(WRONG);

    const credential = key === "" ? basicCredential(sent) : keyCredential(key);
    if (credential === undefined) return unauthorized(NONE);
    let flight = flights.get(fingerprint);
    if (flight === undefined) {
      if (checks.waiting >= CHECKS_WAITING) return tooMany("too many logins at once", 1_000);
      const waitMs = attempts.take(address);
      if (waitMs > 0) return tooMany("too many wrong passwords from this address", waitMs);
      flight = fly(fingerprint, credential).finally(() => flights.delete(fingerprint));
      flights.set(fingerprint, flight);
      if (await flight) attempts.giveBack(address);
    }
    return (await flight) ? identityOf(credential.owner) : unauthorized(WRONG);
  }

  options.users.forEach(setUser);
  setApiKey(options.apiKey);
  return {
    authenticate,
    setUser,
    removeUser,
    setApiKey,
    get passwordChecks() {
      return passwordChecks;
    },
  };
}

function identityOf(owner: string): Identity {
  return owner === API_KEY_OWNER ? API_IDENTITY : { user: owner, via: "password" };
}

function unauthorized(message: string): AuthFailure {
  return { status: 401, headers: { "WWW-Authenticate": BASIC_CHALLENGE }, message };
}

function tooMany(message: string, waitMs: number): AuthFailure {
  return { status: 429, headers: { "Retry-After": String(Math.ceil(waitMs / 1000)) }, message };
}
