import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RawResponse } from "../../webdav/raw-client.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { Conversation, lockToken, members, textOf } from "./conversation.ts";

// macOS' webdavfs, as Finder drives it. Sources: sabre.io/dav/clients/finder, couling/WebDAV-Daemon #17, #18 and #21 (locks, reading while
// locked), pydio/pydio-core #581 (order of an upload, chunked PUT, `._` files), 9001/copyparty #1242 and cryptomator/webdav-nio-adapter #107
// (quota), robbiehanson/CocoaHTTPServer #8 (names of the quota properties). Not recorded by us.

const KIB = 1024;
const ROOT = "/dav/library/test/";
const FOLDER = `${ROOT}Film%201/`;
const FILM = `${FOLDER}film-1.mkv`;
const HEADERS = `Host: {host}
Accept: */*
Connection: keep-alive
User-Agent: WebDAVFS/3.0.1 (03018000) Darwin/13.2.0 (x86_64)
Authorization: {basic}`;
const asked = (...names: readonly string[]) =>
  `<?xml version="1.0" encoding="utf-8"?>\n<D:propfind xmlns:D="DAV:">\n<D:prop>\n${names.map((name) => `<D:${name}/>\n`).join("")}</D:prop>\n</D:propfind>\n`;
const LISTED = asked("getlastmodified", "getcontentlength", "creationdate", "resourcetype");
const QUOTA = asked("quota-available-bytes", "quota-used-bytes", "quota", "quotaused");
const LOCKINFO =
  '<?xml version="1.0" encoding="utf-8"?>\n<D:lockinfo xmlns:D="DAV:">\n<D:lockscope><D:exclusive/></D:lockscope>\n' +
  "<D:locktype><D:write/></D:locktype>\n<D:owner>\n<D:href>http://www.apple.com/webdav_fs/</D:href>\n</D:owner>\n</D:lockinfo>\n";

let system: System;
let film: Film;
let talk: Conversation;
beforeAll(async () => {
  system = await startSystem();
  film = system.addCold({ size: 300 * KIB });
  talk = await Conversation.open(system);
});
afterAll(async () => {
  await talk[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const bare = (method: string, path: string, headers = "") =>
  talk.say(`${method} ${path} HTTP/1.1\n${headers}${HEADERS}`);
const xml = (method: string, path: string, body: string, headers: string) =>
  talk.say(`${method} ${path} HTTP/1.1\nContent-Type: text/xml\n${headers}Content-Length: {length}\n${HEADERS}`, body);
const look = (path: string, depth: 0 | 1 = 0, body = LISTED) => xml("PROPFIND", path, body, `Depth: ${depth}\n`);
const lock = (path: string) => xml("LOCK", path, LOCKINFO, "Depth: 0\nTimeout: Second-600\n");
const unlock = (path: string, token: string) => bare("UNLOCK", path, `Lock-Token: <${token}>\n`);

/** In chunks; their sum is told in a header of Apple's own. */
function put(path: string, token: string, content: string): Promise<RawResponse> {
  const { length } = Buffer.from(content);
  const chunks = length === 0 ? "" : `${length.toString(16)}\r\n${content}\r\n`;
  return talk.say(
    `PUT ${path} HTTP/1.1\nX-Expected-Entity-Length: ${length}\nIf: (<${token}>)\nTransfer-Encoding: Chunked\n${HEADERS}`,
    `${chunks}0\r\n\r\n`,
  );
}

describe("mounting", () => {
  test("OPTIONS is a 200 of class 2, or the volume could only be read", async () => {
    const { status, headers } = await bare("OPTIONS", "/dav/");
    expect(status).toBe(200);
    expect(headers["dav"]).toMatch(/^1, ?2\b/);
    expect(headers["allow"]).toContain("LOCK");
  });

  test("the root has what was asked for, and nothing that Finder stumbles over", async () => {
    const answer = await look("/dav/", 1);
    const root = members(answer);
    expect([...root.keys()]).toEqual(["/dav/", "/dav/completed/", "/dav/library/", "/dav/nzbs/"]);
    for (const one of root.values()) expect(one).toContain("<D:resourcetype><D:collection/></D:resourcetype>");
    expect(answer.body.toString()).not.toContain("location");
  });

  test("has no quota for it, since macOS 15.4 waits 90 s when it is told one, and says so as a 404 within", async () => {
    const answer = members(await look("/dav/", 0, QUOTA)).get("/dav/");
    expect(answer).toContain("<D:status>HTTP/1.1 404 Not Found</D:status>");
    expect(answer).not.toContain("200 OK");
    expect(textOf(answer, "quota-available-bytes")).toBeUndefined();
  });

  test.each(["._.", ".DS_Store", ".Spotlight-V100", "mach_kernel", ".hidden", "._film-1.mkv", "Backups.backupdb"])(
    "%s is not there",
    async (name) => {
      expect((await look(`${FOLDER}${name}`)).status).toBe(404);
      expect((await bare("GET", `${FOLDER}${name}`)).status).toBe(404);
    },
  );

  test.each([".metadata_never_index", ".ql_disablethumbnails"])(
    "%s is an empty file, so that no film is fetched",
    async (name) => {
      expect(textOf([...members(await look(`/dav/${name}`)).values()][0], "getcontentlength")).toBe("0");
      expect([...members(await look(FOLDER, 1)).keys()]).toEqual([FOLDER, FILM]);
    },
  );
});

test("a film is read by ranges, each answered as one", async () => {
  const start = 100 * KIB;
  const { status, headers, body } = await bare("GET", FILM, `Range: bytes=${start}-${start + 65_535}\n`);
  expect(status).toBe(206);
  expect(headers["content-range"]).toBe(`bytes ${start}-${start + 65_535}/${film.size}`);
  expect(body.equals(film.content.read(start, 65_536))).toBe(true);
});

describe("copying a file in", () => {
  const file = `${FOLDER}poster.txt`;
  const companion = `${FOLDER}._poster.txt`;

  test("LOCK of a new name, chunked PUT with the token, looking at it while it is locked, UNLOCK", async () => {
    expect((await look(file)).status).toBe(404);
    const locked = await lock(file);
    expect(locked.status).toBe(201);
    const token = lockToken(locked);
    expect(textOf(locked.body.toString(), "timeout")).toMatch(/^Second-(600|59\d)$/);
    expect((await put(file, token, "")).status).toBe(204);
    expect((await put(file, token, "a poster\n")).status).toBe(204);
    // Without the token.
    expect(textOf(members(await look(file)).get(file), "getcontentlength")).toBe("9");
    expect((await bare("GET", file)).body.toString()).toBe("a poster\n");
    expect((await bare("DELETE", file)).status).toBe(423);
    expect((await unlock(file, token)).status).toBe(204);
    expect(textOf(members(await look(FOLDER, 1)).get(file), "getcontentlength")).toBe("9");
  });

  test("its `._` file is taken the same way, but never listed", async () => {
    expect((await look(companion)).status).toBe(404);
    const locked = await lock(companion);
    expect(locked.status).toBe(201);
    const token = lockToken(locked);
    expect((await put(companion, token, "\0\x05\x16\x07attributes")).status).toBe(204);
    expect((await unlock(companion, token)).status).toBe(204);
    expect([...members(await look(FOLDER, 1)).keys()]).toEqual([FOLDER, FILM, file]);
    expect((await bare("DELETE", companion)).status).toBe(204);
  });

  test("a larger one than may be kept is refused by what it announces, before its bytes", async () => {
    const big = `${FOLDER}big.bin`;
    const token = lockToken(await lock(big));
    const head = `PUT ${big} HTTP/1.1\nX-Expected-Entity-Length: ${10 ** 12}\nIf: (<${token}>)\nTransfer-Encoding: Chunked\n${HEADERS}`;
    await using other = await Conversation.open(system);
    expect((await other.say(head)).status).toBe(413);
    expect((await unlock(big, token)).status).toBe(204);
    expect((await bare("DELETE", big)).status).toBe(204);
  });

  test("a name comes decomposed, and is found and listed composed", async () => {
    const decomposed = `${FOLDER}${encodeURIComponent("Zoë 日本語 が.txt".normalize("NFD"))}`;
    const composed = `${FOLDER}${encodeURIComponent("Zoë 日本語 が.txt".normalize("NFC"))}`;
    const token = lockToken(await lock(decomposed));
    expect((await put(decomposed, token, "zoe")).status).toBe(204);
    expect((await unlock(decomposed, token)).status).toBe(204);
    expect([...members(await look(decomposed)).keys()]).toEqual([composed]);
    const headers = `Destination: http://{host}${FOLDER}renamed.txt\nOverwrite: T\n`;
    expect((await bare("MOVE", decomposed, headers)).status).toBe(201);
    expect((await bare("DELETE", `${FOLDER}renamed.txt`)).status).toBe(204);
  });
});
