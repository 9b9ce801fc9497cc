import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../base/clock.ts";

export interface NonceLimits {
  /** How long a nonce waits for its first answer. */
  readonly unansweredMs: number;
  /** How long it may be used from when it was made, once it was answered rightly. */
  readonly answeredMs: number;
  /** Answered ones that are kept in mind; the longest unused go first. */
  readonly sessions: number;
}

/**
 * An answered nonce lives long: no count of it is ever taken twice, so that its age gives nothing away, while VLC cannot change to
 * another one and would lose its film after a pause.
 */
export const defaultNonceLimits: NonceLimits = { unansweredMs: 5 * 60_000, answeredMs: 24 * 3_600_000, sessions: 4096 };

/** Counts this far behind the highest one may still arrive: clients use several connections, whose requests overtake one another. */
const WINDOW = 1024;
const TIME_BYTES = 6;
const RANDOM_BYTES = 11;
const SEAL_BYTES = 16;
/** All of them in base64url. */
const SHAPE = /^[\w-]{44}$/;

interface Session<Proof> {
  readonly madeAt: number;
  proof: Proof | undefined;
  highest: number;
  /** Bit `count % WINDOW`: whether that count was taken, for those within the window. */
  readonly taken: Uint32Array;
}

/** What is known of a nonce that a client sent. */
export interface NonceState<Proof> {
  /** False: too old, of another process, or none of ours. */
  readonly isFresh: boolean;
  /** What its rightful answer has proven. */
  readonly proof: Proof | undefined;
}

/**
 * Nonces for Digest (RFC 7616 section 3.3). One is its own record, sealed with a key of this process, until it was answered rightly: strangers
 * cost no memory. From then on the counts (`nc`) that were used with it are remembered, and each is taken once.
 */
export class Nonces<Proof> {
  readonly #key = randomBytes(32);
  readonly #sessions = new Map<string, Session<Proof>>();
  readonly #clock: Clock;
  readonly #limits: NonceLimits;
  /** What was made by then may have been forgotten, so it is taken for old. */
  #forgottenUntil = -1;

  constructor(clock: Clock, limits: NonceLimits = defaultNonceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Answered ones that are kept in mind. */
  get size(): number {
    return this.#sessions.size;
  }

  /** A new one; with `proof` it goes to a client that is known to have it. */
  make(proof?: Proof): string {
    const madeAt = Math.floor(this.#clock.now());
    const body = Buffer.alloc(TIME_BYTES + RANDOM_BYTES);
    body.writeUIntBE(madeAt, 0, TIME_BYTES);
    randomBytes(RANDOM_BYTES).copy(body, TIME_BYTES);
    const nonce = Buffer.concat([body, this.#seal(body)]).toString("base64url");
    if (proof !== undefined) this.#open(nonce, madeAt).proof = proof;
    return nonce;
  }

  look(nonce: string): NonceState<Proof> {
    const session = this.#sessions.get(nonce);
    const madeAt = session?.madeAt ?? this.#madeAt(nonce);
    if (madeAt === undefined) return { isFresh: false, proof: undefined };
    const { answeredMs, unansweredMs } = this.#limits;
    const age = this.#clock.now() - madeAt;
    const isFresh = session === undefined ? madeAt > this.#forgottenUntil && age <= unansweredMs : age <= answeredMs;
    return { isFresh, proof: session?.proof };
  }

  /** Notes what the answer to a fresh nonce has proven, and that it used this count; false when the count was used before. */
  take(nonce: string, count: number, proof: Proof): boolean {
    const session = this.#sessions.get(nonce) ?? this.#open(nonce, this.#madeAt(nonce) ?? 0);
    this.#touch(nonce, session);
    session.proof = proof;
    return takeCount(session, count);
  }

  #open(nonce: string, madeAt: number): Session<Proof> {
    const taken = new Uint32Array(WINDOW / 32);
    const session: Session<Proof> = { madeAt, proof: undefined, highest: -1, taken };
    this.#touch(nonce, session);
    if (this.#sessions.size <= this.#limits.sessions) return session;
    const [quietest] = this.#sessions;
    if (quietest === undefined) return session;
    this.#sessions.delete(quietest[0]);
    this.#forgottenUntil = Math.max(this.#forgottenUntil, quietest[1].madeAt);
    return session;
  }

  #touch(nonce: string, session: Session<Proof>): void {
    this.#sessions.delete(nonce);
    this.#sessions.set(nonce, session);
  }

  /** When we made it, or undefined when we did not. */
  #madeAt(nonce: string): number | undefined {
    if (!SHAPE.test(nonce)) return undefined;
    const bytes = Buffer.from(nonce, "base64url");
    const body = bytes.subarray(0, TIME_BYTES + RANDOM_BYTES);
    return timingSafeEqual(this.#seal(body), bytes.subarray(body.length)) ? body.readUIntBE(0, TIME_BYTES) : undefined;
  }

  #seal(body: Uint8Array): Buffer {
    return createHmac("sha256", this.#key).update(body).digest().subarray(0, SEAL_BYTES);
  }
}

function takeCount(session: Session<unknown>, count: number): boolean {
  const { highest, taken } = session;
  if (count <= highest - WINDOW) return false;
  if (count > highest) {
    if (count - highest >= WINDOW) taken.fill(0);
    else for (let skipped = highest + 1; skipped <= count; skipped += 1) clearBit(taken, skipped);
    session.highest = count;
  }
  const bit = count % WINDOW;
  const mask = 1 << (bit & 31);
  const word = taken[bit >>> 5] as number;
  taken[bit >>> 5] = word | mask;
  return (word & mask) === 0;
}

function clearBit(taken: Uint32Array, count: number): void {
  const bit = count % WINDOW;
  taken[bit >>> 5] = (taken[bit >>> 5] as number) & ~(1 << (bit & 31));
}
