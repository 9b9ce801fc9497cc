import { ConfigError } from "../base/errors.ts";

/** Everything that is wrong with a configuration, so that a person mends it in one go. Sentences never hold a secret's value. */
export class Mistakes {
  readonly #lines: string[] = [];

  /** `place` is a file with its line, or a variable. */
  add(place: string, sentence: string): void {
    this.#lines.push(`${place}: ${sentence}`);
  }

  /** Throws ConfigError CONFIG_INVALID with one line per mistake; nothing when there is none. */
  throwIfAny(): void {
    const [first, ...others] = this.#lines;
    if (first === undefined) return;
    const message =
      others.length === 0
        ? `the configuration has a mistake: ${first}`
        : `the configuration has ${this.#lines.length} mistakes:\n${this.#lines.map((line) => `  ${line}`).join("\n")}`;
    throw new ConfigError("CONFIG_INVALID", message, {
      hint: "newsreel config schema lists every key with its type and default",
    });
  }
}
