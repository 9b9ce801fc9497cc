import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { patternContent } from "../../../src/newsserver/content.ts";
import { toNzb } from "../../../src/newsserver/write-nzb.ts";
import type { RawResponse } from "../../webdav/raw-client.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { Conversation, lockToken, members, textOf } from "./conversation.ts";
import { DigestLogin } from "./digest-login.ts";

// The redirector of Windows (WebClient, Explorer). Sources: the frames of its LOCK in swisspol/GCDWebServer #319, the order of an upload and
// the bodies of its PROPPATCH in mar10/wsgidav #112, a mount and an open file in dgraziotin/docker-nginx-webdav-nononsense #8; Digest is what
// it takes over plain http (BasicAuthLevel 1). Not recorded by us.

const KIB = 1024;
const FILM = "/dav/library/test/Film%201/film-1.mkv";
const HEADERS = `Cache-Control: no-cache
Connection: Keep-Alive
Pragma: no-cache
User-Agent: Microsoft-WebDAV-MiniRedir/10.0.22000
translate: f
Host: {host}`;
const LOCKINFO =
  '<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>' +
  "<D:locktype><D:write/></D:locktype><D:owner><D:href>DESKTOP\\someone</D:href></D:owner></D:lockinfo>";
const win32 = (properties: Readonly<Record<string, string>>) =>
  '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>' +
  Object.entries(properties)
    .map(([name, value]) => `<Z:${name}>${value}</Z:${name}>`)
    .join("") +
  "</D:prop></D:set></D:propertyupdate>";
const ALL_FOUR = win32({
  Win32CreationTime: "Fri, 15 Jun 2018 15:02:01 GMT",
  Win32LastAccessTime: "Fri, 15 Jun 2018 15:26:41 GMT",
  Win32LastModifiedTime: "Thu, 14 Jun 2018 19:51:58 GMT",
  Win32FileAttributes: "00000020",
});
const LAST_TWO = win32({
  Win32LastModifiedTime: "Thu, 14 Jun 2018 19:51:58 GMT",
  Win32FileAttributes: "00000020",
});

let system: System;
let film: Film;
let talk: Conversation;
const login = new DigestLogin("tester", "secret");
beforeAll(async () => {
  system = await startSystem({ settings: { "imports.maxJobsWhileStreaming": 2 } });
  film = system.addCold({ size: 300 * KIB });
  talk = await Conversation.open(system);
});
afterAll(async () => {
  await talk[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

/** With the login that it has; the order of the headers is Windows'. */
function say(method: string, path: string, headers = "", body: string | Buffer = ""): Promise<RawResponse> {
  const authorization = login.header(method, path);
  const head = `${method} ${path} HTTP/1.1\n${HEADERS}\n${headers}Content-Length: {length}\nAuthorization: ${authorization}`;
  return talk.say(head, body);
}

const XML = 'Content-Type: text/xml; charset="utf-8"\n';
const propfind = (path: string, depth: 0 | 1) => say("PROPFIND", path, `Depth: ${depth}\n`);
const lock = (path: string) => say("LOCK", path, `${XML}Timeout: Second-3600\n`, LOCKINFO);
const proppatch = (path: string, token: string, body: string) =>
  say("PROPPATCH", path, `${XML}If: (<${token}>)\n`, body);
const unlock = (path: string, token: string) => say("UNLOCK", path, `Lock-Token: <${token}>\n`);
const jobs = () => system.app.catalog.jobs.list({ limit: 10 });

describe("connecting", () => {
  test.each(["/", "/dav/", "/dav", "/dav/library"])(
    "OPTIONS %s is asked for a login and takes Digest",
    async (path) => {
      const refused = await talk.say(`OPTIONS ${path} HTTP/1.1\n${HEADERS}`);
      expect(refused.status).toBe(401);
      const challenges = refused.headers["www-authenticate"] ?? "";
      expect(challenges).toMatch(/Digest realm=".*?qop="auth"/);
      expect(challenges).toMatch(/Basic realm="/);
      login.challenged(challenges);
      const { status, headers } = await say("OPTIONS", path);
      expect(status).toBe(200);
      expect(headers["dav"]).toMatch(/^1, ?2\b/);
      expect(headers["ms-author-via"]).toBe("DAV");
      for (const method of ["PROPFIND", "LOCK", "PROPPATCH", "PUT"]) expect(headers["allow"]).toContain(method);
      expect(headers["content-length"]).toBe("0");
    },
  );

  test("one nonce serves for many requests on one connection", async () => {
    for (let round = 0; round < 20; round += 1) expect((await propfind("/dav/library", 0)).status).toBe(207);
  });

  test("a wrong password is refused, and the right one taken right after it", async () => {
    const stranger = new DigestLogin("tester", "guess");
    stranger.challenged((await talk.say(`OPTIONS /dav/ HTTP/1.1\n${HEADERS}`)).headers["www-authenticate"]);
    const head = `PROPFIND /dav HTTP/1.1\n${HEADERS}\nDepth: 0\nContent-Length: 0\nAuthorization: ${stranger.header("PROPFIND", "/dav")}`;
    expect((await talk.say(head)).status).toBe(401);
    expect((await propfind("/dav", 0)).status).toBe(207);
  });
});

describe("browsing", () => {
  test("a folder without its slash is listed in properties that fit into Explorer's limit", async () => {
    const found = members(await propfind("/dav/library/test/Film%201", 1));
    expect([...found.keys()]).toEqual(["/dav/library/test/Film%201/", FILM]);
    const xml = found.get(FILM) ?? "";
    expect(textOf(xml, "getcontentlength")).toBe(`${film.size}`);
    expect(textOf(xml, "getlastmodified")).toMatch(/GMT$/);
    expect(textOf(xml, "creationdate")).toMatch(/Z$/);
    // A megabyte of them for all of a folder, unless the registry says otherwise: room for more than 2000 entries.
    expect(xml.length).toBeLessThan(500);
  });

  test("its own helper files are not there", async () => {
    expect((await propfind("/dav/library/desktop.ini", 0)).status).toBe(404);
    expect((await propfind("/dav/library/test/Film%201/Thumbs.db", 0)).status).toBe(404);
  });
});

test("a film is copied out by ranges", async () => {
  const parts: Buffer[] = [];
  for (let start = 0; start < film.size; start += 64 * KIB) {
    const end = Math.min(start + 64 * KIB, film.size);
    const { status, headers, body } = await say("GET", FILM, `Range: bytes=${start}-${end - 1}\n`);
    expect(status).toBe(206);
    expect(headers["content-range"]).toBe(`bytes ${start}-${end - 1}/${film.size}`);
    parts.push(body);
  }
  expect(Buffer.concat(parts).equals(film.content.read(0, film.size))).toBe(true);
});

test("an NZB copied into a category is imported once, when its second PUT brings it", async () => {
  const file = "/dav/nzbs/movies/Windows%20Film.nzb";
  const posted = system.store.addFile({ name: "w.mkv", content: patternContent(77, 50_000), partSize: 20_000 });
  const nzb = Buffer.from(toNzb([posted]));
  const before = jobs().length;

  expect((await propfind("/dav/nzbs/movies", 0)).status).toBe(207);
  expect((await propfind(file, 0)).status).toBe(404);
  expect((await say("PUT", file)).status).toBe(201);
  const locked = await lock(file);
  expect(locked.status).toBe(200);
  const token = lockToken(locked);
  expect(locked.body.toString()).toContain("<D:depth>infinity</D:depth>");
  const patched = members(await proppatch(file, token, ALL_FOUR)).get(file);
  expect(patched).toContain("HTTP/1.1 200 OK");
  expect(patched).not.toContain("403");
  expect((await say("HEAD", file)).headers["content-length"]).toBe("0");
  expect(jobs()).toHaveLength(before);

  const without = await say("PUT", file, "", nzb);
  expect(without.status).toBe(423);
  expect((await say("PUT", file, `If: (<${token}>)\n`, nzb)).status).toBe(204);
  expect(members(await proppatch(file, token, LAST_TWO)).get(file)).toContain("HTTP/1.1 200 OK");
  expect((await unlock(file, token)).status).toBe(204);
  expect((await unlock(file, token)).status).toBe(409);
  expect((await propfind(file, 0)).status).toBe(207);

  const [job] = jobs();
  expect(jobs()).toHaveLength(before + 1);
  expect((await system.ended(job as NonNullable<typeof job>)).state).toBe("completed");
  expect((await propfind("/dav/library/movies/Windows%20Film", 1)).status).toBe(207);
});

describe("a sidecar", () => {
  const file = "/dav/library/test/Film%201/film-1.nfo";

  test("is written under a lock, and has the times that Windows gave it", async () => {
    expect((await say("PUT", file)).status).toBe(201);
    const token = lockToken(await lock(file));
    expect((await lock(file)).status).toBe(423);
    expect((await say("LOCK", file, `If: (<${token}>)\nTimeout: Second-3600\n`)).status).toBe(200);
    expect((await proppatch(file, token, ALL_FOUR)).status).toBe(207);
    expect((await say("PUT", file, `If: (<${token}>)\n`, "<movie/>")).status).toBe(204);
    expect((await unlock(file, token)).status).toBe(204);

    const xml = members(await propfind(file, 0)).get(file);
    expect(textOf(xml, "getcontentlength")).toBe("8");
    expect(xml).toMatch(/Win32LastModifiedTime[^>]*>Thu, 14 Jun 2018 19:51:58 GMT</);
    expect(xml).toMatch(/Win32FileAttributes[^>]*>00000020</);
  });

  test("is renamed and deleted", async () => {
    const to = file.replace(".nfo", ".NFO");
    const headers = `Destination: http://{host}${to}\nOverwrite: F\n`;
    expect((await say("MOVE", file, headers)).status).toBe(201);
    expect((await say("DELETE", to)).status).toBe(204);
    expect((await propfind(file, 0)).status).toBe(404);
  });
});
