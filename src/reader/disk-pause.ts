import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";

export interface Trouble {
  /** The same kind again is the same pause, and not told again. */
  readonly kind: string;
  /** Completes "nothing is written because ...". */
  readonly because: string;
  /** What the operator can do. */
  readonly hint: string;
  /** How long nothing is tried. */
  readonly ms: number;
}

/** A time without writing: how long, why, and one line in the log at its beginning and at its end. Has no timer: whoever comes after it tries. */
export class DiskPause {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #trouble: Trouble | undefined;
  #until = 0;

  constructor(folder: string, clock: Clock, log: Logger) {
    this.#folder = folder;
    this.#clock = clock;
    this.#log = log;
  }

  /** Until a write has succeeded, also while one is tried. */
  get because(): string | undefined {
    return this.#trouble?.because;
  }

  /** Whether nothing may be tried now. */
  get isOn(): boolean {
    return this.#trouble !== undefined && this.#clock.now() < this.#until;
  }

  begin(trouble: Trouble): void {
    const isKnown = this.#trouble?.kind === trouble.kind;
    this.#trouble = trouble;
    this.#until = this.#clock.now() + trouble.ms;
    if (isKnown) return;
    const { because: reason, hint } = trouble;
    this.#log.warn({ folder: this.#folder, reason, hint }, "nothing is written to the disk cache for now");
  }

  end(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info({ folder: this.#folder }, "the disk cache is written again");
  }
}
