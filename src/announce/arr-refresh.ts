import { type Clock, sleep } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Config } from "../config/settings.ts";
import { Peer } from "./peer.ts";

export interface ArrRefreshOptions extends Cancel {
  readonly settings: Config["arrs"][number];
  readonly clock: Clock;
  readonly log: Logger;
}

const CALL_MS = 10_000;
const APART_MS = 5_000;

/** A Sonarr or Radarr that is asked to look at its downloads now instead of within a minute; not again within five seconds. */
export class ArrRefresh {
  readonly #options: ArrRefreshOptions;
  readonly #peer: Peer;
  #isWanted = false;
  #isBusy = false;
  #work = Promise.resolve();

  constructor(options: ArrRefreshOptions) {
    const { settings, clock, log } = options;
    const { url, apiKey } = settings;
    this.#options = options;
    this.#peer = new Peer({ url, headers: { "X-Api-Key": apiKey }, kind: "arr", clock, log });
  }

  /** Does not wait for it. */
  ask(): void {
    this.#isWanted = true;
    if (!this.#isBusy) this.#work = this.#askWhileWanted();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#work;
  }

  async #askWhileWanted(): Promise<void> {
    const { clock, signal } = this.#options;
    this.#isBusy = true;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        const body = { name: "RefreshMonitoredDownloads" };
        const outcome = await this.#peer.post("/api/v3/command", body, { signal, withinMs: CALL_MS });
        this.#peer.report(outcome.kind === "answer" ? undefined : outcome.why);
        await sleep(clock, APART_MS, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#isBusy = false;
    }
  }
}
