import { hash, randomBytes } from "node:crypto";

/** Stands for a credential in memory; worthless outside this process. */
export type Fingerprint = string & { readonly __fingerprint: true };

/** `user` owns the credential; for a refused one, it is who the client claimed to be. */
interface Remembered {
  readonly user: string;
  readonly isRight: boolean;
}

/**
 * Remembers which credentials were found right or wrong, as keyed hashes under a key that never leaves the process, the least
 * recently used forgotten first. Right and wrong ones have room of their own, so that guessing cannot push out who is logged in.
 */
export class VerifiedCache {
  /** Goes before what is hashed: nobody sees the hashes, so nobody can make one longer. */
  readonly #key = `${randomBytes(32).toString("base64")}\0`;
  readonly #right = new Map<Fingerprint, string>();
  readonly #wrong = new Map<Fingerprint, string>();
  readonly #capacity: number;

  constructor(capacity = 1024) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#right.size + this.#wrong.size;
  }

  /** The parts must not contain NUL. */
  fingerprint(...parts: readonly string[]): Fingerprint {
    return hash("sha256", this.#key + parts.join("\0"), "base64") as Fingerprint;
  }

  find(fingerprint: Fingerprint): Remembered | undefined {
    const right = touch(this.#right, fingerprint);
    if (right !== undefined) return { user: right, isRight: true };
    const wrong = touch(this.#wrong, fingerprint);
    return wrong === undefined ? undefined : { user: wrong, isRight: false };
  }

  remember(fingerprint: Fingerprint, { user, isRight }: Remembered): void {
    const map = isRight ? this.#right : this.#wrong;
    map.set(fingerprint, user);
    if (map.size <= this.#capacity) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }

  /** Forgets everything about this user's credentials, as when the password changes. */
  forget(user: string): void {
    for (const map of [this.#right, this.#wrong]) {
      for (const [fingerprint, owner] of map) if (owner === user) map.delete(fingerprint);
    }
  }
}

function touch(map: Map<Fingerprint, string>, fingerprint: Fingerprint): string | undefined {
  const user = map.get(fingerprint);
  if (user === undefined) return undefined;
  map.delete(fingerprint);
  map.set(fingerprint, user);
  return user;
}
