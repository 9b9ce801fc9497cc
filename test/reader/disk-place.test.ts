import { describe, expect, test } from "@jest/globals";
import { blockBytesOf, type FileSystemFacts, remoteFileSystem, reserveOf } from "../../src/reader/disk-place.ts";
import { DiskSpace } from "../../src/reader/disk-space.ts";
import { ManualClock } from "../manual-clock.ts";

const GIB = 2 ** 30;
const facts = (patch: Partial<FileSystemFacts>): FileSystemFacts => ({
  type: 0xef53,
  bsize: 4096,
  blocks: 0,
  bavail: 0,
  ...patch,
});

describe("the file system of the folder", () => {
  test.each([
    ["NFS", 0x6969],
    ["SMB", 0x517b],
    ["CIFS", 0xff534d42],
    ["SMB2", 0xfe534d42],
    ["FUSE", 0x65735546],
    ["9p", 0x01021997],
    ["Ceph", 0x00c36400],
    ["AFS", 0x5346414f],
    ["AFS", 0x6b414653],
  ])("%s is refused by its number %d", (name, type) => {
    expect(remoteFileSystem(type)).toBe(name);
  });

  test("a number above 2^31 is known as well when the system gives it as a negative one", () => {
    expect(remoteFileSystem(0xff534d42 | 0)).toBe("CIFS");
  });

  test.each([
    ["ext4", 0xef53],
    ["XFS", 0x58465342],
    ["Btrfs", 0x9123683e],
    ["ZFS", 0x2fc12fc1],
    ["tmpfs", 0x01021994],
    ["overlayfs", 0x794c7630],
    ["Windows, which says nothing", 0],
  ])("%s is local", (_name, type) => {
    expect(remoteFileSystem(type)).toBeUndefined();
  });

  test("space is counted in its blocks, but never in less than 4 KiB, nor in what no disk has", () => {
    const blocks = [512, 4096, 131_072, 2 ** 20, 2 ** 21].map((bsize) => blockBytesOf(facts({ bsize })));
    expect(blocks).toEqual([4096, 4096, 131_072, 2 ** 20, 4096]);
  });

  test("2 % of a disk stays free, at least 1 GiB and at most 10 GiB, of a small one a tenth", () => {
    expect([4 * GIB, 20 * GIB, 200 * GIB, 20_000 * GIB].map((total) => reserveOf(total) / GIB)).toEqual([
      0.4, 1, 4, 10,
    ]);
  });
});

describe("the free space", () => {
  function start() {
    const clock = new ManualClock();
    const state = { free: 2 * GIB, asked: 0 };
    const statfs = async () => {
      state.asked += 1;
      return facts({ blocks: (20 * GIB) / 4096, bavail: state.free / 4096 });
    };
    return { clock, state, space: new DiskSpace("/anywhere", statfs, clock) };
  }

  test("is asked for once in five seconds, and reckoned with what was written in between", async () => {
    const { clock, state, space } = start();
    expect(await space.admits(1000, 0)).toBe(true);
    expect(await space.admits(1000, 0.9 * GIB)).toBe(true);
    expect(await space.admits(1000, 1.1 * GIB)).toBe(false);
    expect(state.asked).toBe(1);
    clock.advance(5_000);
    expect(await space.admits(1000, 1.1 * GIB)).toBe(true);
    expect(state.asked).toBe(2);
  });

  test("once too little must be a quarter more than the reserve before it is enough again", async () => {
    const { clock, state, space } = start();
    state.free = 0.9 * GIB;
    expect(await space.admits(1000, 0)).toBe(false);
    clock.advance(5_000);
    state.free = 1.2 * GIB;
    expect(await space.admits(1000, 0)).toBe(false);
    clock.advance(5_000);
    state.free = 1.3 * GIB;
    expect(await space.admits(1000, 0)).toBe(true);
    clock.advance(5_000);
    state.free = 1.1 * GIB;
    expect(await space.admits(1000, 0)).toBe(true);
  });
});
