import { describe, expect, test } from "@jest/globals";
import { DEFAULT_LIMITS } from "../../src/nzb/limits.ts";
import { NzbScanner } from "../../src/nzb/scanner.ts";
import { parse, plain, scan, segment } from "./documents.ts";

/** Small, with everything in it that may be cut in two. */
const TRICKY = Buffer.from(
  `\ufeff<?xml version="1.0" encoding="iso-8859-1" ?>
<!-- < > -- ' --><!DOCTYPE nzb [ <!ENTITY x "]>"> <!-- ' --> ]>
<n:nzb xmlns:n='u'><head><meta type="password">\r\n pä&amp;<![CDATA[]]<>]]>&auml;</meta></head>
<file subject='"ü &amp;quot;.mkv" (1/3)' poster="&lt;p>" date="1071674882"><groups><group>a.b</group></groups><segments>
<segment bytes="739067" number="1">one@example</segment><segment number='3' bytes='1'>three@example</segment>
<segment bytes="2" number="2"> &lt;t&#119;o@example&gt; </segment><!-- x --><segment bytes="9" number="2">other@example</segment>
<segment number="4" bytes="1">bad id@example</segment><segment/></segments></file><?x ?>
<FILE subject="last"><segment bytes="5" number="1"><![CDATA[cdata@example]]></segment></FILE></n:nzb>
<!-- end -->`,
);

describe("chunks cut anywhere", () => {
  test("every cut into two gives the same as no cut", async () => {
    const whole = plain(await parse(TRICKY));
    expect(whole.files.map(({ ids }) => ids)).toEqual([
      ["one@example", "two@example", "three@example", undefined],
      ["cdata@example"],
    ]);
    for (let cut = 0; cut <= TRICKY.length; cut += 1) {
      const scanner = new NzbScanner(DEFAULT_LIMITS, 64);
      scanner.feed(TRICKY.subarray(0, cut));
      scanner.feed(TRICKY.subarray(cut));
      expect(plain(scanner.finish())).toEqual(whole);
    }
  });

  test("every size of window gives the same", async () => {
    const whole = plain(await parse(TRICKY));
    for (let bytes = 3; bytes <= TRICKY.length + 1; bytes += 1) expect(plain(scan(TRICKY, bytes))).toEqual(whole);
  });

  test("single bytes give the same", async () => {
    expect(plain(await parse(TRICKY, {}, 1))).toEqual(plain(await parse(TRICKY)));
  });

  test("a run of segments is the same wherever the window ends", async () => {
    const segments = Array.from({ length: 400 }, (_, index) => segment(index + 1, `${index}-abcdef@example`));
    const document = Buffer.from(`<nzb><file subject="s"><segments>\n${segments.join("\n")}\n</segments></file></nzb>`);
    const whole = plain(await parse(document));
    expect(whole.files[0]?.ids).toHaveLength(400);
    for (let bytes = 1000; bytes < 1150; bytes += 1) expect(plain(scan(document, bytes))).toEqual(whole);
  });
});
