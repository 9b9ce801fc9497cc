import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { CHILD_BUDGET, childKey, childSize } from "./disk-child-plan.ts";
import { diskFixture, get } from "./disk-fixture.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

function start(folder: string, from: number): ChildProcess {
  const args = ["--import", here("disk-typescript.mjs"), here("disk-child.ts"), folder, `${from}`];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Lets a child write until it says a number of at least `from + count`, and kills it at that moment; then the number. */
async function writeAndKill(folder: string, from: number, count: number): Promise<number> {
  const child = start(folder, from);
  const gone = once(child, "exit");
  let last = from;
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    last = Number(line);
    if (last >= from + count) break;
  }
  child.kill("SIGKILL");
  await gone;
  return last;
}

describe("a process that is killed while it writes", () => {
  test("leaves a cache whose every segment is right, and no file that would take space for ever", async () => {
    await using disk = diskFixture();
    let from = 1;
    let survivors = 0;
    for (const count of [300, 900, 900]) {
      const last = await writeAndKill(disk.folder, from, count);
      const tier = await disk.open({ budgetBytes: CHILD_BUDGET });
      // The child may have been further than it had said.
      const end = last + 1_000;
      const there = Array.from({ length: end }, (_, n) => n).filter((n) => tier.has(childKey(n)));
      expect(there).toHaveLength(tier.stats().entries);
      for (const n of there) expect(await get(tier, childKey(n), childSize(n))).toBe(true);
      expect(tier.stats()).toMatchObject({ damaged: 0, misses: 0, hits: there.length });
      expect(disk.files()).toHaveLength(there.length);
      expect(disk.diskBytes()).toBe(tier.stats().bytes);
      expect(tier.stats().bytes).toBeLessThanOrEqual(CHILD_BUDGET);
      survivors += there.length;
      await tier[Symbol.asyncDispose]();
      from = end;
    }
    expect(survivors).toBeGreaterThan(100);
  });

  test("holds the folder alone while it lives, and not a moment longer", async () => {
    await using disk = diskFixture();
    const child = start(disk.folder, 1);
    const gone = once(child, "exit");
    await once(child.stdout as NodeJS.ReadableStream, "data");
    expect(await disk.tryOpen()).toBeUndefined();
    expect(disk.lines.at(-1)?.fields["reason"]).toContain("another process uses");
    child.kill("SIGKILL");
    await gone;
    await disk.open();
  });
});
