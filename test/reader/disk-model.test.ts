import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { DiskTier } from "../../src/reader/disk-tier.ts";
import { seededRandom } from "../random.ts";
import { until } from "../until.ts";
import { type DiskFixture, diskFixture, get, put } from "./disk-fixture.ts";

const KEYS = 40;
const STEPS = 250;
const BUDGET = 300 * 1024;

const keyOf = (n: number) => `article-${n}@model 1`;
/** Some are larger than the budget. */
const sizeOf = (n: number) => (n === 7 ? BUDGET + 1 : 1 + ((n * 104_729) % 60_000));
const blocksOf = (size: number) => Math.ceil(size / 4096) * 4096;

type Health = "right" | "damaged" | "gone";

/** What the tier should be: the segments in their order of use, least recently used first. */
class Model {
  readonly segments = new Map<number, Health>();
  budget = BUDGET;
  evictions = 0;

  get bytes(): number {
    return [...this.segments.keys()].reduce((sum, n) => sum + blocksOf(sizeOf(n)), 0);
  }

  offer(n: number): void {
    if (this.segments.has(n) || blocksOf(sizeOf(n)) > this.budget) return;
    this.shrinkTo(this.budget - blocksOf(sizeOf(n)));
    this.segments.set(n, "right");
  }

  read(n: number): boolean {
    const health = this.segments.get(n);
    this.segments.delete(n);
    if (health === "right") this.segments.set(n, health);
    return health === "right";
  }

  shrinkTo(bytes: number): void {
    for (const n of this.segments.keys()) {
      if (this.bytes <= bytes) return;
      this.segments.delete(n);
      this.evictions += 1;
    }
  }

  restart(budget: number): void {
    for (const [n, health] of this.segments) if (health === "gone") this.segments.delete(n);
    this.budget = budget;
    this.evictions = 0;
    this.shrinkTo(budget);
  }
}

function spoil(path: string, kind: number): Health {
  const bytes = readFileSync(path);
  if (kind === 0) {
    rmSync(path);
    return "gone";
  }
  if (kind === 1) truncateSync(path, bytes.length - 1);
  if (kind === 2) writeFileSync(path, Buffer.alloc(bytes.length));
  if (kind === 3) {
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] as number) ^ 0x10;
    writeFileSync(path, bytes);
  }
  return "damaged";
}

async function compare(disk: DiskFixture, tier: DiskTier, model: Model): Promise<void> {
  await until(() => tier.stats().bytes === model.bytes);
  const { entries, evictions, budgetBytes } = tier.stats();
  expect({ entries, evictions, budgetBytes }).toEqual({
    entries: model.segments.size,
    evictions: model.evictions,
    budgetBytes: model.budget,
  });
  const there = Array.from({ length: KEYS }, (_, n) => n).filter((n) => tier.has(keyOf(n)));
  expect(there).toEqual([...model.segments.keys()].sort((a, b) => a - b));
  expect(disk.diskBytes()).toBeLessThanOrEqual(model.budget);
  const isAllThere = [...model.segments.values()].every((health) => health === "right");
  if (isAllThere) expect(disk.diskBytes()).toBe(model.bytes);
}

describe("any order of events", () => {
  test.each([1, 2, 3])("leaves the cache as the model says, within its budget after each (seed %d)", async (seed) => {
    const random = seededRandom(seed);
    const below = (end: number) => Math.floor(random() * end);
    await using disk = diskFixture();
    const model = new Model();
    let damaged = 0;
    let tier = await disk.open({ budgetBytes: BUDGET });
    for (let step = 0; step < STEPS; step += 1) {
      // Half the time one that is there: most are not.
      const there = [...model.segments.keys()];
      const n = below(2) === 0 ? below(KEYS) : (there[below(there.length)] ?? 0);
      const chance = random();
      if (chance < 0.4) {
        await put(tier, keyOf(n), sizeOf(n));
        model.offer(n);
      } else if (chance < 0.7) {
        expect(await get(tier, keyOf(n), sizeOf(n))).toBe(model.read(n));
      } else if (chance < 0.76) {
        disk.clock.advance(1_000);
      } else if (chance < 0.95) {
        if (model.segments.get(n) === "right") model.segments.set(n, spoil(disk.pathOf(keyOf(n)), below(4)));
      } else {
        damaged += tier.stats().damaged;
        const budget = below(4) === 0 ? BUDGET / 2 : BUDGET;
        tier = await disk.open({ budgetBytes: budget });
        model.restart(budget);
      }
      await compare(disk, tier, model);
    }
    damaged += tier.stats().damaged;
    expect(tier.stats().pausedBecause).toBeUndefined();
    expect(damaged).toBeGreaterThan(2);
  });
});
