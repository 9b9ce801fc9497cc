import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import type { DavPath, DavTree, PropertyChange } from "../../src/webdav/tree.ts";

/** A tree whose changes are held against the seam. */
export interface ChangesFixture extends AsyncDisposable {
  readonly tree: DavTree;
  /** A collection where everything may be done; what the suite makes there has names of its own. */
  readonly writable: DavPath;
  /** A collection with a member, where nothing may be done. */
  readonly readOnly: DavPath;
}

const client = { address: "127.0.0.1", userAgent: "test", user: "tester" };
const { signal } = new AbortController();
const LARGE = 10_000;

/** What every DavTree owes to the methods that change it. */
export function describeChanges(name: string, open: () => Promise<ChangesFixture>): void {
  describe(`${name}, changed`, () => {
    let fixture: ChangesFixture;
    let tree: DavTree;
    let made = 0;
    beforeAll(async () => {
      fixture = await open();
      tree = fixture.tree;
    });
    afterAll(async () => {
      await fixture[Symbol.asyncDispose]();
    });

    /** A collection of its own for each test. */
    function place(): DavPath {
      made += 1;
      const path = [...fixture.writable, `made ${made}`];
      tree.makeCollection(path);
      return path;
    }

    function put(path: DavPath, text: string, length: number | undefined = undefined) {
      const body = (async function* () {
        for (let at = 0; at < text.length; at += 3) yield Buffer.from(text.slice(at, at + 3));
      })();
      return tree.put(path, { length, body, signal });
    }

    async function text(path: DavPath): Promise<string> {
      const size = tree.find(path)?.size ?? 0;
      const chunks: Buffer[] = [];
      for await (const chunk of tree.read(path, { start: 0, end: size }, { signal, client })) {
        chunks.push(Buffer.from(chunk));
      }
      return Buffer.concat(chunks).toString();
    }

    const names = (path: DavPath) => tree.list(path, undefined, LARGE).map((entry) => entry.name);
    const property = (local: string, value: string): PropertyChange => ({
      kind: "set",
      property: { namespace: "urn:x", local, xml: `<x:${local} xmlns:x="urn:x">${value}</x:${local}>` },
    });
    const properties = (path: DavPath) => tree.find(path)?.properties?.map(({ local, xml }) => [local, xml]);

    test("a new collection is there, empty, and listed", () => {
      const at = place();
      expect(tree.find(at)).toMatchObject({ kind: "collection", name: at.at(-1), size: 0, etag: "" });
      expect(tree.list(at, undefined, LARGE)).toEqual([]);
      expect(names(fixture.writable)).toContain(at.at(-1));
    });

    test.each<[string, string, "announced" | "chunked"]>([
      ["with its length", "some text of a file", "announced"],
      ["without", "another text", "chunked"],
      ["empty", "", "announced"],
    ])("a file is what was put, %s", async (_how, content, kind) => {
      const path = [...place(), "file.txt"];
      expect(await put(path, content, kind === "announced" ? content.length : undefined)).toBe("created");
      expect(tree.find(path)).toMatchObject({ kind: "resource", name: "file.txt", size: content.length });
      expect(await text(path)).toBe(content);
    });

    test("a file that is put again is the new one, under another tag, with the properties it had", async () => {
      const path = [...place(), "file.txt"];
      await put(path, "first");
      const before = tree.find(path);
      tree.patchProperties(path, [property("a", "1")]);
      expect(await put(path, "the second")).toBe("replaced");
      expect(await text(path)).toBe("the second");
      expect(tree.find(path)?.etag).not.toBe(before?.etag);
      expect(properties(path)).toEqual([["a", '<x:a xmlns:x="urn:x">1</x:a>']]);
    });

    test("reads a part of what was put", async () => {
      const path = [...place(), "file.txt"];
      await put(path, "0123456789");
      const chunks: Buffer[] = [];
      for await (const chunk of tree.read(path, { start: 4, end: 7 }, { signal, client })) {
        chunks.push(Buffer.from(chunk));
      }
      expect(Buffer.concat(chunks).toString()).toBe("456");
    });

    test("what is removed is gone, with everything below", async () => {
      const at = place();
      tree.makeCollection([...at, "inner"]);
      await put([...at, "inner", "file.txt"], "text");
      tree.remove(at);
      for (const path of [at, [...at, "inner"], [...at, "inner", "file.txt"]]) expect(tree.find(path)).toBeUndefined();
      expect(names(fixture.writable)).not.toContain(at.at(-1));
    });

    test("a file is moved with its bytes and properties", async () => {
      const at = place();
      await put([...at, "old.txt"], "text");
      tree.patchProperties([...at, "old.txt"], [property("a", "1")]);
      await tree.move([...at, "old.txt"], [...at, "new.txt"]);
      expect(names(at)).toEqual(["new.txt"]);
      expect(await text([...at, "new.txt"])).toBe("text");
      expect(properties([...at, "new.txt"])).toEqual([["a", '<x:a xmlns:x="urn:x">1</x:a>']]);
    });

    test("a collection is moved with everything below, in place of what was there", async () => {
      const at = place();
      for (const name of ["from", "to"]) tree.makeCollection([...at, name]);
      await put([...at, "from", "a.txt"], "a");
      await put([...at, "to", "b.txt"], "b");
      await tree.move([...at, "from"], [...at, "to"]);
      expect(names(at)).toEqual(["to"]);
      expect(names([...at, "to"])).toEqual(["a.txt"]);
      expect(await text([...at, "to", "a.txt"])).toBe("a");
    });

    test("a copy is a thing of its own", async () => {
      const at = place();
      await put([...at, "a.txt"], "text");
      tree.patchProperties([...at, "a.txt"], [property("a", "1")]);
      await tree.copy([...at, "a.txt"], [...at, "b.txt"], "infinity");
      expect(properties([...at, "b.txt"])).toEqual([["a", '<x:a xmlns:x="urn:x">1</x:a>']]);
      await put([...at, "a.txt"], "other");
      tree.patchProperties([...at, "a.txt"], [property("a", "2")]);
      expect(await text([...at, "b.txt"])).toBe("text");
      expect(properties([...at, "b.txt"])).toEqual([["a", '<x:a xmlns:x="urn:x">1</x:a>']]);
    });

    test("a collection is copied alone or with everything below", async () => {
      const at = place();
      tree.makeCollection([...at, "from"]);
      tree.makeCollection([...at, "from", "inner"]);
      await put([...at, "from", "inner", "a.txt"], "a");
      await tree.copy([...at, "from"], [...at, "alone"], "0");
      await tree.copy([...at, "from"], [...at, "whole"], "infinity");
      expect(names([...at, "alone"])).toEqual([]);
      expect(await text([...at, "whole", "inner", "a.txt"])).toBe("a");
      expect(await text([...at, "from", "inner", "a.txt"])).toBe("a");
    });

    test("properties are set, replaced and removed in order, and listed", () => {
      const at = place();
      tree.patchProperties(at, [property("a", "1"), property("b", "1"), property("a", "2")]);
      tree.patchProperties(at, [property("c", "1"), { kind: "remove", name: { namespace: "urn:x", local: "b" } }]);
      const expected = [
        ["a", '<x:a xmlns:x="urn:x">2</x:a>'],
        ["c", '<x:c xmlns:x="urn:x">1</x:c>'],
      ];
      expect(properties(at)).toEqual(expected);
      const listed = tree.list(fixture.writable, undefined, LARGE).find(({ name }) => name === at.at(-1));
      expect(listed).toEqual(tree.find(at));
      const remove = (local: string): PropertyChange => ({ kind: "remove", name: { namespace: "urn:x", local } });
      tree.patchProperties(at, [remove("a"), remove("c"), remove("never there")]);
      expect(tree.find(at)).not.toHaveProperty("properties");
    });

    test("nothing of it is done where nothing may be done", async () => {
      const { readOnly, writable } = fixture;
      const [member] = names(readOnly) as [string];
      const there = [...readOnly, member];
      const before = tree.list(readOnly, undefined, LARGE);
      const from = place();
      const changes: (() => unknown)[] = [
        () => put([...readOnly, "new"], "x"),
        () => tree.makeCollection([...readOnly, "new"]),
        () => tree.remove(there),
        () => tree.move(there, [...writable, "moved"]),
        () => tree.move(from, [...readOnly, "new"]),
        () => tree.copy(from, [...readOnly, "new"], "infinity"),
        () => tree.patchProperties(there, [property("a", "1")]),
      ];
      for (const change of changes) {
        const attempt = (async () => change())();
        expect(errorCode(await attempt.catch((error: unknown) => error))).toBe("FORBIDDEN");
      }
      expect(tree.list(readOnly, undefined, LARGE)).toEqual(before);
      expect(tree.find(from)?.kind).toBe("collection");
      expect(tree.find([...writable, "moved"])).toBeUndefined();
    });

    test("tells of space in whole bytes, or not at all", () => {
      const { available, used } = tree.space() ?? { available: 0, used: 0 };
      for (const bytes of [available, used]) {
        expect(Number.isSafeInteger(bytes)).toBe(true);
        expect(bytes).toBeGreaterThanOrEqual(0);
      }
    });
  });
}
