import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type System, startSystem } from "../fixture.ts";
import { TO_REFUSE, TO_SERVE } from "./benchmark.ts";
import type { PostKind } from "./post-kind.ts";
import { type Outcome, runKind } from "./run-kind.ts";

const BENCHMARK: ReadonlySet<string> = new Set([...TO_SERVE, ...TO_REFUSE]);

/** A guard against hanging, not a measure: some kinds post and read a hundred megabytes, on whatever machine. */
const PATIENCE_MS = 120_000;

/** Tests that every kind of a family is served or refused as it must be, and shows what became of them in a table. */
export function testFamily(family: string, kinds: readonly PostKind[]): void {
  describe(`posts of the family ${family}`, () => {
    const outcomes = new Map<string, Outcome>();
    let system: System;

    beforeAll(async () => {
      // The next import does not wait until nobody watches any more.
      system = await startSystem({ settings: { "streaming.holdOffMs": 0 } });
    });

    afterAll(async () => {
      await system[Symbol.asyncDispose]();
      process.stdout.write(tableOf(family, kinds, outcomes));
    });

    test.each(kinds.map((kind, index) => [kind.name, kind, index] as const))(
      "%s",
      async (name, kind, index) => {
        const outcome = await runKind(system, kind, `${family}${index}`);
        outcomes.set(name, outcome);
        expect(outcome.verdict).toBe(kind.build().refused === undefined ? "served" : "refused");
      },
      PATIENCE_MS,
    );
  });
}

function tableOf(family: string, kinds: readonly PostKind[], outcomes: ReadonlyMap<string, Outcome>): string {
  const rows = kinds.map(({ name }) => {
    const outcome = outcomes.get(name);
    if (outcome === undefined) return `  WRONG    ${name}`;
    const { verdict, volumes, articles, bodies, stats, importMs } = outcome;
    const numbers = `${volumes} files, ${articles} articles: ${bodies} BODY, ${stats} STAT, ${importMs} ms`;
    return `  ${verdict.padEnd(8)} ${name.padEnd(58)} ${numbers}`;
  });
  const all = [...outcomes.values()];
  const count = (wanted: Outcome["verdict"]) => all.filter(({ verdict }) => verdict === wanted).length;
  const totals = `${count("served")} served, ${count("refused")} refused, ${kinds.length - all.length} wrong`;
  const scored = kinds.filter(({ name }) => BENCHMARK.has(name) && outcomes.has(name)).length;
  return `\n${family}: ${totals}; ${scored} of the benchmark's 31\n${rows.join("\n")}\n`;
}
