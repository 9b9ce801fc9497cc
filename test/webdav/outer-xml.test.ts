import { describe, expect, test } from "@jest/globals";
import { errorCode } from "../../src/base/errors.ts";
import { outerXml, parseXml, type XmlElement } from "../../src/webdav/xml.ts";
import { seededRandom } from "../random.ts";
import { childrenOf, elementsNamed, type PlainElement, readXml } from "./xml-oracle.ts";

const parse = (xml: string) => parseXml(Buffer.from(xml));
const codeOf = (xml: string): string | undefined => {
  try {
    parse(xml);
    return undefined;
  } catch (error) {
    return errorCode(error);
  }
};
/** The properties of a PROPPATCH, each put into an answer with declarations of its own. */
function roundTrip(patch: string): { readonly sent: readonly PlainElement[]; readonly shown: readonly PlainElement[] } {
  const find = (element: XmlElement): readonly XmlElement[] =>
    element.local === "prop" && element.namespace === "DAV:" ? element.children : element.children.flatMap(find);
  const elements = find(parse(patch)).map(outerXml);
  const answer = `<D:multistatus xmlns:D="DAV:" xmlns="urn:of:the:answer" xmlns:a="urn:else"><D:prop>${elements.join("")}</D:prop></D:multistatus>`;
  const properties = (xml: string) => elementsNamed("{DAV:}prop", readXml(xml)).flatMap(childrenOf);
  return { sent: properties(patch), shown: properties(answer) };
}
const patch = (properties: string, root = "", prop = "") =>
  `<D:propertyupdate xmlns:D="DAV:" ${root}><D:set><D:prop ${prop}>${properties}</D:prop></D:set></D:propertyupdate>`;

describe("an element that is taken out of its document", () => {
  test.each([
    ["text", patch('<z:a xmlns:z="urn:z">text</z:a>')],
    ["nothing in it", patch('<z:a xmlns:z="urn:z"></z:a>')],
    ["no namespace", patch("<a><b/></a>")],
    ["no namespace below a default one", patch('<a xmlns=""><b xmlns="urn:b"><c xmlns=""/></b></a>', 'xmlns="urn:r"')],
    ["a default namespace from further out", patch("<a><b/></a>", 'xmlns="urn:far"')],
    ["a prefix from further out, for its content only", patch("<a><q:b q:c='1'/></a>", 'xmlns:q="urn:q"')],
    ["a prefix from the prop", patch("<q:a/>", 'xmlns:q="urn:not this"', 'xmlns:q="urn:q"')],
    ["the prefix of the answer", patch('<D:a xmlns:D="urn:mine"><D:b xmlns:D="DAV:"><D:c/></D:b></D:a>')],
    [
      "one prefix for one namespace after another",
      patch(
        '<p:a xmlns:p="urn:1"><p:b xmlns:p="urn:2"><p:c xmlns:p="urn:3" p:d="3"/><p:e/></p:b><p:f/></p:a><p:g/>',
        'xmlns:p="urn:0"',
      ),
    ],
    [
      "a prefix that a child declares anew and its neighbour takes from further out",
      patch('<a><p:b xmlns:p="urn:in"/><p:c/></a>', 'xmlns:p="urn:out"'),
    ],
    ["two prefixes for one namespace", patch('<a xmlns:p="urn:1" xmlns:q="urn:1"><p:b/><q:b/></a>')],
    ["attributes with and without a prefix", patch('<z:a xmlns:z="urn:z" b="1" z:b="2" z:c=""/>')],
    ["a language of its own", patch('<a xml:lang="de">Käse</a>', 'xml:lang="en"')],
    ["a language from the root", patch("<a>cheese</a>", 'xml:lang="en"')],
    ["the language of the nearest", patch("<a>queso</a>", 'xml:lang="en"', 'xml:lang="es"')],
    ["a language taken back", patch("<a>?</a>", 'xml:lang="en"', 'xml:lang=""')],
    ["xml:space", patch('<a xml:space="preserve">  </a>')],
    ["mixed content", patch("<a>one <b>two</b> three<c/><!-- no -->four<?pi no?></a>")],
    ["CDATA", patch("<a>1 <![CDATA[<b>&amp;]]> 2<![CDATA[]]]]><![CDATA[>]]></a>")],
    ["the end of CDATA as text", patch("<a>]]&gt;</a>")],
    ["markup as text", patch("<a b='&lt;&quot;&apos;&amp;'>&lt;b&gt;&amp;amp;</a>")],
    ["white space that is meant", patch('<a b="&#9;&#10;&#13; ">&#13;&#10;&#9;\r\n x </a>')],
    ["characters beyond the first plane", patch('<a b="🎬&#x1F4FA;">&#65536;𝕏\u{10fffd}</a>')],
    ["names that are not ASCII", patch('<été:日本 xmlns:été="urn:é ü" ñ="1"/>')],
    ["a namespace that must be escaped", patch('<a:b xmlns:a="urn:&quot;&lt;&amp;&#39;"/>')],
    ["blanks around the name of its namespace", patch('<a:b xmlns:a=" urn:a&#10;"/>')],
    ["the xml namespace itself", patch("<xml:a xml:b='1'/>")],
    ["a name that objects have", patch("<__proto__ constructor='1'/><constructor/><toString xmlns='__proto__'/>")],
  ])("says the same elsewhere: %s", (_, xml) => {
    const { sent, shown } = roundTrip(xml);
    expect(sent.length).toBeGreaterThan(0);
    expect(shown).toEqual(sent);
  });

  test("brings no more with it than it uses", () => {
    const { children } = parse('<r xmlns:a="urn:a" xmlns:b="urn:b" xmlns="urn:r"><a:x b:y="" z=""/></r>');
    expect(children.map(outerXml)).toEqual(['<a:x xmlns:a="urn:a" xmlns:b="urn:b" b:y="" z=""/>']);
  });

  test("is in the namespace that it is said to be in", () => {
    const [element] = parse('<r><a:b xmlns:a=" urn:a "/></r>').children;
    expect(element?.namespace).toBe("urn:a");
    expect(outerXml(element as XmlElement)).toBe('<a:b xmlns:a="urn:a"/>');
  });

  const BLOCKS = ["<x>", "plain", "&amp;", "&#13;", "]]&gt;", "<![CDATA[<&]]>", "😀", " \n\t", "<!-- - -->", "&quot;"];
  const URIS = ["urn:1", "urn:2", "DAV:", "http://example.com/?a=1&amp;b=2"];
  const PREFIXES = ["p", "q", "D", ""];

  /** A random element; every prefix but none is declared by then. */
  function grow(random: () => number, depth: number): string {
    const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
    const prefix = pick(PREFIXES);
    const name = `${prefix === "" ? "" : `${prefix}:`}${pick(["a", "b", "__proto__", "ü"])}`;
    const declarations = PREFIXES.filter(() => random() < 0.25).map((declared) =>
      declared === "" ? ` xmlns="${pick([...URIS, ""])}"` : ` xmlns:${declared}="${pick(URIS)}"`,
    );
    const attributes = [
      ...(random() < 0.3 ? [` xml:lang="${pick(["de", "en", ""])}"`] : []),
      ...(random() < 0.3 ? [` ${pick(["p", "q"])}:x="${pick(["1", "&#10;", "&lt;"])}"`] : []),
      ...(random() < 0.3 ? [' y="2"'] : []),
    ];
    let content = "";
    for (let item = 0; depth > 0 && item < random() * 4; item += 1) {
      const block = pick(BLOCKS);
      content += block === "<x>" || random() < 0.4 ? grow(random, depth - 1) : block;
    }
    return `<${name}${declarations.join("")}${attributes.join("")}>${content}</${name}>`;
  }

  test("says the same elsewhere, whatever 500 seeds make of it", () => {
    for (let seed = 0; seed < 500; seed += 1) {
      const random = seededRandom(seed);
      const properties = Array.from({ length: 3 }, () => grow(random, 4)).join("");
      const { sent, shown } = roundTrip(
        patch(properties, 'xmlns:p="urn:1" xmlns:q="urn:2" xmlns="urn:3" xml:lang="fr"'),
      );
      expect({ seed, elements: shown }).toEqual({ seed, elements: sent });
    }
  });
});

describe("a request body", () => {
  const attributes = (count: number) => Array.from({ length: count }, (_, n) => ` a${n}=""`).join("");

  test.each([
    ["513 attributes", `<r${attributes(513)}/>`],
    ["513 attributes of many elements", `<r>${`<a${attributes(27)}/>`.repeat(19)}</r>`],
    ["a namespace of 1,025 characters", `<r xmlns:a="${"u".repeat(1025)}"/>`],
    ["a default namespace of 1,025 characters", `<r xmlns="${"u".repeat(1025)}"/>`],
    ["two attributes of one name", '<r xmlns:a="urn:1" xmlns:b="urn:1" a:x="" b:x=""/>'],
    ["a prefix taken back, as XML 1.1 could", '<?xml version="1.1"?><r xmlns:a="urn:1"><b xmlns:a=""/></r>'],
    ["a control character, as XML 1.1 could", '<?xml version="1.1"?><r>&#1;</r>'],
    ["another URI for xml", '<r xmlns:xml="urn:1"/>'],
    ["a prefix for xmlns", '<r xmlns:a="http://www.w3.org/2000/xmlns/"/>'],
    ["a bare ampersand", "<r>a & b</r>"],
    ["the end of CDATA in text", "<r>]]></r>"],
    ["a surrogate as a reference", "<r>&#xD800;</r>"],
  ])("with %s is refused", (_, xml) => {
    expect(codeOf(xml)).toBe("BAD_XML");
  });

  test("may be as rich as the bounds", () => {
    expect(codeOf(`<r${attributes(512)}/>`)).toBeUndefined();
    expect(codeOf(`<r xmlns:a="${"u".repeat(1024)}"/>`)).toBeUndefined();
  });
});
