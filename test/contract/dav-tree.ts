import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ByteRange } from "../../src/base/byte-range.ts";
import { errorCode } from "../../src/base/errors.ts";
import type { DavEntry, DavPath } from "../../src/webdav/tree.ts";
import { type ChangesFixture, describeChanges } from "./dav-tree-changes.ts";

/** A tree to hold against the seam. */
export interface TreeFixture extends ChangesFixture {
  /** A resource of 100,000 bytes or more. */
  readonly file: DavPath;
  readonly expected: (range: ByteRange) => Buffer;
  /** A collection with 500 members or more. */
  readonly collection: DavPath;
  /** Reads that hold something open. */
  readonly openReads: () => number;
}

const client = { address: "127.0.0.1", userAgent: "test", user: "tester" };

/** What every DavTree owes the protocol. */
export function describeDavTree(name: string, open: () => Promise<TreeFixture>): void {
  describeChanges(name, open);
  describe(`${name} is a DavTree`, () => {
    let fixture: TreeFixture;
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    const read = (range: ByteRange, signal = new AbortController().signal) =>
      fixture.tree.read(fixture.file, range, { signal, client });

    test("has a root, which is a collection without a name", () => {
      expect(fixture.tree.find([])).toMatchObject({ kind: "collection", name: "", size: 0, etag: "" });
    });

    test("finds a file with everything that clients are told", () => {
      const entry = fixture.tree.find(fixture.file) as DavEntry;
      expect(entry).toMatchObject({ kind: "resource", name: fixture.file.at(-1) });
      expect(entry.etag).toMatch(/^[\x21\x23-\x7e]+$/);
      expect(entry.contentType).toMatch(/^[\w.+-]+\/[\w.+-]+/);
      expect(entry.size).toBeGreaterThanOrEqual(100_000);
      for (const time of [entry.createdAt, entry.modifiedAt]) expect(Number.isFinite(time)).toBe(true);
    });

    test("finds nothing where nothing is, above or below a file", () => {
      expect(fixture.tree.find(["not-there"])).toBeUndefined();
      expect(fixture.tree.find([...fixture.file, "below"])).toBeUndefined();
    });

    test("lists every member once, whatever the page size", () => {
      const names = (limit: number) => {
        const all: string[] = [];
        for (let page = fixture.tree.list(fixture.collection, undefined, limit); page.length > 0; ) {
          all.push(...page.map((entry) => entry.name));
          page = fixture.tree.list(fixture.collection, all.at(-1), limit);
        }
        return all;
      };
      const all = names(10_000);
      expect(all.length).toBeGreaterThanOrEqual(500);
      expect(new Set(all).size).toBe(all.length);
      for (const limit of [1, 7, 250]) expect(names(limit)).toEqual(all);
    });

    test("lists a member as it is found", () => {
      const [member] = fixture.tree.list(fixture.collection, undefined, 1) as [DavEntry];
      expect(fixture.tree.find([...fixture.collection, member.name])).toEqual(member);
    });

    test.each([
      { start: 0, end: 1 },
      { start: 0, end: 100_000 },
      { start: 65_535, end: 65_537 },
      { start: 99_000, end: 99_999 },
    ])("reads exactly $start to $end", async (range) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of read(range)) chunks.push(Uint8Array.from(chunk));
      expect(Buffer.concat(chunks).equals(fixture.expected(range))).toBe(true);
      expect(fixture.openReads()).toBe(0);
    });

    test("closes a read that is left", async () => {
      const reading = read({ start: 0, end: 100_000 });
      await reading.next();
      await reading.return();
      expect(fixture.openReads()).toBe(0);
    });

    test("rejects with the signal's reason, and closes", async () => {
      const controller = new AbortController();
      const reason = new Error("the client left");
      const reading = read({ start: 0, end: 100_000 }, controller.signal);
      await reading.next();
      controller.abort(reason);
      const rest = (async () => {
        while (!(await reading.next()).done);
      })();
      await expect(rest).rejects.toBe(reason);
      expect(fixture.openReads()).toBe(0);
    });

    test("refuses a file where nothing may be written, without reading it", async () => {
      let wasRead = false;
      const body = (async function* () {
        wasRead = true;
        yield new Uint8Array(1);
      })();
      const { signal } = new AbortController();
      const put = fixture.tree.put([...fixture.readOnly, "new.bin"], { length: 1, body, signal });
      expect(errorCode(await put.catch((error: unknown) => error))).toBe("FORBIDDEN");
      expect(wasRead).toBe(false);
      expect(fixture.tree.find([...fixture.readOnly, "new.bin"])).toBeUndefined();
    });
  });
}
