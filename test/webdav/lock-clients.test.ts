import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { MapLockStore } from "./map-lock-store.ts";
import { fetchRaw, type Headers, RawClient, type RawResponse, requestText } from "./raw-client.ts";

let lockStore: MapLockStore;
let server: DavServer;
beforeEach(async () => {
  lockStore = new MapLockStore();
  server = await startDavServer({ lockStore });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

/** One step of a recorded sequence: what the client sends, and what it must get to go on. */
async function step(
  method: string,
  path: string,
  status: number,
  headers: Headers = {},
  body = "",
): Promise<RawResponse> {
  const answer = await fetchRaw(server.port, method, path, headers, body);
  expect([method, path, answer.status]).toEqual([method, path, status]);
  return answer;
}
const tokenOf = ({ headers, body }: RawResponse): string => {
  const token = /^<(urn:uuid:[0-9a-f-]{36})>$/.exec(headers["lock-token"] ?? "")?.[1] ?? "none";
  expect(body.toString()).toContain(`<D:locktoken><D:href>${token}</D:href></D:locktoken>`);
  return token;
};
const content = async (path: string) => (await step("GET", path, 200)).body.toString();

describe("Windows' redirector", () => {
  const AGENT = { "User-Agent": "Microsoft-WebDAV-MiniRedir/10.0.19045", translate: "f" };
  const LOCK_INFO =
    '<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>' +
    "<D:locktype><D:write/></D:locktype><D:owner><D:href>NAS\\anna</D:href></D:owner></D:lockinfo>";
  const TIMES =
    '<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>' +
    "<Z:Win32CreationTime>Mon, 02 Jan 2023 03:04:05 GMT</Z:Win32CreationTime><Z:Win32FileAttributes>00000000</Z:Win32FileAttributes>" +
    "</D:prop></D:set></D:propertyupdate>";
  const PATH = "/dav/rw/New%20Document.txt";

  test("copies a file: an empty one, a lock without Depth, properties, content, unlock", async () => {
    await step("OPTIONS", "/", 200, AGENT);
    await step("PROPFIND", PATH, 404, { ...AGENT, Depth: "0" });
    await step("PUT", PATH, 201, { ...AGENT, "Content-Length": "0" });
    const token = tokenOf(await step("LOCK", PATH, 200, { ...AGENT, Timeout: "Second-3600" }, LOCK_INFO));
    const held = { ...AGENT, If: `(<${token}>)` };
    await step("PROPPATCH", PATH, 423, AGENT, TIMES);
    expect((await step("PROPPATCH", PATH, 207, held, TIMES)).body.toString()).toContain("HTTP/1.1 200 OK");
    await step("HEAD", PATH, 200, AGENT);
    await step("PUT", PATH, 423, AGENT, "hello");
    await step("PUT", PATH, 204, held, "hello");
    await step("PROPPATCH", PATH, 207, held, TIMES);
    await step("UNLOCK", PATH, 204, { ...AGENT, "Lock-Token": `<${token}>` });
    await step("UNLOCK", PATH, 409, { ...AGENT, "Lock-Token": `<${token}>` });
    expect(await content(PATH)).toBe("hello");
  });

  test("keeps a lock while the file is open, and is told when another has it", async () => {
    const token = tokenOf(await step("LOCK", "/dav/rw/old.txt", 200, { ...AGENT, Timeout: "Second-3600" }, LOCK_INFO));
    const refreshed = await step("LOCK", "/dav/rw/old.txt", 200, {
      ...AGENT,
      If: `(<${token}>)`,
      Timeout: "Second-3600",
      "Content-Length": "0",
    });
    expect(refreshed.body.toString()).toContain("<D:lockdiscovery><D:activelock>");
    await step("LOCK", "/dav/rw/old.txt", 423, { ...AGENT, Timeout: "Second-3600" }, LOCK_INFO);
    await step("UNLOCK", "/dav/rw/old.txt", 204, { ...AGENT, "Lock-Token": `<${token}>` });
  });
});

describe("Finder", () => {
  const AGENT = { "User-Agent": "WebDAVFS/3.0.0 (03008000) Darwin/24.0.0 (arm64)" };
  const LOCK_INFO =
    '<?xml version="1.0" encoding="utf-8"?>\n<D:lockinfo xmlns:D="DAV:">\n<D:lockscope><D:exclusive/></D:lockscope>\n' +
    "<D:locktype><D:write/></D:locktype>\n<D:owner>\n<D:href>http://www.apple.com/webdav_fs/</D:href>\n</D:owner>\n</D:lockinfo>\n";
  const PATH = "/dav/rw/film.nfo";

  test("writes a file: a lock where nothing is, a chunked body with its length in a header, unlock", async () => {
    await step("PROPFIND", PATH, 404, { ...AGENT, Depth: "0" });
    const lock = await step("LOCK", PATH, 201, { ...AGENT, Depth: "0", Timeout: "Second-600" }, LOCK_INFO);
    const token = tokenOf(lock);
    expect(lock.body.toString()).toContain("<D:href>http://www.apple.com/webdav_fs/</D:href>");

    const headers = {
      ...AGENT,
      "Transfer-Encoding": "chunked",
      "X-Expected-Entity-Length": "11",
      If: `(<${token}>)`,
    };
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", PATH, headers));
    for (const piece of ["6\r\nhello \r\n", "5\r\nworld\r\n", "0\r\n\r\n"]) client.send(piece);
    expect((await client.response()).status).toBe(204);

    const seen = await step("PROPFIND", PATH, 207, { ...AGENT, Depth: "0" });
    expect(seen.body.toString()).toContain(`<D:locktoken><D:href>${token}</D:href></D:locktoken>`);
    expect(await content(PATH)).toBe("hello world");
    await step("LOCK", PATH, 200, { ...AGENT, Timeout: "Second-600", If: `(<${token}>)` });
    await step("UNLOCK", PATH, 204, { ...AGENT, "Lock-Token": `<${token}>` });
  });

  test("finds that every file can be locked, or it would mount read-only", async () => {
    const asked = '<propfind xmlns="DAV:"><prop><supportedlock/></prop></propfind>';
    const { body } = await step("PROPFIND", "/dav/rw/old.txt", 207, { ...AGENT, Depth: "0" }, asked);
    expect(body.toString().match(/<D:lockentry>/g)).toHaveLength(2);
  });
});

describe("davfs2", () => {
  const LOCK_INFO =
    '<?xml version="1.0" encoding="utf-8"?>\n<lockinfo xmlns=\'DAV:\'>\n <lockscope><exclusive/></lockscope>\n' +
    "<locktype><write/></locktype><owner>anna</owner></lockinfo>\n";
  const LOCK = { Depth: "0", Timeout: "Second-1800" };
  const tagged = (path: string, token: string) => ({ If: `<http://h${path}> (<${token}>)` });

  test("writes a new file, and renames it: the lock stays behind", async () => {
    const [from, to] = ["/dav/rw/a.txt", "/dav/rw/b.txt"];
    const token = tokenOf(await step("LOCK", from, 201, LOCK, LOCK_INFO));
    const { headers } = await step("HEAD", from, 200);
    const written = await step("PUT", from, 204, { "If-Match": headers["etag"] ?? "", ...tagged(from, token) }, "one");
    expect(written.headers["etag"]).toBe((await step("HEAD", from, 200)).headers["etag"]);
    await step("PUT", from, 412, { "If-Match": headers["etag"] ?? "", ...tagged(from, token) }, "two");
    await step("MOVE", from, 201, { Destination: `http://h${to}`, Overwrite: "T", ...tagged(from, token) });
    const next = tokenOf(await step("LOCK", to, 200, LOCK, LOCK_INFO));
    await step("UNLOCK", to, 409, { "Lock-Token": `<${token}>` });
    await step("UNLOCK", to, 204, { "Lock-Token": `<${next}>` });
    expect(await content(to)).toBe("one");
  });
});

describe("a restart", () => {
  test("does not lose an open document", async () => {
    const info =
      '<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>';
    const token = tokenOf(await step("LOCK", "/dav/rw/old.txt", 200, { Timeout: "Second-600" }, info));
    await server[Symbol.asyncDispose]();
    server = await startDavServer({ lockStore });
    await step("PUT", "/dav/rw/old.txt", 423, {}, "from another");
    await step("LOCK", "/dav/rw/old.txt", 423, {}, info);
    await step("PUT", "/dav/rw/old.txt", 204, { If: `(<${token}>)` }, "hello");
    await step("UNLOCK", "/dav/rw/old.txt", 204, { "Lock-Token": `<${token}>` });
    await server[Symbol.asyncDispose]();
    server = await startDavServer({ lockStore });
    await step("PUT", "/dav/rw/old.txt", 204, {}, "from another");
  });
});
