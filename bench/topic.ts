import type { Table } from "./report.ts";

export interface Scale {
  /** A short look: fewer rounds and smaller files, figures to be taken with care. */
  readonly isQuick: boolean;
}

/** One question and its measurement. Starts everything it needs, and ends it. */
export interface Topic {
  readonly name: string;
  readonly about: string;
  /** How long it takes, roughly; with --quick. */
  readonly seconds: readonly [full: number, quick: number];
  /** Tables as they are measured. */
  run(scale: Scale): AsyncGenerator<Table, void, undefined>;
}
