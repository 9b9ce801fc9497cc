import { AppError, errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";

/** Trouble with the queue itself, which is tried again and again: said once, again when it becomes another one, and when it is over. */
export class QueueTrouble {
  readonly #log: Logger;
  readonly #words: { readonly trouble: string; readonly over: string };
  #told: string | undefined;

  constructor(log: Logger, words: { readonly trouble: string; readonly over: string }) {
    this.#log = log;
    this.#words = words;
  }

  report(error: unknown): void {
    const message = errorMessage(error);
    if (message === this.#told) return;
    this.#told = message;
    const hint = error instanceof AppError ? error.hint : undefined;
    this.#log.error({ error: message, ...(hint !== undefined && { hint }) }, this.#words.trouble);
  }

  over(): void {
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#log.info({}, this.#words.over);
  }
}
