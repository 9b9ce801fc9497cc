import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { ArticleSource } from "../nntp/article-source.ts";
import type { ProviderOptions } from "../nntp/provider-options.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";

/** A guest that nobody has used for so long is closed. */
const KEPT_MS = 300_000;
/** How often the janitor comes, while there is any. */
const JANITOR_MS = 30_000;
const MOST_GUESTS = 4;

/** Providers as one, as far as a test needs them. */
export interface ProviderClient extends ArticleSource {
  snapshot(): readonly ProviderSnapshot[];
}

/** A client with one provider of its own. */
export type OpenClient = (options: ProviderOptions) => ProviderClient & AsyncDisposable;

/** Holding it keeps the client open. */
export interface GuestLease extends Disposable {
  readonly client: ProviderClient;
}

interface Guest {
  readonly client: ProviderClient & AsyncDisposable;
  users: number;
  usedAt: number;
}

/**
 * Clients of providers that are not configured: at most four, each kept for five minutes after its last use, so that a second try
 * needs no new login. The janitor's timer runs only while there is a guest. Ends with closing them all.
 */
export class Guests implements AsyncDisposable {
  readonly #open: OpenClient;
  readonly #clock: Clock;
  readonly #guests = new Map<string, Guest>();
  readonly #closing = new Set<Promise<void>>();
  #janitor: Disposable | undefined;

  constructor({ open, clock }: { readonly open: OpenClient; readonly clock: Clock }) {
    this.#open = open;
    this.#clock = clock;
  }

  get size(): number {
    return this.#guests.size;
  }

  /** The client for these options, the one that is there if there is one. Throws NOT_READY when four others are in use. */
  lease(options: ProviderOptions): GuestLease {
    const key = guestKey(options);
    const guest = this.#guests.get(key) ?? this.#welcome(key, options);
    guest.users += 1;
    let isHeld = true;
    return {
      client: guest.client,
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        guest.users -= 1;
        guest.usedAt = this.#clock.now();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of this.#guests.keys()) this.#dismiss(key);
    await Promise.all(this.#closing);
  }

  #welcome(key: string, options: ProviderOptions): Guest {
    if (this.#guests.size >= MOST_GUESTS) this.#makeRoom();
    const guest = { client: this.#open(options), users: 0, usedAt: this.#clock.now() };
    this.#guests.set(key, guest);
    this.#janitor ??= this.#clock.every(JANITOR_MS, () => this.#sweep());
    return guest;
  }

  #makeRoom(): void {
    const idle = [...this.#guests].filter(([, { users }]) => users === 0).sort(([, a], [, b]) => a.usedAt - b.usedAt);
    const [oldest] = idle;
    if (oldest === undefined) {
      throw new RequestError("NOT_READY", `${MOST_GUESTS} providers that are not configured are being tested already`, {
        hint: "wait until one of them is done",
      });
    }
    this.#dismiss(oldest[0]);
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const [key, { users, usedAt }] of this.#guests) {
      if (users === 0 && now - usedAt >= KEPT_MS) this.#dismiss(key);
    }
  }

  #dismiss(key: string): void {
    const guest = this.#guests.get(key);
    this.#guests.delete(key);
    if (this.#guests.size === 0) {
      this.#janitor?.[Symbol.dispose]();
      this.#janitor = undefined;
    }
    if (guest === undefined) return;
    const closed = Promise.resolve(guest.client[Symbol.asyncDispose]()).finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

/** Tells guests apart, without holding their passwords; what concerns only the order among providers does not count. */
export function guestKey({ tier: _tier, backup: _backup, ...account }: ProviderOptions): string {
  return createHash("sha256").update(JSON.stringify(account)).digest("hex");
}
