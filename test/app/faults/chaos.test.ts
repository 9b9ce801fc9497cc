import { expect, test } from "@jest/globals";
import { type ChaosOptions, chaos } from "./chaos.ts";

/** `.ci/chaos` asks for more. */
const { CHAOS } = globalThis as { readonly CHAOS?: ChaosOptions };
const options = CHAOS ?? { nzbs: 10, kills: 8, seed: 8 };
const { nzbs, kills, seed } = options;

test(`${nzbs} NZBs all become one release each, though the process is killed ${kills} times (seed ${seed})`, async () => {
  const { broken, audit, met, repeats } = await chaos(options);
  console.info(`kills met ${JSON.stringify(met)}; ${repeats} uploads were repeated`);
  expect(broken).toEqual([]);
  expect(audit).toEqual({ findings: [], releases: nzbs, jobs: { completed: nzbs } });
  expect(met.imports).toBeGreaterThan(0);
}, 300_000);
