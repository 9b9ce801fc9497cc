import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { openDiskTier } from "../../src/reader/disk-open.ts";
import { CHILD_BUDGET, childKey, childSize } from "./disk-child-plan.ts";
import { contentOf } from "./disk-fixture.ts";

// Writes and reads segments for ever, from a number on, and says every hundredth; until it is killed.
const [folder, from] = process.argv.slice(2);
const tier = await openDiskTier({
  folder: folder as string,
  budgetBytes: CHILD_BUDGET,
  clock: systemClock,
  log: silentLogger,
});
if (tier === undefined) throw new Error("the child could not open the disk tier");
while (tier.stats().pausedBecause !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
const into = Buffer.alloc(100_000);
for (let n = Number(from); ; n += 1) {
  await new Promise<void>((resolve) => tier.offer(childKey(n), contentOf(childKey(n), childSize(n)), resolve));
  if (n % 3 === 0) await tier.read(childKey(n - 7), into, childSize(n - 7), new AbortController());
  if (n % 100 === 0) process.stdout.write(`${n}\n`);
}
