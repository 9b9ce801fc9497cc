import { describe, expect, test } from "@jest/globals";
import { PIECE_BYTES, READ_PIECE } from "../../src/catalog/content-store.ts";
import { LEFTOVER_QUERIES } from "../../src/catalog/leftovers.ts";
import type { Database } from "../../src/catalog/sqlite.ts";
import { bytesOf, countOf, idOf, library, openRows, plansOf, purgeAll, put, seeded, thrownBy } from "./fixture.ts";

const random = seeded(7);

function randomBytes(length: number): Buffer {
  return Buffer.from(random.text(length), "latin1");
}

/** Contents and their pieces. */
function stored(db: Database): number[] {
  return [countOf(db, "content"), countOf(db, "content_chunk")];
}

describe("the bytes of a sidecar", () => {
  test.each([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])(
    "come back as they were written, %d of them, whatever the sizes of the writes",
    (size) => {
      using shelf = library();
      using rows = openRows(shelf);
      const { catalog, db } = rows;
      const bytes = randomBytes(size);
      for (const step of [size, 1000, PIECE_BYTES + 7]) {
        using content = catalog.contents.begin();
        for (let at = 0; at < size; at += step) content.write(bytes.subarray(at, at + step));
        expect(content.size).toBe(size);
        catalog.putSidecar("f", content);
        expect(bytesOf(catalog, "f").equals(bytes)).toBe(true);
        expect(catalog.find("f")?.size).toBe(size);
        expect(stored(db)).toEqual([1, Math.ceil(size / PIECE_BYTES)]);
      }
    },
  );

  test("are read from any offset to any other, and never beyond the end", () => {
    using shelf = library();
    const catalog = shelf.open();
    const bytes = randomBytes(2 * PIECE_BYTES + 100);
    put(catalog, "f", bytes);
    const id = idOf(catalog, "f");
    const edges = [
      0,
      1,
      PIECE_BYTES - 1,
      PIECE_BYTES,
      PIECE_BYTES + 1,
      2 * PIECE_BYTES,
      bytes.length - 1,
      bytes.length,
    ];
    for (const start of edges) {
      for (const end of [...edges, bytes.length + 1000]) {
        const read = Buffer.concat([...catalog.contents.read(id, { start, end })]);
        expect(read.equals(bytes.subarray(start, Math.max(start, end)))).toBe(true);
      }
    }
  });

  test("are copied as they come, so that the caller's buffer may be used again", () => {
    using shelf = library();
    const catalog = shelf.open();
    const buffer = Buffer.from("first ");
    using content = catalog.contents.begin();
    content.write(buffer);
    buffer.write("second");
    content.write(buffer);
    catalog.putSidecar("f", content);
    expect(bytesOf(catalog, "f").toString()).toBe("first second");
  });

  test("are read a piece at a time, and a piece is not read before it is asked for", () => {
    using shelf = library();
    const catalog = shelf.open();
    put(catalog, "f", randomBytes(3 * PIECE_BYTES));
    const read = catalog.contents.read(idOf(catalog, "f"), { start: 0, end: 3 * PIECE_BYTES });
    expect(read.next().value).toHaveLength(PIECE_BYTES);
    put(catalog, "f", "other");
    expect(thrownBy(() => read.next()).code).toBe("PATH_MISSING");
  });

  test("are there for sidecars alone; asking for others' throws at once", () => {
    using shelf = library();
    const catalog = shelf.open();
    catalog.makeFolder("a");
    for (const id of [catalog.find("a")?.id, 1, -1, 999]) {
      expect(thrownBy(() => catalog.contents.read(id as never, { start: 0, end: 1 })).code).toBe("PATH_MISSING");
    }
  });

  test("are found by searches in indexes", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const plans = plansOf(rows.db, { READ_PIECE, ...LEFTOVER_QUERIES });
    // The one scan is of an index that holds nothing but what is to be deleted.
    expect(plans.filter((step) => !/^(SEARCH|LIST SUBQUERY|SCALAR SUBQUERY)/.test(step))).toEqual([
      "SCAN content USING COVERING INDEX content_unowned",
      "SCAN release USING COVERING INDEX release_unowned",
    ]);
  });
});

describe("bytes that belong to nobody", () => {
  test("are never seen, and gone when their writer is disposed of", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    const content = catalog.contents.begin();
    content.write(randomBytes(2 * PIECE_BYTES + 1));
    expect(stored(db)).toEqual([1, 2]);
    expect(catalog.list("", undefined, 10)).toEqual([]);
    expect(catalog.stats().bytes).toBe(0);
    content[Symbol.dispose]();
    content[Symbol.dispose]();
    expect(stored(db)).toEqual([0, 0]);
  });

  test("are kept as long as they are being written, whatever else goes", () => {
    using shelf = library();
    const catalog = shelf.open();
    const bytes = randomBytes(2 * PIECE_BYTES + 1);
    using content = catalog.contents.begin();
    content.write(bytes.subarray(0, PIECE_BYTES));
    for (const text of ["1", "2"]) put(catalog, "f", text);
    catalog.contents.begin()[Symbol.dispose]();
    catalog.remove("f");
    purgeAll(catalog);
    content.write(bytes.subarray(PIECE_BYTES));
    catalog.putSidecar("g", content);
    expect(bytesOf(catalog, "g").equals(bytes)).toBe(true);
  });

  test("and were left behind by a dead process are gone when the catalog is opened", () => {
    using shelf = library();
    {
      using rows = openRows(shelf);
      rows.catalog.contents.begin().write(randomBytes(3 * PIECE_BYTES));
      put(rows.catalog, "f", "kept");
      rows.db.prepare("INSERT INTO content DEFAULT VALUES").run();
      expect(stored(rows.db)).toEqual([3, 4]);
    }
    using rows = openRows(shelf);
    expect(stored(rows.db)).toEqual([1, 1]);
    expect(bytesOf(rows.catalog, "f").toString()).toBe("kept");
  });

  test("go when the last of those that share them goes, and not before", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    put(catalog, "a", randomBytes(PIECE_BYTES + 1));
    for (const name of ["b", "c"]) catalog.copy("a", name, "infinity");
    expect(stored(db)).toEqual([1, 2]);
    put(catalog, "a", "new");
    expect(stored(db)).toEqual([2, 3]);
    catalog.remove("b");
    purgeAll(catalog);
    expect(stored(db)).toEqual([2, 3]);
    catalog.move("a", "c");
    expect(stored(db)).toEqual([2, 3]);
    purgeAll(catalog);
    expect(stored(db)).toEqual([1, 1]);
    expect(bytesOf(catalog, "c").toString()).toBe("new");
  });

  test("never pile up, however often a large file is written anew", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    const pieces = 100;
    const bytes = Buffer.alloc(pieces * PIECE_BYTES);
    for (let round = 0; round < 4; round++) {
      put(catalog, "f", bytes);
      expect(stored(db)[1]).toBeLessThanOrEqual(2 * pieces);
    }
    put(catalog, "f", "small");
    catalog.contents.begin()[Symbol.dispose]();
    expect(stored(db)).toEqual([1, 1]);
  });
});

describe("a writer", () => {
  test("is of use once: not after a sidecar was made of it, nor after it was disposed of", () => {
    using shelf = library();
    const catalog = shelf.open();
    const used = catalog.contents.begin();
    catalog.putSidecar("f", used);
    const disposed = catalog.contents.begin();
    disposed[Symbol.dispose]();
    for (const content of [used, disposed]) {
      expect(() => content.write(new Uint8Array(1))).toThrow("handed over or given up");
      expect(() => catalog.putSidecar("g", content)).toThrow("handed over or given up");
    }
    used[Symbol.dispose]();
    expect(bytesOf(catalog, "f")).toHaveLength(0);
    expect(catalog.find("g")).toBeUndefined();
  });

  test("can be used after a refusal, with all of its bytes", () => {
    using shelf = library();
    const catalog = shelf.open();
    using content = catalog.contents.begin();
    content.write(Buffer.from("one "));
    expect(thrownBy(() => catalog.putSidecar("nowhere/f", content)).code).toBe("PARENT_MISSING");
    content.write(Buffer.from("two"));
    catalog.putSidecar("f", content);
    expect(bytesOf(catalog, "f").toString()).toBe("one two");
  });

  test("may be disposed of after the catalog", () => {
    using shelf = library();
    const catalog = shelf.open();
    const content = catalog.contents.begin();
    content.write(randomBytes(PIECE_BYTES));
    catalog[Symbol.dispose]();
    expect(() => content[Symbol.dispose]()).not.toThrow();
  });

  test("that meets a full disk throws DISK_FULL, leaves nothing, and makes no sidecar with a hole", () => {
    using shelf = library();
    using rows = openRows(shelf);
    const { catalog, db } = rows;
    put(catalog, "f", "kept");
    const pages = db.pragma("page_count", { simple: true }) as number;
    db.pragma(`max_page_count = ${pages + 40}`);
    using content = catalog.contents.begin();
    expect(thrownBy(() => content.write(Buffer.alloc(PIECE_BYTES * 10))).code).toBe("DISK_FULL");
    db.pragma("max_page_count = 1000000");
    expect(() => content.write(new Uint8Array(1))).toThrow("given up");
    expect(() => catalog.putSidecar("f", content)).toThrow("given up");
    expect(bytesOf(catalog, "f").toString()).toBe("kept");
    put(catalog, "g", "next");
    catalog.contents.begin()[Symbol.dispose]();
    expect(stored(db)).toEqual([2, 2]);
  });
});
