import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { type PropertyAnswer, readMultistatus } from "./multistatus.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";
import { lock } from "./take-lock.ts";
import { textOf } from "./xml-oracle.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
});
afterEach(async () => {
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const FILE = "/dav/rw/old.txt";
const WIN32 = "urn:schemas-microsoft-com:";
const EXPLORER = { "User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045" };

const set = (properties: string) => `<D:set><D:prop>${properties}</D:prop></D:set>`;
const remove = (properties: string) => `<D:remove><D:prop>${properties}</D:prop></D:remove>`;
const update = (...steps: string[]) =>
  `<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:z="urn:z">${steps.join("")}</D:propertyupdate>`;
const send = (body: string, path = FILE, headers: Headers = {}) =>
  fetchRaw(server.port, "PROPPATCH", path, headers, body);
async function patch(...steps: string[]) {
  const { status, body } = await send(update(...steps));
  expect(status).toBe(207);
  const [answer, ...others] = readMultistatus(body);
  if (answer === undefined || others.length > 0) throw new Error("one response is needed");
  return answer;
}
async function ask(body: string, path = FILE, headers: Headers = {}) {
  const { status, body: xml } = await fetchRaw(server.port, "PROPFIND", path, { Depth: "0", ...headers }, body);
  expect(status).toBe(207);
  return readMultistatus(xml)[0] as PropertyAnswer;
}
const find = (inner: string) => `<D:propfind xmlns:D="DAV:" xmlns:z="urn:z">${inner}</D:propfind>`;
const valueIn = (answer: PropertyAnswer, name: string) => {
  const property = answer.property(name);
  return property === undefined ? undefined : textOf(property);
};
const valueKept = async (name: string, path = FILE) => {
  const [, namespace, local] = /^\{(.*)\}(.*)$/.exec(name) as RegExpExecArray;
  const answer = await ask(find(`<D:prop><x:${local} xmlns:x="${namespace}"/></D:prop>`), path);
  return answer.statuses[0] === "HTTP/1.1 200 OK" ? valueIn(answer, name) : undefined;
};
const kept = () => server.tree.find(["rw", "old.txt"])?.properties ?? [];

describe("PROPPATCH", () => {
  test("sets what PROPFIND then finds by its name, by propname and by allprop", async () => {
    const answer = await patch(set("<z:a>1</z:a><b xmlns=''>2</b>"));
    expect(answer).toMatchObject({ href: FILE, statuses: ["HTTP/1.1 200 OK"], names: { 200: ["{urn:z}a", "{}b"] } });

    const asked = await ask(find("<D:prop><z:c/><z:a/><b/><D:displayname/></D:prop>"));
    expect(asked.statuses).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found"]);
    expect(asked.names).toEqual({ 200: ["{DAV:}displayname", "{urn:z}a", "{}b"], 404: ["{urn:z}c"] });
    expect(valueIn(asked, "{urn:z}a")).toBe("1");

    expect((await ask(find("<D:propname/>"))).names[200]).toEqual(expect.arrayContaining(["{urn:z}a", "{}b"]));
    for (const all of ["", find("<D:allprop/>")]) {
      const { names, statuses } = await ask(all);
      expect(names[200]).toEqual(expect.arrayContaining(["{DAV:}getetag", "{urn:z}a", "{}b"]));
      expect(statuses).toEqual(["HTTP/1.1 200 OK"]);
    }
  });

  test("shows a property once when allprop includes it, and what is not there as missing", async () => {
    await patch(set("<z:a>1</z:a><z:b>2</z:b>"));
    const { names } = await ask(find("<D:allprop/><D:include><z:a/><z:none/></D:include>"));
    expect(names[200]?.filter((name) => name === "{urn:z}a").length).toBe(1);
    expect(names[200]).toContain("{urn:z}b");
    expect(names[404]).toEqual(["{urn:z}none"]);
  });

  test.each([
    ["a later set wins", [set("<z:a>1</z:a>"), set("<z:a>2</z:a>")], "2"],
    ["one prop may set twice", [set("<z:a>1</z:a><z:a>2</z:a>")], "2"],
    ["what is set and removed is gone", [set("<z:a>1</z:a>"), remove("<z:a/>")], undefined],
    ["what is removed and set is there", [remove("<z:a/>"), set("<z:a>1</z:a>")], "1"],
    ["two removals are one", [remove("<z:a/>"), remove("<z:a/>")], undefined],
    ["between other steps", [set("<z:b/>"), remove("<z:b/>"), set("<z:a>3</z:a>"), remove("<z:c/>")], "3"],
  ])("follows its instructions in order: %s", async (_, steps, value) => {
    await patch(set("<z:a>0</z:a>"));
    const { names } = await patch(...steps);
    expect(names[200]?.filter((name) => name === "{urn:z}a").length).toBe(1);
    expect(await valueKept("{urn:z}a")).toBe(value);
  });

  test("removes what is not there, and leaves everything else", async () => {
    await patch(set("<z:a>1</z:a><y:a xmlns:y='urn:y'>2</y:a>"));
    expect((await patch(remove("<z:a/><z:never/>"))).names).toEqual({ 200: ["{urn:z}a", "{urn:z}never"] });
    expect([await valueKept("{urn:z}a"), await valueKept("{urn:y}a")]).toEqual([undefined, "2"]);
  });

  test("works on collections, whose URL gets its slash in the answer", async () => {
    const { status, body } = await send(update(set("<z:a>1</z:a>")), "/dav/rw/sub");
    expect([status, readMultistatus(body)[0]?.href]).toEqual([207, "/dav/rw/sub/"]);
    expect(await valueKept("{urn:z}a", "/dav/rw/sub/")).toBe("1");
  });

  test.each([
    "displayname",
    "resourcetype",
    "getcontentlength",
    "getcontenttype",
    "getlastmodified",
    "creationdate",
    "getetag",
    "supportedlock",
    "lockdiscovery",
    "iscollection",
    "quota-available-bytes",
    "quota-used-bytes",
  ])("of DAV:%s together with others is 403 and 424, and changes nothing", async (local) => {
    await patch(set("<z:keep>1</z:keep>"));
    const before = kept();
    for (const step of [set, remove]) {
      const answer = await patch(set("<z:a>1</z:a>"), step(`<D:${local}/>`), remove("<z:keep/>"));
      expect(answer.names).toEqual({ 403: [`{DAV:}${local}`], 424: ["{urn:z}a", "{urn:z}keep"] });
      expect(answer.errors).toEqual(["{DAV:}cannot-modify-protected-property"]);
    }
    expect(kept()).toEqual(before);
  });

  test("of a protected property alone has no 424", async () => {
    expect((await patch(set("<D:getetag>x</D:getetag>"))).statuses).toEqual(["HTTP/1.1 403 Forbidden"]);
  });

  test("takes names of DAV: that mean nothing here, such as getcontentlanguage", async () => {
    await patch(set("<D:getcontentlanguage>de</D:getcontentlanguage>"));
    expect(await valueKept("{DAV:}getcontentlanguage")).toBe("de");
  });

  test("of what Explorer sets after each copy is 200, and read back by its short allprop, without what others set", async () => {
    const properties = {
      Win32CreationTime: "Thu, 29 Feb 2024 12:34:56 GMT",
      Win32LastAccessTime: "Fri, 01 Mar 2024 00:00:00 GMT",
      Win32LastModifiedTime: "Thu, 29 Feb 2024 12:34:56 GMT",
      Win32FileAttributes: "00000020",
    };
    const xml = Object.entries(properties).map(([local, value]) => `<Z:${local}>${value}</Z:${local}>`);
    const body = `<D:propertyupdate xmlns:D="DAV:" xmlns:Z="${WIN32}">${set(xml.join(""))}</D:propertyupdate>`;
    const names = Object.keys(properties).map((local) => `{${WIN32}}${local}`);
    const answer = readMultistatus((await send(body, FILE, EXPLORER)).body)[0];
    expect(answer?.names).toEqual({ 200: names });
    await patch(set("<z:a>1</z:a>"));

    const lean = await ask("", FILE, EXPLORER);
    expect(lean.names[200]?.slice(-4)).toEqual(names);
    expect(lean.names[200]).not.toContain("{urn:z}a");
    for (const [local, value] of Object.entries(properties)) {
      expect(valueIn(lean, `{${WIN32}}${local}`)).toBe(value);
    }
  });

  test("of what davfs2 and cadaver set is kept too", async () => {
    await patch(set('<a:executable xmlns:a="http://apache.org/dav/props/">T</a:executable>'));
    expect(await valueKept("{http://apache.org/dav/props/}executable")).toBe("T");
  });

  test("of names that every object has does what it says, and no more", async () => {
    const locals = ["__proto__", "constructor", "hasOwnProperty", "toString"];
    const xml = locals.map((local) => `<${local} xmlns="__proto__">${local}</${local}>`).join("");
    expect((await patch(set(xml))).names).toEqual({ 200: locals.map((local) => `{__proto__}${local}`) });
    for (const local of locals) expect(await valueKept(`{__proto__}${local}`)).toBe(local);
    expect(Object.hasOwn(Object.prototype, "xml")).toBe(false);
  });

  test("keeps properties through COPY, MOVE and PUT", async () => {
    await patch(set("<z:a>1</z:a>"));
    expect((await fetchRaw(server.port, "COPY", FILE, { Destination: "/dav/rw/copy.txt" })).status).toBe(201);
    expect((await fetchRaw(server.port, "MOVE", FILE, { Destination: "/dav/rw/moved.txt" })).status).toBe(201);
    expect((await fetchRaw(server.port, "PUT", "/dav/rw/moved.txt", {}, "new")).status).toBe(204);
    for (const path of ["/dav/rw/copy.txt", "/dav/rw/moved.txt"]) expect(await valueKept("{urn:z}a", path)).toBe("1");
  });

  test("is asked to do nothing, and does it", async () => {
    expect(await patch(set(""))).toMatchObject({ names: { 200: [] } });
  });
});

describe("a PROPPATCH that cannot be followed", () => {
  const valid = update(set("<z:a>1</z:a>"));

  test.each([
    ["nothing there", "/dav/rw/none", valid, {}, 404],
    ["a file's name with a slash", `${FILE}/`, valid, {}, 404],
    ["the root", "/dav/", valid, {}, 403],
    ["a folder that is read-only", "/dav/movies/small.mkv", valid, {}, 403],
    ["a stale tag", FILE, valid, { "If-Match": '"stale"' }, 412],
    ["the tag that may not be", FILE, valid, { "If-None-Match": '"e-10"' }, 412],
    ["a token of nobody", FILE, valid, { If: "(<urn:uuid:none>)" }, 412],
    ["a Content-Encoding", FILE, valid, { "Content-Encoding": "gzip" }, 415],
    ["no body", FILE, "", {}, 400],
    ["another root", FILE, '<propfind xmlns="DAV:"><allprop/></propfind>', {}, 400],
    ["another namespace", FILE, "<propertyupdate><set><prop><a/></prop></set></propertyupdate>", {}, 400],
    ["no instruction", FILE, update("<z:set/>"), {}, 400],
    ["an element left open", FILE, valid.slice(0, -5), {}, 400],
    ["a DOCTYPE", FILE, `<!DOCTYPE x>${update(set("<z:a/>")).slice(21)}`, {}, 400],
    ["an entity", FILE, update(set("<z:a>&e;</z:a>")), {}, 400],
    ["an empty prefix binding", FILE, update(set('<b:a xmlns:b=""/>')), {}, 400],
    ["5,000 properties", FILE, update(set("<z:a/>".repeat(5000))), {}, 400],
    ["8,000 levels", FILE, update(set("<a>".repeat(8000))), {}, 400],
    ["60,000 attributes", FILE, update(set(`<a ${"b='' ".repeat(60_000)}/>`)), {}, 413],
    ["100 KB", FILE, update(set(`<z:a>${"x".repeat(100_000)}</z:a>`)), {}, 413],
  ])("because of %s changes nothing", async (_, path, body, headers, status) => {
    expect((await send(body, path, headers)).status).toBe(status);
    expect(kept()).toEqual([]);
  });

  test("because of a lock changes nothing, until the token comes with it", async () => {
    const token = await lock(server, FILE);
    expect((await send(valid)).status).toBe(423);
    expect(kept()).toEqual([]);
    expect((await send(valid, FILE, { If: `(<${token}>)` })).status).toBe(207);
    expect(kept().length).toBe(1);
  });

  test("because it is not UTF-8 is 400", async () => {
    const [before = "", after = ""] = update(set("<z:a>_</z:a>")).split("_");
    const body = Buffer.concat([Buffer.from(before), Buffer.from([0xc3, 0x28]), Buffer.from(after)]);
    const headers = { "Content-Length": String(body.length) };
    await using client = await RawClient.open(server.port);
    client.send(requestText("PROPPATCH", FILE, headers));
    client.send(body);
    expect((await client.response()).status).toBe(400);
    expect(kept()).toEqual([]);
  });

  test("says why, and what to do, where nothing may be changed", async () => {
    expect((await send(valid, "/dav/movies/small.mkv")).body.toString()).toBe("this folder is read-only\nuse /rw\n");
  });
});

describe("what one resource may keep", () => {
  const many = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `<z:p${from + n}/>`).join("");

  test("is 128 properties, and 507 beyond, with nothing changed", async () => {
    await patch(set(many(0, 128)));
    const before = kept();
    expect(before.length).toBe(128);
    expect((await send(update(remove("<z:none/>"), set("<z:more/>")))).status).toBe(507);
    expect(kept()).toEqual(before);
    await patch(set("<z:p0>again</z:p0>"), remove("<z:p1/>"), set("<z:more/>"));
    expect(kept().length).toBe(128);
  });

  test("is 24 KiB of names, namespaces and XML, and 507 beyond", async () => {
    const xmlOf = (chars: number) => `<z:a>${"é".repeat(chars)}</z:a>`;
    const ofName = "urn:z".length + "a".length + '<z:a xmlns:z="urn:z"></z:a>'.length;
    const largest = Math.floor((24 * 1024 - ofName) / 2);
    await patch(set(xmlOf(largest)));
    expect((await send(update(set(xmlOf(largest + 1))))).status).toBe(507);
    expect((await send(update(set("<z:b/>")))).status).toBe(507);
    await patch(remove("<z:a/>"), set("<z:b/>"));
    expect(kept().map(({ local }) => local)).toEqual(["b"]);
  });

  test("counts what each property takes along from the elements around it", async () => {
    const uri = `urn:${"u".repeat(1000)}`;
    const body = `<D:propertyupdate xmlns:D="DAV:" xmlns:u="${uri}">${set("<u:a/>".repeat(900))}</D:propertyupdate>`;
    expect((await send(body)).status).toBe(207);
    const distinct = Array.from({ length: 900 }, (_, n) => `<u:a${n}/>`).join("");
    expect((await send(body.replace(/<u:a\/>/g, "").replace("<D:prop>", `<D:prop>${distinct}`))).status).toBe(507);
    expect(kept().length).toBe(1);
  });
});
