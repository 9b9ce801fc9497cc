import type { Clock } from "../base/clock.ts";
import { errorCode, RequestError } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { appSecretHash, newAppSecret } from "./app-secret.ts";
import { spellings } from "./bytes.ts";
import { DIGEST_ALGORITHMS, type DigestAlgorithm, digestSecret } from "./digest.ts";

/** A password of one device, as it may be shown. Times are milliseconds since 1970. */
export interface AppPassword {
  readonly id: number;
  /** The device, as its owner calls it; no two have the same. */
  readonly name: string;
  readonly mayWrite: boolean;
  readonly createdAt: number;
  /** To within a minute. */
  readonly lastUsedAt: number | undefined;
}

/**
 * With what is kept of the secret. `hash` is worthless to who reads it. A Digest secret (H(A1)) is not: Digest never sees the password, so its
 * holder can log in by Digest in the name that it was made for, until the app password is revoked, though not by Basic, and learns nothing
 * about any other password.
 */
export interface StoredAppPassword extends AppPassword {
  /** See appSecretHash. */
  readonly hash: string;
  readonly digestSecrets: Readonly<Record<DigestAlgorithm, string>>;
}

/** Where they outlive the process. Each call is one short transaction. */
export interface AppPasswordStore {
  load(): readonly StoredAppPassword[];
  /** Its id, which none ever had. */
  add(password: Omit<StoredAppPassword, "id" | "lastUsedAt">): number;
  remove(id: number): void;
  noteUse(id: number, at: number): void;
}

export interface AppPasswordOptions {
  readonly store: AppPasswordStore;
  /** The user whose name they are used with. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log?: Logger;
}

export const MAX_APP_PASSWORDS = 100;
const NOTE_EVERY_MS = 60_000;
const NAME = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,64}$/u;

/** The passwords of the owner's devices. All are in memory; the store is written behind it. */
export class AppPasswords {
  readonly owner: string;
  readonly #store: AppPasswordStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #byId = new Map<number, StoredAppPassword>();
  /** Ids; a hash says nothing about its secret, so how long the search takes says nothing either. */
  readonly #byHash = new Map<string, number>();

  constructor({ store, owner, clock, log = silentLogger }: AppPasswordOptions) {
    this.owner = owner.normalize("NFC");
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    for (const password of store.load()) this.#keep(password);
  }

  /** In the order they were made. */
  list(): readonly StoredAppPassword[] {
    return [...this.#byId.values()];
  }

  get(id: number): StoredAppPassword | undefined {
    return this.#byId.get(id);
  }

  /** Makes one; the secret is nowhere to be had afterwards. Throws BAD_REQUEST for a name that is none, CONFLICT when it is taken, or there are too many. */
  add(wish: { readonly name: string; readonly mayWrite: boolean }): {
    readonly password: AppPassword;
    readonly secret: string;
  } {
    const name = wish.name.normalize("NFC").trim();
    if (!NAME.test(name)) throw new RequestError("BAD_REQUEST", "the name of an app password has 1 to 64 characters");
    if (this.list().some((other) => other.name === name)) {
      throw new RequestError("CONFLICT", "another app password has this name", { hint: "revoke that one first" });
    }
    if (this.#byId.size >= MAX_APP_PASSWORDS) {
      throw new RequestError("CONFLICT", `there are ${MAX_APP_PASSWORDS} app passwords already`, {
        hint: "revoke those that are not used any more",
      });
    }
    const secret = newAppSecret();
    const made = {
      name,
      mayWrite: wish.mayWrite,
      createdAt: Math.round(this.#clock.wall()),
      hash: appSecretHash(secret) as string,
      digestSecrets: digestSecretsOf(this.owner, secret),
    };
    const password = { ...made, id: this.#store.add(made), lastUsedAt: undefined };
    this.#keep(password);
    return { password, secret };
  }

  /** Revokes one, which counts from the next request on. Returns it, or undefined when there is none. */
  remove(id: number): AppPassword | undefined {
    const password = this.#byId.get(id);
    if (password === undefined) return undefined;
    this.#store.remove(id);
    this.#byId.delete(id);
    this.#byHash.delete(password.hash);
    return password;
  }

  /** The one that somebody has typed. */
  find(typed: string): StoredAppPassword | undefined {
    const hash = appSecretHash(typed);
    const id = hash === undefined ? undefined : this.#byHash.get(hash);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** Notes that it was used, which costs a write once a minute; false when it was revoked. */
  use(id: number): boolean {
    const password = this.#byId.get(id);
    if (password === undefined) return false;
    const now = Math.round(this.#clock.wall());
    if (Math.abs(now - (password.lastUsedAt ?? 0)) < NOTE_EVERY_MS) return true;
    this.#byId.set(id, { ...password, lastUsedAt: now });
    try {
      this.#store.noteUse(id, now);
    } catch (error) {
      // A full disk must not keep anybody from watching.
      this.#log.warn({ appPassword: password.name, code: errorCode(error) }, "the use of an app password is not noted");
    }
    return true;
  }

  #keep(password: StoredAppPassword): void {
    this.#byId.set(password.id, password);
    this.#byHash.set(password.hash, password.id);
  }
}

/** For the name's first spelling, UTF-8; the secret is ASCII. */
function digestSecretsOf(owner: string, secret: string): Readonly<Record<DigestAlgorithm, string>> {
  const [user = ""] = spellings(owner);
  const pairs = DIGEST_ALGORITHMS.map(
    (algorithm) => [algorithm, digestSecret(algorithm, { user, password: secret })] as const,
  );
  return Object.fromEntries(pairs) as Record<DigestAlgorithm, string>;
}
