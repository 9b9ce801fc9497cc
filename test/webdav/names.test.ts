import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";

let server: DavServer;
beforeAll(async () => {
  server = await startDavServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
afterEach(() => expect(server.errors).toEqual([]));

const FOLDER = "/dav/rw/sub/";
const ask = (method: string, url: string, headers: Headers = {}, body = "") =>
  fetchRaw(server.port, method, url, headers, body);

/** Every octet escaped, as newer rclones do. */
const allEscaped = (name: string) =>
  [...Buffer.from(name)].map((octet) => `%${octet.toString(16).padStart(2, "0")}`).join("");
/** Octets beyond ASCII as they are, as sloppy clients do; what has a meaning in URLs is escaped. */
const rawOctets = (name: string) =>
  [...Buffer.from(name)]
    .map((octet) => (octet > 127 ? String.fromCharCode(octet) : encodeURIComponent(String.fromCharCode(octet))))
    .join("");
const unescapeXml = (text: string) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

interface Listed {
  readonly href: string;
  readonly displayname: string;
}

async function list(url: string): Promise<readonly Listed[]> {
  const body = '<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>';
  const xml = (await ask("PROPFIND", url, { Depth: "1" }, body)).body.toString();
  return [...xml.matchAll(/<D:href>([^<]*)<\/D:href>.*?<D:displayname>([^<]*)</g)]
    .map(([, href = "", displayname = ""]) => ({ href, displayname: unescapeXml(displayname) }))
    .slice(1);
}

const HARD = [
  "plain.mkv",
  "with blanks  and more.mkv",
  " leading",
  "trailing ",
  "trailing.",
  "...",
  "..a",
  ".hidden",
  "~",
  "-rf",
  "100%",
  "100%25",
  "%41",
  "%2e%2e",
  "%zz%",
  "#1",
  "what?",
  "a?b=c&d=e",
  "?format=m3u",
  "a+b",
  "a;b=c",
  "a&amp;b",
  "a=b,c@d!e$f",
  "a:b",
  "C:",
  "http:",
  "a*b",
  "<b>",
  "]]>",
  "<!--",
  '"quoted"',
  "it's",
  "`x`",
  "$HOME",
  "[1]",
  "{a}|^",
  "(1)",
  "CON",
  "nul.txt",
  "AUX.mkv",
  "COM1",
  "Zoë.mkv",
  "Zoe\u0308.mkv",
  "\u1112\u1161\u11ab\u1100\u1173\u11af",
  "日本語の映画.mkv",
  "фильм.mkv",
  "سينما.mkv",
  "😀",
  "👨\u200d👩\u200d👧\u200d👦 family.mkv",
  "🇩🇪",
  "a\u0301\u0323\u0300",
  "\u212b and \uf900",
  "a\u00a0b",
  "\u3000",
  "a\u200bb",
  "\ufeffbom",
  "a\u2028b",
  "\u202egpj.mkv",
  "ﬁ Ⅷ ．．",
  "x".repeat(255),
  "日".repeat(85),
  "😀".repeat(63),
  "%".repeat(255),
];

describe("a file that is called", () => {
  test.each(
    HARD.map((name) => [name.length > 40 ? `${name.slice(0, 10)}… (${name.length})` : JSON.stringify(name), name]),
  )("%s is put, listed, opened, moved and deleted", async (_, name) => {
    const stored = name.normalize("NFC");
    expect((await ask("PUT", FOLDER + encodeURIComponent(name), {}, name)).status).toBe(201);

    const [listed, ...others] = await list(FOLDER);
    expect(others).toEqual([]);
    const { href = "", displayname } = listed as Listed;
    expect(displayname).toBe(stored);
    expect(href).toMatch(/^\/dav\/rw\/sub\/(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})+$/);
    expect(decodeURIComponent(href.slice(FOLDER.length))).toBe(stored);

    for (const form of [name, name.normalize("NFD"), stored]) {
      for (const url of [href, FOLDER + encodeURIComponent(form), FOLDER + allEscaped(form)]) {
        const { status, body } = await ask("GET", url);
        expect({ url, status, body: body.toString() }).toEqual({ url, status: 200, body: name });
      }
    }
    const page = (await ask("GET", FOLDER, { Accept: "text/html" })).body.toString();
    expect(page).toContain(`<a href="${href}">`);

    const destination = { Destination: `http://h/dav/rw/${rawOctets(name)}`, Overwrite: "F" };
    expect((await ask("MOVE", href, destination)).status).toBe(201);
    expect(await list(FOLDER)).toEqual([]);
    const moved = `/dav/rw/${href.slice(FOLDER.length)}`;
    expect((await list("/dav/rw/")).map((entry) => entry.href)).toContain(moved);
    expect((await ask("GET", moved)).body.toString()).toBe(name);
    expect((await ask("DELETE", moved)).status).toBe(204);
    expect((await ask("GET", moved)).status).toBe(404);
  });

  test.each(HARD.filter((name) => name.length < 40))("%j may be a folder, too", async (name) => {
    const url = `/dav/rw/${encodeURIComponent(name)}`;
    expect((await ask("MKCOL", `${url}/`)).status).toBe(201);
    expect((await ask("PUT", `${url}/${encodeURIComponent(name)}`, {}, "x")).status).toBe(201);
    const [inner] = await list(url);
    expect((await ask("GET", inner?.href ?? "")).body.toString()).toBe("x");
    expect((await ask("DELETE", url)).status).toBe(204);
  });
});

describe("names", () => {
  test("that differ in case only are different files, and one may become the other", async () => {
    for (const name of ["Film", "film", "FILM"]) expect((await ask("PUT", FOLDER + name, {}, name)).status).toBe(201);
    expect((await list(FOLDER)).map(({ displayname }) => displayname)).toEqual(["FILM", "Film", "film"]);
    for (const name of ["Film", "FILM"]) expect((await ask("DELETE", FOLDER + name)).status).toBe(204);
    expect((await ask("MOVE", `${FOLDER}film`, { Destination: `${FOLDER}Film` })).status).toBe(201);
    expect((await list(FOLDER)).map(({ displayname }) => displayname)).toEqual(["Film"]);
    expect((await ask("GET", `${FOLDER}Film`)).body.toString()).toBe("film");
    expect((await ask("DELETE", `${FOLDER}Film`)).status).toBe(204);
  });

  test("that differ in normal form only are the same file", async () => {
    const [composed, decomposed] = ["Zo\u00eb", "Zoe\u0308"].map((name) => FOLDER + encodeURIComponent(name)) as [
      string,
      string,
    ];
    expect((await ask("PUT", decomposed, {}, "one")).status).toBe(201);
    expect((await ask("PUT", composed, {}, "two")).status).toBe(204);
    expect((await list(FOLDER)).length).toBe(1);
    expect((await ask("GET", decomposed)).body.toString()).toBe("two");
    expect((await ask("DELETE", decomposed)).status).toBe(204);
  });

  test("in raw octets are understood where the parser lets them through, and never taken for others", async () => {
    expect((await ask("PUT", `${FOLDER}Zo%C3%AB`, {}, "x")).status).toBe(201);
    const { status, body } = await ask("GET", `${FOLDER}Zo\xc3\xab`);
    expect(status === 200 ? body.toString() : status).toEqual(status === 200 ? "x" : 400);
    expect((await ask("DELETE", `${FOLDER}Zo%C3%AB`)).status).toBe(204);
  });

  test("of 256 bytes are 414 wherever they are given", async () => {
    for (const name of ["x".repeat(256), "日".repeat(86)]) {
      const url = FOLDER + encodeURIComponent(name);
      expect((await ask("PUT", url, {}, "x")).status).toBe(414);
      expect((await ask("MKCOL", url)).status).toBe(414);
      expect((await ask("COPY", "/dav/rw/old.txt", { Destination: url })).status).toBe(414);
    }
  });
});
