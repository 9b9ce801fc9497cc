import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { document, idsOf, oneFile, parse, plain, SEGMENT, segment } from "./documents.ts";
import { bzip2Like, utf16 } from "./encodings.ts";

const subjectOf = async (document: string | Uint8Array) => (await parse(document)).files[0]?.subject;
const latin1 = (text: string) => Buffer.from(text, "latin1");
const file = `<file subject="s"><segments>${SEGMENT}</segments></file>`;

describe("what the scanner makes of XML", () => {
  test("takes attributes in any order, in both quotes, with blanks around the sign", async () => {
    const nzb = await parse(
      document(
        `<file date='1071674882'\n poster = "p"  subject='it is "this"'><segments><segment number='2' bytes = "7">b@x</segment><segment bytes='6' number="1">a@x</segment></segments></file>`,
      ),
    );
    expect(nzb.files[0]).toMatchObject({ subject: 'it is "this"', poster: "p", postedAt: 1071674882000 });
    expect(idsOf(nzb)).toEqual(["a@x", "b@x"]);
    expect([...(nzb.files[0]?.segments.packed.encodedSizes ?? [])]).toEqual([6, 7]);
  });

  test("decodes XML, numeric and HTML Latin-1 entities in attributes", async () => {
    expect(
      await subjectOf(
        oneFile(SEGMENT, 'subject="&quot;&auml;&#246;&#xFC;&eacute;&yuml;&nbsp;&quot; &lt;&amp;&gt;&apos;"'),
      ),
    ).toBe('"äöüéÿ\u00a0" <&>\'');
  });

  test("decodes entities in texts", async () => {
    const nzb = await parse(
      document(
        `<head><meta type="password">a&amp;b&#33;&uuml;</meta></head><file subject="s"><groups><group>a.b&#46;c</group></groups>${segment(1, "&lt;a&amp;b&#64;x&gt;")}</file>`,
      ),
    );
    expect(nzb.meta.passwords).toEqual(["a&b!ü"]);
    expect(nzb.files[0]?.groups).toEqual(["a.b.c"]);
    expect(idsOf(nzb)).toEqual(["a&b@x"]);
  });

  test("leaves unknown entities, lone ampersands and references to no character as they are written", async () => {
    const written = "Q&A &bogus; &#0; &#xD800; &#x110000; & &;";
    expect(await subjectOf(oneFile(SEGMENT, `subject="${written}"`))).toBe(written);
  });

  test("finds the name in a subject whose quotes were escaped twice", async () => {
    const nzb = await parse(oneFile(SEGMENT, 'subject="[1/2] - &amp;quot;a &amp;amp; b.mkv&amp;quot; yEnc (1/9)"'));
    expect(nzb.files[0]).toMatchObject({ name: "a & b.mkv", partsHint: 9 });
  });

  test("skips comments wherever they stand, whatever they hold", async () => {
    const comment = `<!-- ${SEGMENT} </nzb> & " ' -- > -->`;
    const nzb = await parse(
      `${comment}<nzb>${comment}<file subject="s">${comment}<segments><segment number="1" bytes="1">o${comment}ne@x</segment>${comment}</segments></file></nzb>${comment}`,
    );
    expect(idsOf(nzb)).toEqual(["one@x"]);
  });

  test("takes CDATA as text, and nothing in it as markup or entity", async () => {
    const nzb = await parse(
      document(
        `<head><meta type="password"><![CDATA[a&amp;b<c>]]>]]&gt;</meta></head><![CDATA[<file>]]><file subject="s">${segment(1, "<![CDATA[ <one@x> ]]>")}</file>`,
      ),
    );
    expect(nzb.meta.passwords).toEqual(["a&amp;b<c>]]>"]);
    expect(idsOf(nzb)).toEqual(["one@x"]);
  });

  test("skips processing instructions", async () => {
    const nzb = await parse(`<?xml version="1.0"?><?xsl a="<nzb>"?><nzb><?php echo "</nzb>" ?>${file}</nzb><?end?>`);
    expect(nzb.files).toHaveLength(1);
  });

  test("skips a processing instruction that is longer than any window", async () => {
    const nzb = await parse(`<?long ${"x".repeat(700_000)}?><nzb>${file}</nzb>`);
    expect(nzb.files).toHaveLength(1);
  });

  test("ignores a DOCTYPE with an internal subset and expands nothing that it declares", async () => {
    const doctype = `<!DOCTYPE nzb SYSTEM "file:///etc/passwd" [
      <!-- don't > ]> -->
      <!ENTITY a "aaaaaaaaaa">
      <!ENTITY lol '&a;&a;]>'>
      <!ENTITY auml "wrong">
      <!ENTITY % remote SYSTEM "http://127.0.0.1:1/x.dtd"> %remote; <?pi ]> ?>
    ] >`;
    const nzb = await parse(`<?xml version="1.0"?>${doctype}<nzb>${file.replace('"s"', '"&lol;&a;&auml;"')}</nzb>`);
    expect(nzb.files[0]?.subject).toBe("&lol;&a;ä");
  });

  test("reads a document without a namespace and one with prefixes alike", async () => {
    const bare = await parse(`<nzb><head><meta type="title">T</meta></head>${file}</nzb>`);
    const prefixed = await parse(
      `<n:nzb xmlns:n="http://www.newzbin.com/DTD/2003/nzb"><n:head><n:meta type="title">T</n:meta></n:head>${file.replaceAll(/<(\/?)/g, "<$1n:")}</n:nzb>`,
    );
    expect(plain(prefixed)).toEqual(plain(bare));
    expect(idsOf(bare)).toEqual(["one@example"]);
  });

  test("takes tags and attribute names in any case", async () => {
    const nzb = await parse(
      `<NZB><Head><META Type="Password">PW</META></Head><FILE Subject="s"><Segments><SEGMENT Bytes="5" NUMBER="1">A@x</segment></SEGMENTS></File></nzb>`,
    );
    expect(nzb.meta.passwords).toEqual(["PW"]);
    expect(idsOf(nzb)).toEqual(["A@x"]);
  });

  test("goes on after raw control bytes", async () => {
    expect(await subjectOf(oneFile(SEGMENT, 'subject="a\x01\x00\x1fb.mkv"'))).toBe("a\x01\x00\x1fb.mkv");
  });

  test("turns line breaks inside an attribute into spaces", async () => {
    expect(await subjectOf(oneFile(SEGMENT, 'subject="a\nb\tc&#10;d"'))).toBe("a b c\nd");
  });

  test("takes a > in an attribute as text", async () => {
    expect(await subjectOf(oneFile(SEGMENT, 'subject="<a> /> -->"'))).toBe("<a> /> -->");
  });

  test("ignores elements and meta types that it does not know", async () => {
    const nzb = await parse(
      document(
        `<head><meta type="x">y</meta><meta>z</meta><other a="b"><deep/></other></head><extra/>${file}<file2>${SEGMENT}</file2>`,
      ),
    );
    expect(nzb.meta).toEqual({ title: undefined, category: undefined, passwords: [], tags: [] });
    expect(nzb.files).toHaveLength(1);
  });

  test("keeps a password as written, but for line breaks around it", async () => {
    const nzb = await parse(
      document(
        `<head><meta type="password"> a b </meta><meta type="password">\n   {x}.ü\r\n  </meta><meta type="password"> </meta></head>${file}`,
      ),
    );
    expect(nzb.meta.passwords).toEqual([" a b ", "{x}.ü"]);
  });

  test("takes the first title and category and every tag, trimmed", async () => {
    const meta = ["title", "title", "category", "category", "tag", "tag"].map(
      (type, i) => `<meta type="${type}"> ${type}${i} </meta>`,
    );
    const nzb = await parse(document(`<head><meta type="title"></meta>${meta.join("")}</head>${file}`));
    expect(nzb.meta).toMatchObject({ title: "title0", category: "category2", tags: ["tag4", "tag5"] });
  });

  test.each(["", "0", "-5", "yesterday", "99999999999999", "1.5"])("has no date for date=%j", async (date) => {
    const nzb = await parse(oneFile(SEGMENT, `subject="s" date="${date}"`));
    expect(nzb.files[0]?.postedAt).toBeUndefined();
  });
});

describe("encodings", () => {
  const umlauts = (encoding: string) =>
    document(
      '<file subject="ä.mkv"><segments><segment bytes="1" number="1">a@x</segment></segments></file>',
      `<?xml version="1.0" encoding="${encoding}"?>`,
    );

  test("skips a byte order mark", async () => {
    expect(await subjectOf(`\ufeff${umlauts("utf-8")}`)).toBe("ä.mkv");
  });

  test("reads UTF-8 that is declared as iso-8859-1", async () => {
    expect(await subjectOf(umlauts("iso-8859-1"))).toBe("ä.mkv");
  });

  test("reads iso-8859-1 that is declared as what it is", async () => {
    expect(await subjectOf(latin1(umlauts("iso-8859-1")))).toBe("ä.mkv");
  });

  test.each(["utf-8", "utf-16", "klingon"])("reads windows-1252 that is declared as %s", async (encoding) => {
    const bytes = latin1(umlauts(encoding).replace("ä", "\x80ä"));
    expect(await subjectOf(bytes)).toBe("€ä.mkv");
  });

  test("decodes what is not UTF-8 as it was declared", async () => {
    expect(await subjectOf(latin1(umlauts("windows-1251").replace("ä", "\xcc\xe8\xf0")))).toBe("Мир.mkv");
  });

  test("decides for every text anew", async () => {
    const bytes = Buffer.concat([
      latin1('<?xml version="1.0" encoding="iso-8859-1"?><nzb><head><meta type="password">\xfc</meta></head>'),
      Buffer.from(`<file subject="ü" poster="p">${SEGMENT}</file></nzb>`),
    ]);
    const nzb = await parse(bytes);
    expect([nzb.meta.passwords[0], nzb.files[0]?.subject]).toEqual(["ü", "ü"]);
  });

  test.each([
    ["little endian with a mark", utf16(umlauts("utf-16"), { mark: true })],
    ["big endian with a mark", utf16(umlauts("utf-16"), { mark: true }).swap16()],
    ["little endian without", utf16(umlauts("utf-16"), { mark: false })],
    ["big endian without", utf16(umlauts("utf-16"), { mark: false }).swap16()],
  ])("decodes UTF-16, %s, in pieces of odd length", async (_, bytes) => {
    const nzb = await parse(bytes, {}, 7);
    expect([nzb.files[0]?.subject, idsOf(nzb)]).toEqual(["ä.mkv", ["a@x"]]);
  });

  test.each([1, 2, 3, 1000])("unpacks gzip, whatever its name is, in pieces of %i bytes", async (pieceBytes) => {
    const nzb = await parse(gzipSync(oneFile()), {}, pieceBytes);
    expect(idsOf(nzb)).toEqual(["one@example"]);
  });

  test("unpacks gzip of several members", async () => {
    const half = oneFile().length / 2;
    const bytes = Buffer.concat([gzipSync(oneFile().slice(0, half)), gzipSync(oneFile().slice(half))]);
    expect(idsOf(await parse(bytes))).toEqual(["one@example"]);
  });

  test.each([
    ["bzip2", bzip2Like(), "bzip2"],
    ["a zip archive", latin1("PK\x03\x04rest"), "zip"],
    ["gzip inside gzip", gzipSync(gzipSync(oneFile())), "twice"],
  ])("refuses %s and says what to do", async (_, bytes, phrase) => {
    await expect(parse(bytes)).rejects.toMatchObject({
      code: "NZB_MALFORMED",
      message: expect.stringContaining(phrase),
      hint: expect.stringContaining("unpack it"),
    });
  });

  test("refuses gzip that was cut off, and gzip with a wrong byte", async () => {
    const whole = gzipSync(oneFile(Array.from({ length: 50 }, (_, i) => segment(i + 1, `${i * 7919}@x`)).join("")));
    const broken = Buffer.from(whole);
    broken[broken.length - 6] = (broken[broken.length - 6] as number) ^ 1;
    for (const bytes of [whole.subarray(0, -9), broken]) {
      await expect(parse(bytes)).rejects.toMatchObject({
        code: "NZB_MALFORMED",
        message: expect.stringContaining("gzip"),
      });
    }
  });
});
