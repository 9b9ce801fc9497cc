import { refused } from "./refusal.ts";

const MAX_LIST = 10_000;

/** The parameters of a call: the query's, then the form's where the query is silent. */
export class Params {
  readonly #sources: readonly URLSearchParams[];

  constructor(...sources: readonly URLSearchParams[]) {
    this.#sources = sources;
  }

  /** The first value that is given; empty when there is none. */
  text(name: string): string {
    for (const source of this.#sources) {
      const value = source.get(name);
      if (value !== null && value !== "") return value;
    }
    return "";
  }

  /** A comma list without its blanks. Throws BAD_REQUEST when it has more than 10 000 items. */
  list(name: string): readonly string[] {
    const items = this.text(name)
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
    if (items.length > MAX_LIST) throw refused(`${name} has more than ${MAX_LIST} items`);
    return items;
  }

  /** A whole number of at least 0, which it is when it is absent or none. */
  count(name: string): number {
    return Math.max(0, this.whole(name) ?? 0);
  }

  /** A whole number; undefined when it is absent or none. */
  whole(name: string): number | undefined {
    const text = this.text(name).trim();
    return /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  flag(name: string): boolean {
    return /^(?:1|true|yes|on)$/i.test(this.text(name).trim());
  }
}
