import { isIPv6 } from "node:net";
import type { Clock } from "../base/clock.ts";

export interface AttemptLimits {
  /** Wrong credentials that an address may try at once. */
  readonly attempts: number;
  /** How long it takes until it may try one more. */
  readonly refillMs: number;
  /** Addresses that are kept in mind; the ones longest quiet are forgotten first. */
  readonly addresses: number;
}

export const defaultAttemptLimits: AttemptLimits = { attempts: 10, refillMs: 15_000, addresses: 4096 };

interface Bucket {
  readonly used: number;
  readonly at: number;
}

/** A leaky bucket per address. An attempt is counted before its outcome is known, so that many at once do not slip through. */
export class AttemptLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #clock: Clock;
  readonly #limits: AttemptLimits;

  constructor(clock: Clock, limits: AttemptLimits = defaultAttemptLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** 0 when the attempt may go on (and is counted), else the milliseconds to wait. */
  take(address: string): number {
    const { attempts, refillMs } = this.#limits;
    const source = sourceOf(address);
    const used = this.#used(source);
    if (used > attempts - 1) return Math.ceil((used - (attempts - 1)) * refillMs);
    this.#set(source, used + 1);
    return 0;
  }

  /** The attempt turned out to be none: the credential was right. */
  giveBack(address: string): void {
    const source = sourceOf(address);
    this.#set(source, Math.max(0, this.#used(source) - 1));
  }

  get size(): number {
    return this.#buckets.size;
  }

  #used(source: string): number {
    const bucket = this.#buckets.get(source);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.used - (this.#clock.now() - bucket.at) / this.#limits.refillMs);
  }

  #set(source: string, used: number): void {
    this.#buckets.delete(source);
    if (used > 0) this.#buckets.set(source, { used, at: this.#clock.now() });
    if (this.#buckets.size <= this.#limits.addresses) return;
    const [quietest] = this.#buckets.keys();
    if (quietest !== undefined) this.#buckets.delete(quietest);
  }
}

/** Who has one IPv6 address has 2^64 of them, so the network counts. */
function sourceOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1] as string;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = (address.split("%", 1)[0] as string).split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
