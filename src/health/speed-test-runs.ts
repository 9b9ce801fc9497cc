import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import { Limiter } from "../base/limiter.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { ProviderOptions } from "../nntp/provider-options.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import { measureSpeed, refuseToStart, type SpeedContext, type SpeedTarget, type SpeedTestWish } from "./speed-test.ts";
import type { SpeedEvent } from "./speed-test-events.ts";
import { Guests, guestKey, type OpenClient, type ProviderClient } from "./speed-test-guests.ts";
import { SpeedRun } from "./speed-test-run.ts";

export interface SpeedTestsOptions {
  readonly catalog: Pick<Catalog, "sampleSegments">;
  /** The providers as configured, and the client for all of them. */
  readonly providers: readonly ProviderOptions[];
  readonly client: ProviderClient;
  /** For a provider that is not configured. */
  readonly openClient: OpenClient;
  readonly activity: SpeedContext["activity"];
  /** See `SpeedContext.heldBack`; concerns the configured providers, since guests have connections of their own. */
  readonly heldBack: SpeedContext["heldBack"];
  /** Memory that a test may take. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 <= random() < 1; chooses the articles. */
  readonly random?: () => number;
}

/** A provider to be measured, and how to get at it for as long as that takes. */
interface Account {
  readonly options: ProviderOptions;
  /** Configured providers go by their name, guests by their options. */
  readonly key: string;
  readonly client: () => Disposable & { readonly client: ProviderClient };
  readonly heldBack: SpeedContext["heldBack"];
}

/**
 * The speed tests there are. One provider is measured once, however many ask: those who come later join. Different providers are measured
 * one after the other, since they share the line. Ends with stopping all of them and closing the clients of guests.
 */
export class SpeedTests implements AsyncDisposable {
  readonly #options: SpeedTestsOptions;
  readonly #guests: Guests;
  readonly #turn = new Limiter(1);
  readonly #runs = new Map<string, SpeedRun>();
  readonly #sample: SpeedContext["sample"];

  constructor(options: SpeedTestsOptions) {
    const { catalog, random = Math.random, openClient, clock } = options;
    this.#options = options;
    this.#guests = new Guests({ open: openClient, clock });
    this.#sample = (count) => catalog.sampleSegments(count, random);
  }

  /** Clients of providers that are not configured. */
  get guests(): number {
    return this.#guests.size;
  }

  /** Measures the provider of this name; who joins a test gets what the first one wished for. Throws NOT_FOUND, and as `measureSpeed` does. */
  async *test(name: string, wish: SpeedTestWish, cancel: Cancel): AsyncGenerator<SpeedEvent, void, undefined> {
    const options = this.#options.providers.find(({ id }) => id === name);
    if (options === undefined) {
      throw new RequestError("NOT_FOUND", `no provider is called ${JSON.stringify(name.slice(0, 100))}`, {
        hint: "GET /api/v1/providers names them all",
      });
    }
    yield* this.#join(this.#configured(options), wish).follow(cancel);
  }

  /** The same for a provider that is not configured; the account of one that is, is measured as that one, so that its limit holds. */
  async *testGuest(
    options: ProviderOptions,
    wish: SpeedTestWish,
    cancel: Cancel,
  ): AsyncGenerator<SpeedEvent, void, undefined> {
    const known = this.#options.providers.find((provider) => isSameAccount(provider, options));
    yield* this.#join(known === undefined ? this.#guest(options) : this.#configured(known), wish).follow(cancel);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const run of runs) run.stop(new RequestError("NOT_READY", "the server is stopping"));
    await Promise.all(runs.map(({ ended }) => ended));
    await this.#guests[Symbol.asyncDispose]();
  }

  #configured(options: ProviderOptions): Account {
    const { client, heldBack } = this.#options;
    const key = `configured ${options.id}`;
    return { options, key, client: () => ({ client, [Symbol.dispose]() {} }), heldBack };
  }

  #guest(options: ProviderOptions): Account {
    const key = `guest ${guestKey(options)}`;
    return { options, key, client: () => this.#guests.lease(options), heldBack: () => undefined };
  }

  #join(account: Account, wish: SpeedTestWish): SpeedRun {
    const { key, heldBack } = account;
    const known = this.#runs.get(key);
    if (known !== undefined && !known.isOver) return known;
    refuseToStart({ sample: this.#sample, activity: this.#options.activity, heldBack }, wish);
    // Taken before the test waits its turn, so that a fifth guest is told at once.
    const lease = account.client();
    const run = new SpeedRun((tell, cancel) => this.#measure(account, wish, { ...cancel, tell, client: lease.client }));
    this.#runs.set(key, run);
    void run.ended.then(() => {
      lease[Symbol.dispose]();
      if (this.#runs.get(key) === run) this.#runs.delete(key);
    });
    return run;
  }

  async #measure(
    { options, heldBack }: Account,
    wish: SpeedTestWish,
    { client, tell, signal }: Cancel & Pick<SpeedContext, "tell"> & { readonly client: ProviderClient },
  ): Promise<void> {
    const { activity, memoryBytes, clock, log } = this.#options;
    if (this.#turn.used > 0)
      tell({ kind: "waiting", words: "another provider is being tested; this one comes after it" });
    using _turn = await this.#turn.acquire({ signal });
    const { id } = options;
    const target: SpeedTarget = {
      source: client,
      snapshot: () => client.snapshot().find((provider) => provider.id === id) as ProviderSnapshot,
    };
    const heard = (event: SpeedEvent) => {
      if (event.kind === "report") {
        const { ended, connections, depth, bytesPerSecond, usedBytes } = event;
        log.info({ provider: id, ended, connections, depth, bytesPerSecond, usedBytes }, "speed test done");
      }
      tell(event);
    };
    const context = { sample: this.#sample, memoryBytes, clock, activity, heldBack };
    await measureSpeed(target, wish, { ...context, tell: heard, signal });
  }
}

/** Whether both log in as the same: their connections count together. */
function isSameAccount(a: ProviderOptions, b: ProviderOptions): boolean {
  return (
    a.host.toLowerCase() === b.host.toLowerCase() &&
    a.port === b.port &&
    a.tls === b.tls &&
    a.username === b.username &&
    a.password === b.password
  );
}
