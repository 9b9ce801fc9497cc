import { describe, expect, test } from "@jest/globals";
import { SaxesParser } from "saxes";
import { type MessageId, parseMessageId } from "../../src/base/message-id.ts";
import type { Article } from "../../src/newsserver/article.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { bytesContent, patternContent } from "../../src/newsserver/content.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { expectBytes } from "./expect-bytes.ts";
import { decodeWire } from "./yenc-oracle.ts";

function found(store: ArticleStore, id: MessageId): Article {
  const article = store.find(id);
  if (article === undefined) throw new Error(`no article ${id}`);
  return article;
}

function body(article: Article): Buffer {
  return article.bodyReply.subarray(article.bodyStart);
}

function idsOf(file: { readonly segments: Iterable<{ readonly id: MessageId }> }): MessageId[] {
  return Array.from(file.segments, ({ id }) => id);
}

describe("posted files", () => {
  test("every part decodes to its place in the file", () => {
    const store = new ArticleStore();
    const content = patternContent(11, 10_500);
    const file = store.addFile({ name: "a film.mkv", content, partSize: 1_000 });
    expect(file.partCount).toBe(11);
    idsOf(file).forEach((id, index) => {
      const { bytes, header, part, trailer, isChecksumRight } = decodeWire(body(found(store, id)));
      const size = index === 10 ? 500 : 1_000;
      expectBytes(bytes, content.read(index * 1_000, size));
      expect(header).toMatchObject({
        name: "a film.mkv",
        size: "10500",
        part: `${index + 1}`,
        total: "11",
        line: "128",
      });
      expect(part).toEqual({ begin: `${index * 1_000 + 1}`, end: `${index * 1_000 + size}` });
      expect(trailer["size"]).toBe(`${size}`);
      expect(isChecksumRight).toBe(true);
    });
  });

  test("a file of one part is a single-part post without =ypart", () => {
    const store = new ArticleStore();
    const file = store.addFile({ name: "small.nfo", content: patternContent(1, 1_000), partSize: 1_000 });
    const { bytes, header, part, isChecksumRight } = decodeWire(body(found(store, file.idOf(1))));
    expectBytes(bytes, patternContent(1, 1_000).read(0, 1_000));
    expect(header["part"]).toBeUndefined();
    expect(part).toEqual({});
    expect(isChecksumRight).toBe(true);
  });

  test("an empty file is one article without data", () => {
    const store = new ArticleStore();
    const file = store.addFile({ name: "empty", content: bytesContent(Buffer.alloc(0)) });
    expect(decodeWire(body(found(store, file.idOf(1)))).bytes).toHaveLength(0);
  });

  test("parts may have any sizes that add up", () => {
    const store = new ArticleStore();
    const content = patternContent(4, 1_000);
    const file = store.addFile({ name: "odd", content, partSize: [1, 700, 0, 299] });
    const parts = idsOf(file).map((id) => decodeWire(body(found(store, id))));
    expect(parts.map(({ bytes }) => bytes.length)).toEqual([1, 700, 0, 299]);
    expectBytes(Buffer.concat(parts.map(({ bytes }) => bytes)), content.read(0, 1_000));
    expect(parts[3]?.part).toEqual({ begin: "702", end: "1000" });
    for (const partSize of [[], [999], [1_001], [500.5, 499.5], [-1, 1_001], 0, 0.5]) {
      expect(() => store.addFile({ name: "bad", content, partSize })).toThrow(RangeError);
    }
  });

  test("a header may lie while data and checksum are true", () => {
    const store = new ArticleStore();
    const file = store.addFile({
      name: "true.mkv",
      content: patternContent(1, 300),
      partSize: 100,
      header: (truth) => ({ ...truth, name: "decoy", fileSize: 5, totalParts: 99 }),
    });
    const { header, part, bytes, isChecksumRight } = decodeWire(body(found(store, file.idOf(2))));
    expect(header).toMatchObject({ name: "decoy", size: "5", total: "99", part: "2" });
    expect(part).toEqual({ begin: "101", end: "200" });
    expectBytes(bytes, patternContent(1, 300).read(100, 100));
    expect(isChecksumRight).toBe(true);
  });

  test("half a terabyte costs no memory until somebody asks", () => {
    const store = new ArticleStore();
    const content = patternContent(1, 500e9);
    const file = store.addFile({ name: "large", content });
    const last = file.partCount;
    expect(last).toBe(Math.ceil(500e9 / 716_800));
    const { start, end } = file.partRange(last);
    expect(end).toBe(500e9);
    const { part } = decodeWire(body(found(store, file.idOf(last))));
    expect(part).toEqual({ begin: `${start + 1}`, end: "500000000000" });
  });

  test("only its own parts exist under its prefix", () => {
    const store = new ArticleStore();
    const file = store.addFile({ name: "f", content: patternContent(1, 20), partSize: 10, idPrefix: "p-1" });
    expect(idsOf(file)).toEqual(["p-1-1@newsreel.example", "p-1-2@newsreel.example"]);
    expect(idsOf(file).map((id) => parseMessageId(`<${id}>`))).toEqual(idsOf(file));
    for (const id of [
      "p-1-0@",
      "p-1-3@",
      "p-1-01@",
      "p-1-1e0@",
      "p-1-99999999999999999999@",
      "p-2-1@",
      "p-1@",
      "p-1-@",
    ]) {
      expect(store.has(`${id}newsreel.example` as MessageId)).toBe(false);
      expect(store.find(`${id}newsreel.example` as MessageId)).toBeUndefined();
    }
    expect(() => store.addFile({ name: "g", content: patternContent(1, 20), idPrefix: "p-1" })).toThrow(RangeError);
    expect(() => store.addFile({ name: "g", content: patternContent(1, 20), idPrefix: "a b" })).toThrow(RangeError);
  });

  test("line breaks in a name forge no header", () => {
    const store = new ArticleStore();
    const file = store.addFile({ name: "a\r\nX-Forged: yes", content: patternContent(1, 20) });
    expect(found(store, file.idOf(1)).head.toString()).not.toMatch(/^X-Forged/m);
  });

  test("the estimated encoded size is within two per cent of the true one", () => {
    const store = new ArticleStore();
    const file = store.addFile({ name: "f.mkv", content: patternContent(8, 300_000), partSize: 100_000 });
    for (const { id, encodedSize } of file.segments) {
      expect(Math.abs(encodedSize / body(found(store, id)).length - 1)).toBeLessThan(0.02);
    }
  });
});

describe("the cache of encoded articles", () => {
  test("hands out the same buffer again, and can be filled in advance", () => {
    let reads = 0;
    const pattern = patternContent(1, 50_000);
    const store = new ArticleStore({ cacheBytes: 1_000_000 });
    const content = {
      size: 50_000,
      read(offset: number, length: number) {
        reads += 1;
        return pattern.read(offset, length);
      },
    };
    const file = store.addFile({ name: "f", content, partSize: 5_000 });
    store.encode(file);
    expect(reads).toBe(10);
    expect(found(store, file.idOf(3)).bodyReply).toBe(found(store, file.idOf(3)).bodyReply);
    expect(reads).toBe(10);
  });

  test("keeps to its budget, and says when a file cannot be encoded in advance", () => {
    const store = new ArticleStore({ cacheBytes: 20_000 });
    const file = store.addFile({ name: "f", content: patternContent(1, 50_000), partSize: 5_000 });
    expect(() => store.encode(file)).toThrow(RangeError);
    const first = found(store, file.idOf(1));
    for (let part = 2; part <= 10; part += 1) found(store, file.idOf(part));
    expect(found(store, file.idOf(1))).not.toBe(first);
    expect(found(store, file.idOf(1))).toEqual(first);
  });
});

describe("what clients post", () => {
  const HEAD = "From: p <p@example.com>\r\nNewsgroups: alt.binaries.x,alt.test, bad group\r\nSubject: s\r\n";
  const posting = (head: string, text = "hello\r\n") => Buffer.from(`${head}\r\n${text}.\r\n`);

  test("is refused with a reason when headers are absent or malformed", () => {
    const store = new ArticleStore();
    const refusals = [
      Buffer.from(".\r\n"),
      Buffer.from("Subject: no blank line\r\n.\r\n"),
      posting(HEAD.replace("From", "X")),
      posting(HEAD.replace("alt.binaries.x,alt.test, bad group", "")),
      posting(`${HEAD}Message-ID: <with blank@x>\r\n`),
      posting(`X: ${"y".repeat(70_000)}\r\n${HEAD}`),
    ].map((wire) => store.post(wire));
    for (const result of refusals) expect(result).toHaveProperty("refused");
    expect(store.groups.size).toBe(1);
  });

  test("is refused when it is there already or when space runs out", () => {
    const store = new ArticleStore({ maxPostedBytes: 1_000 });
    const id = `${HEAD}Message-ID: <one@x>\r\n`;
    expect(store.post(posting(id))).toEqual({ id: "one@x" });
    expect(store.post(posting(id))).toHaveProperty("refused");
    expect(store.post(posting(HEAD, `${"x".repeat(900)}\r\n`))).toHaveProperty("refused");
    expect([...store.groups]).toEqual(["alt.binaries.test", "alt.binaries.x", "alt.test"]);
  });

  test("a folded Message-ID is found", () => {
    const store = new ArticleStore();
    expect(store.post(posting(`${HEAD}Message-ID:\r\n <folded@x>\r\n`))).toEqual({ id: "folded@x" });
  });
});

describe("the NZB", () => {
  test("names every file, group and segment, and survives hostile names", () => {
    const store = new ArticleStore();
    const files = [
      store.addFile({
        name: 'a & "b" <c>\u0001.mkv',
        content: patternContent(1, 2_500),
        partSize: 1_000,
        idPrefix: "a",
      }),
      store.addFile({
        name: "d",
        subject: "e0f1",
        content: patternContent(1, 10),
        groups: ["a.b.x", "a.b.y"],
        idPrefix: "b",
      }),
    ];
    const nzb = toNzb(files, { title: "T & Co", password: ["one", "<two>"] });
    const events: string[] = [];
    const parser = new SaxesParser({ xmlns: false });
    parser.on("error", (error) => {
      throw error;
    });
    parser.on("opentag", ({ name, attributes }) =>
      events.push(`${name} ${Object.values(attributes).join("|")}`.trim()),
    );
    parser.on("text", (text) => text.trim() !== "" && events.push(`'${text}'`));
    parser.write(nzb).close();
    const date = Date.UTC(2026, 0, 1) / 1_000;
    const poster = "Newsreel <newsreel@newsreel.example>";
    expect(events.filter((event) => !event.startsWith("segment "))).toEqual([
      "nzb http://www.newzbin.com/DTD/2003/nzb",
      "head",
      "meta title",
      "'T & Co'",
      "meta password",
      "'one'",
      "meta password",
      "'<two>'",
      `file ${poster}|${date}|"a & "b" <c>.mkv" yEnc (1/3) 2500`,
      "groups",
      "group",
      "'alt.binaries.test'",
      "segments",
      "'a-1@newsreel.example'",
      "'a-2@newsreel.example'",
      "'a-3@newsreel.example'",
      `file ${poster}|${date}|e0f1 (1/1) 10`,
      "groups",
      "group",
      "'a.b.x'",
      "group",
      "'a.b.y'",
      "segments",
      "'b-1@newsreel.example'",
    ]);
    expect(events.filter((event) => event.startsWith("segment ")).map((event) => event.split("|")[1])).toEqual([
      "1",
      "2",
      "3",
      "1",
    ]);
  });
});
