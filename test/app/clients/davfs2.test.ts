import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type System, startSystem } from "../fixture.ts";
import { Conversation, lockToken, members, textOf } from "./conversation.ts";

// Recorded from davfs2 1.6.1 with neon 0.32.5 (Debian 12) and locks: mount, write a new file, read it, append to it, rename it, make and
// remove a folder, remove the file, df.

const ROOT = "/dav/library/";
const NEON = `User-Agent: davfs2/1.6.1 neon/0.32.5
Connection: TE
TE: trailers
Host: {host}`;
const LISTED = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop>
<resourcetype xmlns="DAV:"/>
<getcontentlength xmlns="DAV:"/>
<getetag xmlns="DAV:"/>
<getlastmodified xmlns="DAV:"/>
<executable xmlns="http://apache.org/dav/props/"/>
</prop></propfind>
`;
const QUOTA = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop>
<quota-available-bytes xmlns="DAV:"/>
<quota-used-bytes xmlns="DAV:"/>
</prop></propfind>
`;
const LOCKINFO = `<?xml version="1.0" encoding="utf-8"?>
<lockinfo xmlns='DAV:'>
 <lockscope><exclusive/></lockscope>
<locktype><write/></locktype><owner>demo</owner>
</lockinfo>
`;

let system: System;
let talk: Conversation;
beforeAll(async () => {
  system = await startSystem();
  talk = await Conversation.open(system);
});
afterAll(async () => {
  await talk[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

const bare = (method: string, path: string, headers = "") =>
  talk.say(`${method} ${path} HTTP/1.1\n${NEON}\n${headers}Authorization: {basic}`);
const look = (path: string, depth: 0 | 1, body = LISTED) =>
  talk.say(
    `PROPFIND ${path} HTTP/1.1\n${NEON}\nDepth: ${depth}\nContent-Length: {length}\nContent-Type: application/xml\nAuthorization: {basic}`,
    body,
  );
const lock = (path: string) =>
  talk.say(
    `LOCK ${path} HTTP/1.1\n${NEON}\nContent-Length: {length}\nContent-Type: application/xml\nDepth: 0\nTimeout: Second-1800\nAuthorization: {basic}`,
    LOCKINFO,
  );
const put = (path: string, body: string, { etag, token }: { readonly etag: string; readonly token: string }) =>
  talk.say(
    `PUT ${path} HTTP/1.1\n${NEON}\nIf-Match: ${etag}\nContent-Length: {length}\nAuthorization: {basic}\nIf: <http://{host}${path}> (<${token}>)`,
    body,
  );
const unlock = (path: string, token: string) => bare("UNLOCK", path, `Lock-Token: <${token}>\n`);

test("mounts: OPTIONS names classes 1 and 2, the listing has etags, df has two numbers", async () => {
  const options = await bare("OPTIONS", "/dav/");
  expect(options.status).toBe(200);
  expect(options.headers["dav"]).toMatch(/^1, 2\b/);
  const root = members(await look("/dav/", 1));
  expect([...root.keys()]).toEqual(["/dav/", "/dav/completed/", ROOT, "/dav/nzbs/"]);
  const quota = members(await look("/dav/", 0, QUOTA)).get("/dav/");
  expect(textOf(quota, "quota-available-bytes")).toMatch(/^\d+$/);
  expect(textOf(quota, "quota-used-bytes")).toMatch(/^\d+$/);
});

test("writes a new file: LOCK of a name that is not there, HEAD, PUT with If-Match and If, UNLOCK, and reads it again", async () => {
  const file = `${ROOT}h.nfo`;
  const locked = await lock(file);
  expect(locked.status).toBe(201);
  const token = lockToken(locked);
  expect(locked.body.toString()).toMatch(/<D:timeout>Second-1[78]\d\d<\/D:timeout>/);
  expect(locked.body.toString()).toMatch(/owner[^>]*>demo</);
  const empty = await bare("HEAD", file);
  expect(empty.status).toBe(200);
  expect(empty.headers["content-length"]).toBe("0");
  const { etag = "" } = empty.headers;
  expect(etag).toMatch(/^"/);

  expect((await put(file, "hello\n", { etag: '"stale"', token })).status).toBe(412);
  expect((await put(file, "hello\n", { etag, token })).status).toBe(204);
  expect((await unlock(file, token)).status).toBe(204);
  const listed = members(await look(ROOT, 1)).get(file);
  expect(textOf(listed, "getcontentlength")).toBe("6");
  const etagNow = textOf(listed, "getetag")?.replaceAll("&quot;", '"') ?? "";
  expect(etagNow).not.toBe(etag);
  expect((await bare("GET", file, `If-None-Match: ${etagNow}\n`)).status).toBe(304);
  expect((await bare("GET", file)).body.toString()).toBe("hello\n");
});

test("writes it again: LOCK of what is there, PUT with the etag of the listing", async () => {
  const file = `${ROOT}h.nfo`;
  const { etag = "" } = (await bare("HEAD", file)).headers;
  const locked = await lock(file);
  expect(locked.status).toBe(200);
  const token = lockToken(locked);
  expect((await put(file, "hello\nmore\n", { etag, token })).status).toBe(204);
  expect((await unlock(file, token)).status).toBe(204);
  expect((await bare("GET", file)).body.toString()).toBe("hello\nmore\n");
});

test("renames while it holds the lock, which does not go along: the new name can be locked at once", async () => {
  const [from, to] = [`${ROOT}h.nfo`, `${ROOT}i.nfo`];
  const token = lockToken(await lock(from));
  const headers = `Destination: http://{host}${to}\nOverwrite: T\nIf: <http://{host}${from}> (<${token}>)\n`;
  expect((await bare("MOVE", from, headers)).status).toBe(201);
  expect((await bare("HEAD", to)).status).toBe(200);
  const again = await lock(to);
  expect(again.status).toBe(200);
  expect((await unlock(to, lockToken(again))).status).toBe(204);
  expect((await look(from, 0)).status).toBe(404);
});

test("makes and removes a folder, and removes the file", async () => {
  expect((await bare("MKCOL", `${ROOT}dd/`)).status).toBe(201);
  expect((await bare("DELETE", `${ROOT}dd/`)).status).toBe(204);
  expect((await bare("DELETE", `${ROOT}i.nfo`)).status).toBe(204);
  expect([...members(await look(ROOT, 1)).keys()]).toEqual([ROOT]);
});
