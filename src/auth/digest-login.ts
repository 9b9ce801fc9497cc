import type { AttemptLimiter } from "./attempt-limiter.ts";
import { type DigestAlgorithm, type DigestCredentials, digestSubject, parseDigest, provesSecret } from "./digest.ts";
import { isSameTarget } from "./digest-target.ts";
import type { AuthRequest, Identity } from "./identity.ts";
import type { Nonces } from "./nonces.ts";
import type { VerifiedCache } from "./verified-cache.ts";

/** Something that a Digest login can prove to know, and whom that makes the client. */
export interface DigestProof {
  /** H(A1) in hex. */
  readonly secret: string;
  readonly identity: Identity;
  /** False once it was changed or revoked; else notes that it was used. */
  isCurrent(): boolean;
}

/** All that the credentials could prove; as many, at the same cost, for a user who does not exist, and then none of them counts. */
export interface DigestCandidates {
  readonly proofs: Iterable<DigestProof>;
  readonly doCount: boolean;
}

export interface DigestLoginOptions {
  readonly nonces: Nonces<DigestProof>;
  readonly attempts: AttemptLimiter;
  readonly remembered: VerifiedCache;
  readonly urlBase: string;
  candidates(users: readonly string[], algorithm: DigestAlgorithm): DigestCandidates;
}

/** `stale`: the client shall repeat with a nonce made for `proof`, and nothing is said about its password. */
export type DigestVerdict =
  | { readonly kind: "right"; readonly identity: Identity }
  | { readonly kind: "none" | "wrong" }
  | { readonly kind: "stale"; readonly proof: DigestProof | undefined }
  | { readonly kind: "too-many"; readonly waitMs: number };

/**
 * Checks Digest credentials. A nonce whose answer has proven a secret goes on working for who knows that secret, however much others guess from
 * the same address; only new answers count as attempts, and only those that are wrong, each once. Old nonces, counts used before and signatures of
 * another URL say nothing about the password: they cost nothing and reveal nothing.
 */
export function createDigestLogin(options: DigestLoginOptions) {
  const { nonces, attempts, remembered, urlBase, candidates } = options;

  return (request: AuthRequest, header: string, address: string): DigestVerdict => {
    const credentials = parseDigest(header);
    if (credentials === undefined || !isSameTarget(credentials.uri, request.url ?? "", urlBase))
      return { kind: "none" };
    const { algorithm, nonce, uri } = credentials;
    const method = request.method ?? "";
    const subject = digestSubject(algorithm, method, uri);
    const count = Number.parseInt(credentials.nc, 16);

    const { isFresh, proof } = nonces.look(nonce);
    const isKnown = proof !== undefined && provesSecret(credentials, proof.secret, subject) && proof.isCurrent();
    if (isKnown) {
      // Its next nonce needs no new proof, so that a client is not shut out by what others do at its address.
      if (!nonces.take(nonce, count, proof)) return { kind: "stale", proof: undefined };
      return isFresh ? { kind: "right", identity: proof.identity } : { kind: "stale", proof };
    }
    if (!isFresh) return { kind: "stale", proof: undefined };

    const fingerprint = remembered.fingerprint("digest", method, header);
    if (remembered.find(fingerprint) !== undefined) return { kind: "wrong" };
    const waitMs = attempts.take(address);
    if (waitMs > 0) return { kind: "too-many", waitMs };
    const found = search(candidates(credentials.users, algorithm), credentials, subject);
    if (found === undefined) {
      remembered.remember(fingerprint, { owner: credentials.users[0] as string, identity: undefined });
      return { kind: "wrong" };
    }
    attempts.giveBack(address);
    if (!found.isCurrent() || !nonces.take(nonce, count, found)) return { kind: "stale", proof: undefined };
    return { kind: "right", identity: found.identity };
  };
}

/** Looks at all of them, whichever is right. */
function search({ proofs, doCount }: DigestCandidates, credentials: DigestCredentials, subject: string) {
  let found: DigestProof | undefined;
  for (const proof of proofs) if (provesSecret(credentials, proof.secret, subject)) found = proof;
  return doCount ? found : undefined;
}
