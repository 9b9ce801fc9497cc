import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openDiskSpace } from "../../src/mount/disk-space.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";

describe("the space that clients are told of", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "newsreel-space-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("is known from the start: what the file system has free, and what the database takes", async () => {
    const file = join(folder, "a.db");
    writeFileSync(file, Buffer.alloc(12_345));
    const space = await openDiskSpace({ folder, files: [file, `${file}-wal`], clock: new ManualClock() });
    const { bavail, bsize } = await statfs(folder);
    expect(space()?.used).toBe(12_345);
    // Others write to the disk as well.
    expect(Math.abs((space()?.available ?? 0) - bavail * bsize)).toBeLessThan(1024 ** 3);
  });

  test("is looked at again after ten seconds, in the background", async () => {
    const file = join(folder, "b.db");
    const clock = new ManualClock();
    writeFileSync(file, "1");
    const space = await openDiskSpace({ folder, files: [file], clock });
    writeFileSync(file, "four");
    clock.advance(9_999);
    expect(space()?.used).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(space()?.used).toBe(1);
    clock.advance(1);
    expect(space()?.used).toBe(1);
    await until(() => space()?.used === statSync(file).size);
  });

  test("is not known where there is no such folder", async () => {
    const space = await openDiskSpace({ folder: join(folder, "nowhere"), files: [], clock: new ManualClock() });
    expect(space()).toBeUndefined();
  });
});
