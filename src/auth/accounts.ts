import { Limiter } from "../base/limiter.ts";
import type { AppPassword, AppPasswords } from "./app-passwords.ts";
import type { BasicCredentials } from "./basic.ts";
import { spellings, textOf } from "./bytes.ts";
import { type DigestAlgorithm, digestSecret } from "./digest.ts";
import type { DigestCandidates, DigestProof } from "./digest-login.ts";
import type { Identity } from "./identity.ts";
import {
  defaultCost,
  hashPassword,
  impossibleHash,
  type PasswordHash,
  parsePasswordHash,
  verifyPassword,
} from "./passwords.ts";

/** Who may log in: with a stored hash (see hashPassword; such a user has no Digest), or with a password from the configuration. */
export type User =
  | { readonly name: string; readonly passwordHash: string }
  | { readonly name: string; readonly password: string };

/** Something that a client sent, which may be somebody's. */
export interface Credential {
  /** Who has it, or claims to. */
  readonly owner: string;
  /** Whom it belongs to; `isCurrent` says whether that still counts when the answer is there. */
  check(): {
    readonly identity: Identity | undefined | Promise<Identity | undefined>;
    isCurrent(): boolean;
  };
}

/** Checks at once; the thread pool that does them has four threads, and other work. */
const CHECKS_AT_ONCE = 2;
const CHECKS_WAITING = 64;
const NEVER = new AbortController().signal;

interface Account {
  readonly hash: () => Promise<PasswordHash>;
  /** The password as clients may write it, since Digest is made of it and of the name, which they also write in several ways. */
  readonly passwords: readonly string[];
}

/** The users, their passwords and the app passwords of one of them. An unknown user costs what a wrong password costs. */
export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #appPasswords: AppPasswords | undefined;
  readonly #checks = new Limiter(CHECKS_AT_ONCE);
  #passwordChecks = 0;
  /** Checked in place of a user who does not exist, at the cost of the users who do. */
  #decoy = impossibleHash(defaultCost);

  constructor(appPasswords: AppPasswords | undefined) {
    this.#appPasswords = appPasswords;
  }

  /** Hashes computed so far. */
  get passwordChecks(): number {
    return this.#passwordChecks;
  }

  /** So many hashes wait to be computed that no more should. */
  get isBusy(): boolean {
    return this.#checks.waiting >= CHECKS_WAITING;
  }

  set(user: User): void {
    const name = user.name.normalize("NFC");
    if ("passwordHash" in user) {
      const hash = parsePasswordHash(user.passwordHash);
      this.#decoy = impossibleHash(hash.cost);
      this.#accounts.set(name, { hash: () => Promise.resolve(hash), passwords: [] });
      return;
    }
    const hash = hashPassword(user.password).then(parsePasswordHash);
    // Whoever logs in gets to see the rejection.
    hash.catch(() => {});
    this.#accounts.set(name, { hash: () => hash, passwords: spellings(user.password) });
  }

  remove(name: string): void {
    this.#accounts.delete(name.normalize("NFC"));
  }

  /** False for an app password that was revoked, or has no owner any more; else notes its use. */
  isInUse({ user, appPassword }: Identity): boolean {
    return appPassword === undefined || (this.#accounts.has(user) && this.#appPasswords?.use(appPassword) === true);
  }

  credential({ user, password }: BasicCredentials): Credential {
    const name = this.#nameOf(user);
    const app = name === this.#appPasswords?.owner ? this.#appPasswords.find(password) : undefined;
    if (app !== undefined) {
      const identity = appIdentity(name, app);
      // Never a user's name: it has a NUL.
      return { owner: `app\0${app.id}`, check: () => ({ identity, isCurrent: () => this.isInUse(identity) }) };
    }
    return {
      owner: name,
      check: () => {
        const account = this.#accounts.get(name);
        const identity = this.#checkPassword(name, account, password);
        return { identity, isCurrent: () => this.#accounts.get(name) === account };
      },
    };
  }

  /** What Digest credentials with these spellings of a name could prove. */
  digestCandidates(users: readonly string[], algorithm: DigestAlgorithm): DigestCandidates {
    const names = users.map((user) => this.#nameOf(textOf(Buffer.from(user, "latin1"))));
    const known = names.find((name) => this.#accounts.has(name));
    const [standIn = ""] = this.#accounts.keys();
    return { proofs: this.#proofs(known ?? standIn, users, algorithm), doCount: known !== undefined };
  }

  *#proofs(name: string, users: readonly string[], algorithm: DigestAlgorithm): Generator<DigestProof> {
    const account = this.#accounts.get(name);
    for (const user of users) {
      for (const password of account?.passwords ?? []) {
        yield {
          secret: digestSecret(algorithm, { user, password }),
          identity: passwordIdentity(name),
          isCurrent: () => this.#accounts.get(name) === account,
        };
      }
    }
    if (this.#appPasswords?.owner !== name) return;
    for (const app of this.#appPasswords.list()) {
      const identity = appIdentity(name, app);
      yield { secret: app.digestSecrets[algorithm], identity, isCurrent: () => this.isInUse(identity) };
    }
  }

  /** The name of the account that is meant; Windows may put its domain before it. */
  #nameOf(sent: string): string {
    return this.#accounts.has(sent) ? sent : sent.slice(sent.lastIndexOf("\\") + 1);
  }

  async #checkPassword(name: string, account: Account | undefined, password: string): Promise<Identity | undefined> {
    using _ticket = await this.#checks.acquire({ signal: NEVER });
    this.#passwordChecks += 1;
    const isRight = await verifyPassword(password, account === undefined ? this.#decoy : await account.hash());
    return isRight && account !== undefined ? passwordIdentity(name) : undefined;
  }
}

function passwordIdentity(user: string): Identity {
  return { user, mayWrite: true, via: "password" };
}

function appIdentity(user: string, { id, mayWrite }: AppPassword): Identity {
  return { user, mayWrite, via: "app-password", appPassword: id };
}
