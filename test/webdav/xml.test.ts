import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import { parsePropfind } from "../../src/webdav/propfind-request.ts";
import { escapeXml, parseXml } from "../../src/webdav/xml.ts";

const parse = (xml: string) => parsePropfind(Buffer.from(xml));
const codeOf = (xml: string | Uint8Array): string | undefined => {
  try {
    parsePropfind(Buffer.from(xml as string));
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
};
const prop = (inner: string) => `<D:propfind xmlns:D="DAV:"><D:prop>${inner}</D:prop></D:propfind>`;

describe("the body of a PROPFIND", () => {
  test("may be absent, and then asks for everything", () => {
    expect(parsePropfind(new Uint8Array())).toEqual({ kind: "allprop", include: [] });
  });

  test("asks for names once, whatever their prefix, and skips what it does not know", () => {
    const body = `<?xml version="1.0" encoding="utf-8"?><!-- c --><a:propfind xmlns:a="DAV:" xmlns:z="urn:z"><z:new/><a:prop>
      <a:getetag/><getetag xmlns="DAV:"/><z:x><z:deep/></z:x><plain/><a:__proto__/></a:prop></a:propfind>`;
    expect(parse(body)).toMatchObject({
      kind: "prop",
      names: [
        { namespace: "DAV:", local: "getetag" },
        { namespace: "urn:z", local: "x" },
        { namespace: "", local: "plain" },
        { namespace: "DAV:", local: "__proto__" },
      ],
    });
  });

  test("may include further names with allprop", () => {
    const body = '<propfind xmlns="DAV:"><allprop/><include><iscollection/></include></propfind>';
    expect(parse(body)).toMatchObject({ kind: "allprop", include: [{ local: "iscollection" }] });
  });

  const entities = Array.from({ length: 9 }, (_, n) => `<!ENTITY e${n + 1} "${`&e${n};`.repeat(10)}">`).join("");
  test.each([
    ["billion laughs", `<!DOCTYPE x [<!ENTITY e0 "ha">${entities}]><x>&e9;</x>`],
    ["an external entity", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
    ["a harmless DOCTYPE", '<!DOCTYPE propfind><propfind xmlns="DAV:"><allprop/></propfind>'],
    ["an unknown entity", prop("&nope;")],
    ["an element left open", '<propfind xmlns="DAV:"><allprop/>'],
    ["two roots", '<propfind xmlns="DAV:"><allprop/></propfind><a/>'],
    ["an undeclared prefix", '<D:propfind><D:allprop xmlns:D="DAV:"/></D:propfind>'],
    ["an empty prefix binding", prop('<bar:foo xmlns:bar=""/>')],
    ["a control character", prop("\u0001")],
    ["text", "hello"],
    ["blanks", "   "],
    ["another root", '<proppatch xmlns="DAV:"><allprop/></proppatch>'],
    ["another namespace", "<propfind><allprop/></propfind>"],
    ["no wish", '<propfind xmlns="DAV:"><other/></propfind>'],
    ["two wishes", '<propfind xmlns="DAV:"><allprop/><propname/></propfind>'],
    ["8,000 levels", "<a>".repeat(8000)],
    ["33 levels", `${"<a>".repeat(33)}${"</a>".repeat(33)}`],
    ["1,025 elements", `<r>${"<a/>".repeat(1024)}</r>`],
    ["129 properties", prop(Array.from({ length: 129 }, (_, n) => `<D:p${n}/>`).join(""))],
  ])("is refused with %s", (_, xml) => {
    expect(codeOf(xml)).toBe("BAD_XML");
  });

  test("is refused when it is not UTF-8", () => {
    expect(codeOf(Buffer.concat([Buffer.from("<a>"), Buffer.from([0xff, 0xfe]), Buffer.from("</a>")]))).toBe("BAD_XML");
    expect(codeOf(Buffer.from(prop("<D:getetag/>"), "utf16le"))).toBe("BAD_XML");
  });

  test("may be as deep and as large as the bounds, and start with a byte order mark", () => {
    expect(parseXml(Buffer.from(`${"<a>".repeat(32)}${"</a>".repeat(32)}`)).local).toBe("a");
    expect(parseXml(Buffer.from(`<r>${"<a/>".repeat(1023)}</r>`)).children.length).toBe(1023);
    expect(codeOf(`\ufeff${prop("<D:getetag/>")}`)).toBeUndefined();
  });
});

describe("text for XML", () => {
  test("is escaped once, and has no character that XML cannot carry", () => {
    expect(escapeXml(`a&b<c>d"e'f`)).toBe("a&amp;b&lt;c&gt;d&quot;e'f");
    expect(escapeXml("\u0000\u000b\u001f\ufffe\uffff\ud800x😀\t")).toBe(`${"\ufffd".repeat(6)}x😀\t`);
  });
});
