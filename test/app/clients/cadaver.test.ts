import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type System, startSystem } from "../fixture.ts";
import { Conversation, lockToken, members, textOf } from "./conversation.ts";

// Recorded from cadaver 0.24 with neon 0.32.5 (Debian 12): open, mkcol, put, ls, propset, propget, lock, discover, put, move, copy, unlock,
// delete, rmcol. Its first request has no credentials; it asks for a name with a slash to see whether that is a folder.

const ROOT = "/dav/library/";
const NEON = `User-Agent: cadaver/0.24 neon/0.32.5
Connection: TE
TE: trailers
Host: {host}`;
const LISTED = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop>
<getcontentlength xmlns="DAV:"/>
<getlastmodified xmlns="DAV:"/>
<executable xmlns="http://apache.org/dav/props/"/>
<resourcetype xmlns="DAV:"/>
<checked-in xmlns="DAV:"/>
<checked-out xmlns="DAV:"/>
</prop></propfind>
`;
const LOCKS = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop>
<lockdiscovery xmlns="DAV:"/>
</prop></propfind>
`;
const COLOR = `<?xml version="1.0" encoding="utf-8"?>
<propfind xmlns="DAV:"><prop>
<color xmlns="http://webdav.org/cadaver/custom-properties/"/>
</prop></propfind>
`;
const SET_COLOR = `<?xml version="1.0" encoding="utf-8" ?>
<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><color xmlns="http://webdav.org/cadaver/custom-properties/">blue</color></D:prop></D:set>
</D:propertyupdate>
`;
const LOCKINFO = `<?xml version="1.0" encoding="utf-8"?>
<lockinfo xmlns='DAV:'>
 <lockscope><exclusive/></lockscope>
<locktype><write/></locktype></lockinfo>
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
const xml = (method: string, path: string, body: string, headers = "") =>
  talk.say(
    `${method} ${path} HTTP/1.1\n${NEON}\n${headers}Content-Length: {length}\nContent-Type: application/xml\nAuthorization: {basic}`,
    body,
  );
const look = (path: string, depth: 0 | 1 = 0, body = LISTED) => xml("PROPFIND", path, body, `Depth: ${depth}\n`);
const put = (path: string, body: string, headers = "") =>
  talk.say(`PUT ${path} HTTP/1.1\n${NEON}\nContent-Length: {length}\n${headers}Authorization: {basic}`, body);

test("opens: OPTIONS and PROPFIND without a login are asked for one, and the connection stays", async () => {
  const options = await talk.say(
    `OPTIONS ${ROOT} HTTP/1.1\nUser-Agent: cadaver/0.24 neon/0.32.5\nKeep-Alive: \nConnection: TE, Keep-Alive\nTE: trailers\nHost: {host}`,
  );
  expect(options.status).toBe(401);
  const head = `PROPFIND ${ROOT} HTTP/1.1\n${NEON}\nDepth: 0\nContent-Length: {length}\nContent-Type: application/xml`;
  const refused = await talk.say(head, LISTED);
  expect(refused.status).toBe(401);
  expect(refused.headers["www-authenticate"]).toMatch(/(^|, )Basic realm="/);
  const opened = members(await look(ROOT));
  expect(opened.get(ROOT)).toContain("<D:resourcetype><D:collection/></D:resourcetype>");
});

test("makes a folder, puts a file into it and lists both", async () => {
  expect((await bare("MKCOL", `${ROOT}cad/`)).status).toBe(201);
  expect((await look(`${ROOT}cad/`)).status).toBe(207);
  expect((await put(`${ROOT}cad/a.nfo`, "nfo\n")).status).toBe(201);
  const listed = members(await look(`${ROOT}cad/`, 1));
  expect([...listed.keys()]).toEqual([`${ROOT}cad/`, `${ROOT}cad/a.nfo`]);
  const file = listed.get(`${ROOT}cad/a.nfo`) ?? "";
  expect(textOf(file, "getcontentlength")).toBe("4");
  // What there is comes first, what there is not has a propstat of its own.
  const [there = "", missing = ""] = file.split("</D:propstat>");
  expect(there).toContain("HTTP/1.1 200 OK");
  expect(missing).toContain("HTTP/1.1 404 Not Found");
  expect(missing).toMatch(/<\w+:executable xmlns:\w+="http:\/\/apache.org\/dav\/props\/"\/>/);
});

test("propset keeps a property that propget finds again", async () => {
  const set = members(await xml("PROPPATCH", `${ROOT}cad/a.nfo`, SET_COLOR)).get(`${ROOT}cad/a.nfo`);
  expect(set).toContain("HTTP/1.1 200 OK");
  const got = members(await look(`${ROOT}cad/a.nfo`, 0, COLOR)).get(`${ROOT}cad/a.nfo`);
  expect(got).toContain("HTTP/1.1 200 OK");
  expect(got).toMatch(/color[^>]*>blue</);
});

test("lock, put, move, copy, unlock, delete", async () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => `${ROOT}cad/${name}.nfo`) as [string, string, string];
  const locked = await xml("LOCK", a, LOCKINFO, "Depth: 0\n");
  expect(locked.status).toBe(200);
  const token = lockToken(locked);
  const found = members(await look(a, 0, LOCKS)).get(a);
  expect(found).toContain(`<D:href>${token}</D:href>`);

  expect((await put(a, "none\n")).status).toBe(423);
  const withToken = `If: <http://{host}${a}> (<${token}>)\n`;
  expect((await put(a, "more\n", withToken)).status).toBe(204);

  // Is there a folder of that name? With a slash it cannot be a file.
  expect((await look(`${b}/`)).status).toBe(404);
  const destination = (to: string) => `Destination: http://{host}${to}\nOverwrite: T\n`;
  expect((await bare("MOVE", a, destination(b) + withToken)).status).toBe(201);
  // The lock stayed behind, with nothing to lock.
  expect(members(await look(b, 0, LOCKS)).get(b)).not.toContain(token);
  expect((await bare("COPY", b, `Depth: infinity\n${destination(c)}`)).status).toBe(201);
  expect((await bare("GET", c)).body.toString()).toBe("more\n");
  // A copy has the properties of what it was made of.
  expect(members(await look(c, 0, COLOR)).get(c)).toMatch(/color[^>]*>blue</);

  const again = lockToken(await xml("LOCK", c, LOCKINFO, "Depth: 0\n"));
  expect((await bare("DELETE", c)).status).toBe(423);
  expect((await bare("UNLOCK", c, `Lock-Token: <${again}>\n`)).status).toBe(204);
  expect((await bare("UNLOCK", c, `Lock-Token: <${again}>\n`)).status).toBe(409);
  expect((await bare("DELETE", c)).status).toBe(204);
  expect((await bare("DELETE", b)).status).toBe(204);
  expect((await bare("DELETE", `${ROOT}cad/`)).status).toBe(204);
  expect((await look(`${ROOT}cad/`)).status).toBe(404);
});
