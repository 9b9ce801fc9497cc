import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { document, idsOf, oneFile, parse, plain, segment } from "./documents.ts";

const sizesOf = async (...bytes: readonly (string | number)[]) => {
  const nzb = await parse(oneFile(bytes.map((size, index) => segment(index + 1, `${index}@x`, size)).join("")));
  return [...(nzb.files[0]?.segments.packed.encodedSizes ?? [])];
};

describe("the segments of a file", () => {
  test("stand in the order of their numbers", async () => {
    const nzb = await parse(oneFile([3, 1, 2].map((n) => segment(n, `${n}@x`, n * 10)).join("")));
    expect(idsOf(nzb)).toEqual(["1@x", "2@x", "3@x"]);
    expect([...(nzb.files[0]?.segments.packed.encodedSizes ?? [])]).toEqual([10, 20, 30]);
  });

  test("count once when number and id are the same", async () => {
    const nzb = await parse(
      oneFile([segment(1, "a@x"), segment(2, "b@x"), segment(1, "a@x"), segment(2, "b@x")].join("")),
    );
    expect(plain(nzb).files[0]).toMatchObject({ ids: ["a@x", "b@x"], alternates: [], rejectedIds: 0 });
  });

  test("keep another id for the same number as an alternate, in order, each once", async () => {
    const ids = ["b@x", "a@x", "c@x", "a@x", "b@x"];
    const nzb = await parse(
      oneFile(segment(2, "two@x") + ids.map((id) => segment(1, id)).join("") + segment(2, "zwei@x")),
    );
    expect(idsOf(nzb)).toEqual(["b@x", "two@x"]);
    expect(nzb.files[0]?.segments.alternatesAt(0)).toEqual(["a@x", "c@x"]);
    expect(nzb.files[0]?.segments.alternatesAt(1)).toEqual(["zwei@x"]);
  });

  test("keep at most eight alternates for a part", async () => {
    const nzb = await parse(oneFile(Array.from({ length: 20 }, (_, i) => segment(1, `${i}@x`)).join("")));
    expect(nzb.files[0]?.segments.length).toBe(1);
    expect(nzb.files[0]?.segments.alternatesAt(0)).toEqual(Array.from({ length: 8 }, (_, i) => `${i + 1}@x`));
  });

  test("leave holes where numbers are missing, at the front too", async () => {
    const nzb = await parse(oneFile(segment(5, "five@x") + segment(3, "three@x")));
    expect(idsOf(nzb)).toEqual([undefined, undefined, "three@x", undefined, "five@x"]);
    const { idEnds } = nzb.files[0]?.segments.packed ?? {};
    expect([...(idEnds ?? [])]).toEqual([0, 0, 7, 7, 13]);
  });

  test.each(["", "0", "-1", "one", "1.5", "0x1", "4294967296000", "1e3"])(
    "with number=%j follow in the order of the document",
    async (number) => {
      const nzb = await parse(
        oneFile(segment(number, "x@x") + segment(2, "b@x") + segment(number, "y@x") + segment(1, "a@x")),
      );
      expect(idsOf(nzb)).toEqual(["a@x", "b@x", "x@x", "y@x"]);
    },
  );

  test("without a number at all follow in the order of the document", async () => {
    const nzb = await parse(oneFile("<segment>b@x</segment><segment bytes='1'>a@x</segment>"));
    expect(idsOf(nzb)).toEqual(["b@x", "a@x"]);
  });

  test("may leave a thousand holes, and ten for each segment of a long file, but a number beyond that is none", async () => {
    const lengthWith = async (count: number, last: number) => {
      const rows = Array.from({ length: count }, (_, i) => segment(i + 1, `${i}@x`));
      return (await parse(oneFile(rows.join("") + segment(last, "last@x")))).files[0]?.segments.length;
    };
    expect(await lengthWith(1, 1002)).toBe(1002);
    expect(await lengthWith(1, 1003)).toBe(2);
    expect(await lengthWith(299, 3300)).toBe(3300);
    expect(await lengthWith(299, 3301)).toBe(300);
  });

  test("are told apart by surrounding zeros and blanks of a number as little as XML allows", async () => {
    expect(idsOf(await parse(oneFile(segment("02", "b@x") + segment(" 1 ", "a@x"))))).toEqual(["a@x", "b@x"]);
  });

  test("have a size between 0 and 2^32-1, whatever bytes says", async () => {
    expect(
      await sizesOf(0, -5, "", "x", 10_737_418_240, 4_294_967_295, 999_999_999, 1_000_000_000, "1".repeat(400)),
    ).toEqual([0, 0, 0, 0, 4_294_967_295, 4_294_967_295, 999_999_999, 1_000_000_000, 4_294_967_295]);
  });
});

describe("message-ids", () => {
  test("lose blanks and brackets around them", async () => {
    const ids = ["\r\n a@x \t", "&lt;b@x&gt;", " &lt;c@x&gt;\n", "<![CDATA[<d@x>]]>"];
    expect(idsOf(await parse(oneFile(ids.map((id, i) => segment(i + 1, id)).join(""))))).toEqual([
      "a@x",
      "b@x",
      "c@x",
      "d@x",
    ]);
  });

  test.each([
    ["a space", "a b@x"],
    ["a line break", "a\nb@x"],
    ["CR and LF", "a@x\r\nQUIT"],
    ["CR and LF as references", "a@x&#13;&#10;QUIT"],
    ["a tab", "a\tb@x"],
    ["a NUL", "a\0b@x"],
    ["an escape", "a\x1bb@x"],
    ["DEL", "a\x7fb@x"],
    ["a letter outside ASCII", "ä@x"],
    ["a bracket inside", "a&lt;b@x"],
    ["249 bytes", "a".repeat(249)],
    ["nothing", ""],
    ["brackets only", "&lt;&gt;"],
  ])("with %s are refused, counted, and leave a hole", async (_, id) => {
    const nzb = await parse(
      oneFile(segment(1, "a@x") + segment(2, id, 70) + segment(3, id) + segment(4, "d@x") + segment(5, id)),
    );
    expect(nzb.files[0]?.rejectedIds).toBe(3);
    expect(idsOf(nzb)).toEqual(["a@x", undefined, undefined, "d@x", undefined]);
    expect(nzb.files[0]?.segments.encodedSizeAt(1)).toBe(70);
  });

  test("of 248 bytes, and of every character that may be in one, are kept", async () => {
    const all = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i))
      .join("")
      .replace(/[<>]/g, "");
    const nzb = await parse(
      oneFile(segment(1, "a".repeat(248)) + segment(2, all.replace("&", "&amp;")) + segment(3, all)),
    );
    expect(idsOf(nzb)).toEqual(["a".repeat(248), all, all]);
  });

  test("that were refused give way to a good one of the same number, before or after", async () => {
    const nzb = await parse(
      oneFile([segment(1, "b ad"), segment(1, "a@x"), segment(2, "b@x"), segment(2, "b ad")].join("")),
    );
    expect(plain(nzb).files[0]).toMatchObject({ ids: ["a@x", "b@x"], alternates: [], rejectedIds: 2 });
  });

  test("that were refused without a number leave no hole", async () => {
    const nzb = await parse(oneFile(segment(1, "a@x") + segment("?", "b ad") + segment("?", "c@x")));
    expect(plain(nzb).files[0]).toMatchObject({ ids: ["a@x", "c@x"], rejectedIds: 1 });
  });
});

describe("many files", () => {
  test("each have their own ids, also when they share a page of memory or have none", async () => {
    const files = Array.from({ length: 3000 }, (_, f) => {
      const rows = Array.from({ length: f % 4 }, (_, i) => segment(i + 1, `${f}-${i}@x`, f + i));
      return `<file subject="${f}">${rows.join("")}</file>`;
    });
    const nzb = await parse(document(files.join("")));
    expect(nzb.files).toHaveLength(3000);
    nzb.files.forEach(({ segments }, f) => {
      expect(idsOf(nzb, f)).toEqual(Array.from({ length: f % 4 }, (_, i) => `${f}-${i}@x`));
      expect([...segments.packed.encodedSizes]).toEqual(Array.from({ length: f % 4 }, (_, i) => f + i));
    });
    expect(new Set(nzb.files.map(({ segments }) => segments.packed.ids.buffer)).size).toBeLessThan(10);
  });
});

describe("the digest", () => {
  const digest = async (...files: readonly string[][]) => {
    const rows = files.map(
      (ids) =>
        `<file subject="${Math.random()}">${ids.map((id, i) => (id === "" ? "" : segment(i + 1, id))).join("")}</file>`,
    );
    return (await parse(document(rows.join("")))).digest;
  };

  test("is the sha256 of counts, ends and ids", async () => {
    const numbers = Buffer.alloc(20);
    for (const [i, value] of [3, 1, 3, 3, 6].entries()) numbers.writeUInt32LE(value, 4 * i);
    const expected = createHash("sha256").update(numbers).update("a@xc@x2 d@x\n").digest("hex");
    const nzb = await parse(oneFile(segment(1, "a@x") + segment(3, "c@x") + segment(3, "d@x")));
    expect(nzb.digest).toBe(expected);
  });

  test("does not depend on the XML around the ids, nor on their order in it", async () => {
    const one = await parse(document(`<file subject="x">${segment(1, "a@x", 5)}${segment(2, "b@x")}</file>`));
    const other = await parse(
      `<n:NZB><!-- --><file poster="y">${segment(2, " &lt;b@x&gt;")}${segment(1, "a@x", 7)}${segment(1, "a@x")}</file></n:NZB>`,
    );
    expect(other.digest).toBe(one.digest);
  });

  test("differs whenever the same bytes are cut into other ids, parts or files", async () => {
    const digests = await Promise.all([
      digest(["ab", "c"]),
      digest(["a", "bc"]),
      digest(["abc"]),
      digest(["ab"], ["c"]),
      digest(["c", "ab"]),
      digest(["", "ab", "c"]),
      digest(["ab", "", "c"]),
      digest(["ab", "c"], []),
      digest(["ab", "d"]),
    ]);
    expect(new Set(digests).size).toBe(digests.length);
  });
});
