import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { until } from "../until.ts";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { countTurns, settled } from "./gate.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const ask = (path: string, body = "", headers: Headers = {}, port = server.port) =>
  fetchRaw(port, "PROPFIND", path, { Depth: "1", ...headers }, body);
const prop = (inner: string) => `<D:propfind xmlns:D="DAV:"><D:prop>${inner}</D:prop></D:propfind>`;

function fill(count: number): void {
  server.tree.addFolder("big");
  for (let n = 0; n < count; n += 1) server.tree.addFile(`big/A film with a name of usual length ${n} & more.mkv`, n);
}

describe("a listing of 20,000 entries", () => {
  const ENTRIES = 20_000;

  test("has each of them once, after the folder itself, a page at a time", async () => {
    fill(ENTRIES);
    const { status, headers, body } = await ask("/dav/big");
    expect([status, headers["transfer-encoding"]]).toEqual([207, "chunked"]);
    const hrefs = [...body.toString().matchAll(/<D:href>([^<]*)<\/D:href>/g)].map((match) => match[1] as string);
    expect(hrefs[0]).toBe("/dav/big/");
    expect(new Set(hrefs).size).toBe(ENTRIES + 1);
    expect(body.toString().endsWith("</D:multistatus>")).toBe(true);
    expect(server.tree.counts).toMatchObject({ lists: ENTRIES / 250 + 1, listed: ENTRIES });
  });

  test("is not looked up ahead of a client that does not read, and not after it left", async () => {
    fill(ENTRIES);
    await using client = await RawClient.open(server.port);
    client.socket.pause();
    const long = prop(
      Array.from({ length: 120 }, (_, n) => `<x:unknown-property-${n} xmlns:x="urn:some:namespace"/>`).join(""),
    );
    client.send(requestText("PROPFIND", "/dav/big/", { Depth: "1" }, long));
    await until(() => server.tree.counts.lists > 0);
    const lists = await settled(() => server.tree.counts.lists, 200);
    // Each page is 2 MB of text here: what was looked up is what the kernel took, and one page.
    expect(lists).toBeLessThan(20);
    client.socket.destroy();
    expect(await settled(() => server.tree.counts.lists)).toBe(lists);
  });

  test("leaves a turn of the event loop to others after each page", async () => {
    fill(ENTRIES);
    using turns = countTurns();
    const seen: number[] = [];
    const { list } = server.tree;
    server.tree.list = (...page) => {
      seen.push(turns.now);
      return list(...page);
    };
    await ask("/dav/big");
    expect(seen.length).toBe(ENTRIES / 250 + 1);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("that fails on a later page is broken off, not ended", async () => {
    fill(1000);
    const list = server.tree.list;
    server.tree.list = (path, after, limit) => {
      if (after !== undefined) throw new Error("the catalog is gone");
      return list(path, after, limit);
    };
    await expect(ask("/dav/big")).rejects.toThrow("closed after");
    expect(server.errors.length).toBe(1);
  });

  test.each([0, 1, 249, 250, 251])("is right with %d entries", async (count) => {
    fill(count);
    const { body } = await ask("/dav/big");
    expect(body.toString().split("<D:response>").length - 2).toBe(count);
  });
});

describe("properties", () => {
  test("that are unknown are 404 after those that are there, in their own namespace", async () => {
    const { body } = await ask(
      "/dav/movies/small.mkv",
      prop('<x:a xmlns:x="urn:&quot;&amp;x"/><D:getetag/><b/><D:__proto__/>'),
    );
    expect(body.toString()).toContain(
      "<D:propstat><D:prop><D:getetag>&quot;e-1000003&quot;</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>" +
        '<D:propstat><D:prop><x:a xmlns:x="urn:&quot;&amp;x"/><b/><D:__proto__/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>',
    );
  });

  test("of a folder: a length of 0 when asked for, no tag", async () => {
    const { body } = await ask("/dav/empty", prop("<D:getcontentlength/><D:getetag/>"));
    expect(body.toString()).toMatch(/<D:getcontentlength>0<.*200 OK.*<D:getetag\/>.*404 Not Found/);
    expect((await ask("/dav/empty")).body.toString()).not.toMatch(/getetag|getcontentlength/);
  });

  test("named by an empty prop come to an empty propstat", async () => {
    const { status, body } = await ask("/dav/empty", prop(""));
    expect(status).toBe(207);
    expect(body.toString()).toContain("<D:prop></D:prop><D:status>HTTP/1.1 200 OK</D:status>");
  });

  test("included with allprop come once", async () => {
    const include = '<propfind xmlns="DAV:"><allprop/><include><iscollection/><getetag/></include></propfind>';
    const { body } = await ask("/dav/movies/small.mkv", include);
    expect(body.toString().match(/<D:getetag>/g)?.length).toBe(1);
    expect(body.toString()).toContain("<D:iscollection>0</D:iscollection>");
  });

  test("have names without values on propname", async () => {
    const { body } = await ask("/dav/movies/small.mkv", '<propfind xmlns="DAV:"><propname/></propfind>');
    expect(body.toString()).toContain("<D:displayname/><D:resourcetype/><D:getcontentlength/>");
  });
});

describe("hrefs", () => {
  test("carry what a reverse proxy puts before them, whether it passes that on or not", async () => {
    await using behind = await startDavServer({ urlBase: "/a b/usenet" });
    for (const url of ["/a%20b/usenet/dav/movies", "/dav/movies"]) {
      const { status, body } = await ask(url, "", {}, behind.port);
      expect(status).toBe(207);
      expect(body.toString()).toContain("<D:href>/a%20b/usenet/dav/movies/</D:href>");
      expect(body.toString()).toContain("<D:href>/a%20b/usenet/dav/movies/small.mkv</D:href>");
    }
  });

  test.each(["/", "/davx", "/dAv/movies", "/movies", "//evil.com/movies/small.mkv"])("%s is not ours", async (url) => {
    expect((await ask(url)).status).toBe(404);
  });

  test("above ours are asked for OPTIONS by Windows, and answered", async () => {
    for (const url of ["/", "/somewhere"]) {
      const { headers } = await fetchRaw(server.port, "OPTIONS", url);
      expect(headers).toMatchObject({ dav: "1, 2, 3", "ms-author-via": "DAV" });
    }
  });

  test("are the same for a request in absolute form", async () => {
    expect((await ask("http://somewhere/dav/movies")).body.toString()).toContain("<D:href>/dav/movies/</D:href>");
  });
});
