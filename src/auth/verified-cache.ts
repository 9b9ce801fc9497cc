import { hash, randomBytes } from "node:crypto";
import type { Identity } from "./identity.ts";

/** Stands for a credential in memory; worthless outside this process. */
export type Fingerprint = string & { readonly __fingerprint: true };

/** What is known of a credential. */
export interface Verdict {
  /** Who has it; for a wrong one, who the client claimed to be. */
  readonly owner: string;
  /** undefined: it is wrong. */
  readonly identity: Identity | undefined;
}

/**
 * Remembers which credentials were found right or wrong, as keyed hashes under a key that never leaves the process, the least
 * recently used forgotten first. Right and wrong ones have room of their own, so that guessing cannot push out who is logged in.
 */
export class VerifiedCache {
  /** Goes before what is hashed: nobody sees the hashes, so nobody can make one longer. */
  readonly #key = `${randomBytes(32).toString("base64")}\0`;
  readonly #right = new Map<Fingerprint, Verdict>();
  readonly #wrong = new Map<Fingerprint, Verdict>();
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

  find(fingerprint: Fingerprint): Verdict | undefined {
    return touch(this.#right, fingerprint) ?? touch(this.#wrong, fingerprint);
  }

  remember(fingerprint: Fingerprint, verdict: Verdict): void {
    const map = verdict.identity === undefined ? this.#wrong : this.#right;
    map.set(fingerprint, verdict);
    if (map.size <= this.#capacity) return;
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }

  /** Forgets everything about this owner's credentials, as when the password changes. */
  forget(owner: string): void {
    for (const map of [this.#right, this.#wrong]) {
      for (const [fingerprint, verdict] of map) if (verdict.owner === owner) map.delete(fingerprint);
    }
  }
}

function touch(map: Map<Fingerprint, Verdict>, fingerprint: Fingerprint): Verdict | undefined {
  const verdict = map.get(fingerprint);
  if (verdict === undefined) return undefined;
  map.delete(fingerprint);
  map.set(fingerprint, verdict);
  return verdict;
}
