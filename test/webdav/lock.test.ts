import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { RequestError } from "../../src/base/errors.ts";
import { MAX_LOCKS_PER_RESOURCE } from "../../src/webdav/lock-table.ts";
import { ManualClock } from "../manual-clock.ts";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers, type RawResponse } from "./raw-client.ts";

let clock: ManualClock;
let server: DavServer;
/** Who logs in is who the request says, and may write unless the name is that of a guest. */
const authenticate = async ({ headers }: { headers: Record<string, unknown> }) => {
  const user = String(headers["x-user"] ?? "anna");
  return { user, mayWrite: user !== "guest" };
};
beforeEach(async () => {
  clock = new ManualClock();
  server = await startDavServer({ clock, authenticate });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const BOB: Headers = { "X-User": "bob" };

function lockInfo({ scope = "exclusive", owner = "<D:owner>Jane Smith</D:owner>" } = {}): string {
  const parts = `<D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype>${owner}`;
  return `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:">${parts}</D:lockinfo>`;
}

const send = (method: string, path: string, headers: Headers = {}, body = "") =>
  fetchRaw(server.port, method, `/dav/${path}`, headers, body);
const lock = (path: string, headers: Headers = {}, body = lockInfo()) => send("LOCK", path, headers, body);
const shared = (path: string, headers: Headers = {}) => lock(path, headers, lockInfo({ scope: "shared" }));
const statusOf = async (method: string, path: string, headers: Headers = {}, body = "") =>
  (await send(method, path, headers, body)).status;

/** The header, brackets and all: as it stands in an If list and in an UNLOCK. */
async function lockToken(answer: Promise<RawResponse>): Promise<string> {
  const { status, headers } = await answer;
  expect([200, 201]).toContain(status);
  return headers["lock-token"] as string;
}
const discovery = async (path: string) =>
  (await send("PROPFIND", path, { Depth: "0" }, '<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>')).body
    .toString()
    .replace(/^.*<D:prop>|<\/D:prop>.*$/gs, "");
const textOf = ({ body }: RawResponse) => body.toString();

describe("LOCK", () => {
  test("gives an exclusive lock, and says all about it", async () => {
    const answer = await lock("rw/old.txt", { Depth: "0", Timeout: "Second-1800" });
    const token = answer.headers["lock-token"] ?? "";
    expect(answer.status).toBe(200);
    expect(token).toMatch(/^<urn:uuid:[0-9a-f-]{36}>$/);
    expect(answer.headers["content-type"]).toBe("application/xml; charset=utf-8");
    expect(textOf(answer)).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n<D:prop xmlns:D="DAV:"><D:lockdiscovery><D:activelock>' +
        "<D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:depth>0</D:depth>" +
        '<D:owner xmlns:D="DAV:">Jane Smith</D:owner><D:timeout>Second-1800</D:timeout>' +
        `<D:locktoken><D:href>${token.slice(1, -1)}</D:href></D:locktoken>` +
        "<D:lockroot><D:href>/dav/rw/old.txt</D:href></D:lockroot></D:activelock></D:lockdiscovery></D:prop>",
    );
    expect(await discovery("rw/old.txt")).toBe(textOf(answer).replace(/^.*<D:prop [^>]*>|<\/D:prop>$/gs, ""));
  });

  test("of a collection names it with a slash, and covers what comes into it", async () => {
    const token = await lockToken(lock("rw/sub"));
    expect(await discovery("rw/sub")).toContain("<D:lockroot><D:href>/dav/rw/sub/</D:href></D:lockroot>");
    expect(await statusOf("PUT", "rw/sub/new", { If: `</dav/rw/sub/> (${token})` }, "x")).toBe(201);
    expect(await discovery("rw/sub/new")).toContain(token.slice(1, -1));
  });

  test("keeps the owner as XML, wherever its namespaces were declared", async () => {
    const owner = '<D:owner><D:href>http://example.org/~ejw?a&amp;b</D:href><x:n xml:lang="de">Ö</x:n></D:owner>';
    const body = lockInfo({ owner }).replace('xmlns:D="DAV:"', 'xmlns:D="DAV:" xmlns:x="urn:x"');
    expect(textOf(await lock("rw/old.txt", {}, body))).toContain(
      '<D:owner xmlns:D="DAV:" xmlns:x="urn:x"><D:href>http://example.org/~ejw?a&amp;b</D:href><x:n xml:lang="de">Ö</x:n></D:owner>',
    );
  });

  test.each([
    [undefined, 600],
    ["Second-1", 1],
    ["Second-0", 1],
    ["Second-3600", 3600],
    ["Second-99999999999999999999", 86_400],
    ["Infinite", 86_400],
    ["Infinite, Second-4100000000", 86_400],
    ["Extend-5, second-30, Infinite", 30],
    ["Second--5", 600],
    ["nonsense", 600],
  ])("with Timeout %s lasts for %d seconds", async (timeout, seconds) => {
    const answer = await lock("rw/old.txt", timeout === undefined ? {} : { Timeout: timeout });
    expect(textOf(answer)).toContain(`<D:timeout>Second-${seconds}</D:timeout>`);
    clock.advance(seconds * 1000 - 1);
    expect(await statusOf("PUT", "rw/old.txt", {}, "x")).toBe(423);
    clock.advance(1);
    expect(await statusOf("PUT", "rw/old.txt", {}, "x")).toBe(204);
  });

  test.each([
    ["Depth 1", "rw/old.txt", { Depth: "1" }, lockInfo(), 400],
    ["an unknown Depth", "rw/old.txt", { Depth: "none" }, lockInfo(), 400],
    ["Depth infinity in any case", "rw/old.txt", { Depth: "Infinity" }, lockInfo(), 200],
    ["another root element", "rw/old.txt", {}, "<lockinfo/>", 400],
    ["a body that is not XML", "rw/old.txt", {}, "nonsense", 400],
    ["an unknown scope", "rw/old.txt", {}, lockInfo({ scope: "private" }), 400],
    ["an unknown type", "rw/old.txt", {}, lockInfo().replace("write/>", "read/>"), 400],
    ["two scopes", "rw/old.txt", {}, lockInfo().replace("<D:exclusive/>", "<D:exclusive/><D:shared/>"), 400],
    ["a long owner", "rw/old.txt", {}, lockInfo({ owner: `<D:owner>${"x".repeat(2048)}</D:owner>` }), 413],
    ["no owner", "rw/old.txt", {}, lockInfo({ owner: "" }), 200],
    ["a body in code", "rw/old.txt", { "Content-Encoding": "gzip" }, lockInfo(), 415],
    ["a stale If-Match", "rw/old.txt", { "If-Match": '"stale"' }, lockInfo(), 412],
    ["If-None-Match over a file", "rw/old.txt", { "If-None-Match": "*" }, lockInfo(), 412],
    ["a login that may only read", "rw/old.txt", { "X-User": "guest" }, lockInfo(), 403],
    ["a slash after a file", "rw/old.txt/", {}, lockInfo(), 409],
    ["a slash after nothing", "rw/new.txt/", {}, lockInfo(), 409],
    ["no parent", "rw/none/new.txt", {}, lockInfo(), 409],
    ["a file for a parent", "rw/old.txt/new.txt", {}, lockInfo(), 409],
    ["a parent that takes nothing", "movies/new.txt", {}, lockInfo(), 403],
    ["a file that cannot be written", "movies/small.mkv", {}, lockInfo(), 200],
    ["the root", "", { Depth: "0" }, lockInfo(), 200],
  ])("with %s is answered as it should be, and gives a lock only then", async (_, path, headers, body, status) => {
    const answer = await lock(path, headers, body);
    expect(answer.status).toBe(status);
    expect(answer.headers["lock-token"] !== undefined).toBe(status === 200);
    const ofAll = await lock("", BOB);
    expect(ofAll.headers["lock-token"] !== undefined).toBe(status !== 200);
  });
});

describe("LOCK of what is not there", () => {
  test("makes an empty file, which stays when the lock goes", async () => {
    const answer = await lock("rw/new.txt");
    expect([answer.status, server.tree.find(["rw", "new.txt"])?.size]).toEqual([201, 0]);
    const token = answer.headers["lock-token"] as string;
    expect(await statusOf("UNLOCK", "rw/new.txt", { "Lock-Token": token })).toBe(204);
    expect((await send("GET", "rw/new.txt")).headers["content-length"]).toBe("0");
  });

  test("leaves no lock behind when no file can be made", async () => {
    server.tree.put = async () => {
      throw new RequestError("FORBIDDEN", "not here");
    };
    expect((await lock("rw/new.txt")).status).toBe(403);
    server.tree.put = async () => "created";
    expect((await lock("rw/new.txt")).status).toBe(201);
  });

  test("holds the name before the file is there", async () => {
    const { put } = server.tree;
    let second: Promise<RawResponse> | undefined;
    server.tree.put = async (path, request) => {
      second = lock("rw/new.txt", BOB);
      expect((await second).status).toBe(423);
      return put(path, request);
    };
    expect((await lock("rw/new.txt")).status).toBe(201);
    expect(server.tree.counts.puts).toBe(1);
  });

  test("changes the collection, so it takes the token of a lock on that", async () => {
    const token = await lockToken(lock("rw/sub", { Depth: "0" }));
    const refused = await lock("rw/sub/new.txt");
    expect([refused.status, textOf(refused)]).toEqual([423, locked("lock-token-submitted", "/dav/rw/sub/")]);
    expect((await lock("rw/sub/new.txt", { If: `</dav/rw/sub> (${token})` })).status).toBe(201);
  });
});

function locked(condition: string, href: string): string {
  const element = `<D:${condition}><D:href>${href}</D:href></D:${condition}>`;
  return `<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:">${element}</D:error>`;
}

describe("a second LOCK", () => {
  test("is 423, and names the lock that is in its way", async () => {
    await lockToken(lock("rw/sub"));
    server.tree.addFile("rw/sub/deep.txt", 1);
    for (const path of ["rw/sub", "rw/sub/deep.txt"]) {
      for (const headers of [{}, BOB]) {
        const answer = await lock(path, headers);
        expect([answer.status, textOf(answer)]).toEqual([423, locked("no-conflicting-lock", "/dav/rw/sub/")]);
      }
    }
  });

  test("of a collection with a locked member is a multistatus: RFC 4918 section 9.10.9", async () => {
    await lockToken(lock("rw/old.txt"));
    const answer = await lock("rw", BOB);
    expect(answer.status).toBe(207);
    expect(textOf(answer)).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">' +
        "<D:response><D:href>/dav/rw/old.txt</D:href><D:status>HTTP/1.1 423 Locked</D:status>" +
        '<D:error xmlns:D="DAV:"><D:no-conflicting-lock/></D:error></D:response>' +
        "<D:response><D:href>/dav/rw/</D:href><D:status>HTTP/1.1 424 Failed Dependency</D:status></D:response>" +
        "</D:multistatus>",
    );
    expect(answer.headers["lock-token"]).toBeUndefined();
    expect((await lock("rw", { ...BOB, Depth: "0" })).status).toBe(200);
  });

  test("may be shared, and then the token of one is enough to write", async () => {
    const anna = await lockToken(shared("rw/old.txt"));
    const answer = await shared("rw/old.txt", BOB);
    const bob = answer.headers["lock-token"] as string;
    // The new one first: some clients look no further.
    expect([...textOf(answer).matchAll(/<D:locktoken><D:href>([^<]*)/g)].map(([, token]) => `<${token}>`)).toEqual([
      bob,
      anna,
    ]);
    expect(await statusOf("PUT", "rw/old.txt", {}, "x")).toBe(423);
    expect(await statusOf("PUT", "rw/old.txt", { If: `(${anna})` }, "x")).toBe(204);
    expect(await statusOf("PUT", "rw/old.txt", { ...BOB, If: `(${bob})` }, "x")).toBe(204);
    expect(await statusOf("PUT", "rw/old.txt", { ...BOB, If: `(${anna})` }, "x")).toBe(423);
    expect((await lock("rw/old.txt")).status).toBe(423);
  });

  test("is 503 with a reason when there are too many", async () => {
    for (let n = 0; n < MAX_LOCKS_PER_RESOURCE; n += 1) await lockToken(shared("rw/old.txt"));
    const answer = await shared("rw/old.txt");
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "10"]);
    expect(textOf(answer)).toContain("enough shared locks");
  });
});

describe("a LOCK without a body", () => {
  test("refreshes the lock that If names: RFC 4918 section 9.10.8", async () => {
    const token = await lockToken(lock("rw/old.txt", { Timeout: "Second-10" }));
    clock.advance(9_000);
    const answer = await send("LOCK", "rw/old.txt", { If: `(${token})`, Timeout: "Infinite, Second-4100000000" });
    expect([answer.status, answer.headers["lock-token"]]).toEqual([200, undefined]);
    expect(textOf(answer)).toContain("<D:timeout>Second-86400</D:timeout>");
    expect(textOf(answer)).toContain(token.slice(1, -1));
    clock.advance(86_399_000);
    expect(await statusOf("PUT", "rw/old.txt", {}, "x")).toBe(423);
  });

  test("without Timeout is good for as long as the lock was given for", async () => {
    const token = await lockToken(lock("rw/old.txt", { Timeout: "Second-10" }));
    clock.advance(9_000);
    expect(textOf(await send("LOCK", "rw/old.txt", { If: `(${token})` }))).toContain("Second-10<");
  });

  test("may be sent to any member of a locked collection", async () => {
    const token = await lockToken(lock("rw/sub"));
    server.tree.addFile("rw/sub/deep.txt", 1);
    expect(await statusOf("LOCK", "rw/sub/deep.txt", { If: `(${token})` })).toBe(200);
  });

  test("is 412 when it names no lock that is there, and says why", async () => {
    const token = await lockToken(lock("rw/old.txt"));
    const why = '<D:error xmlns:D="DAV:"><D:lock-token-matches-request-uri/></D:error>';
    for (const headers of [{}, { If: "(Not <DAV:no-lock>)" }, { If: "(<urn:uuid:0>)" }] as const) {
      const answer = await send("LOCK", "rw/old.txt", headers);
      expect([answer.status, textOf(answer).endsWith(why)]).toEqual([412, true]);
    }
    expect(await statusOf("LOCK", "rw/sub", { If: `</dav/rw/old.txt> (${token})` })).toBe(412);
  });

  test("is 403 for somebody else's lock, and 400 for two at once", async () => {
    const token = await lockToken(shared("rw/old.txt"));
    expect(await statusOf("LOCK", "rw/old.txt", { ...BOB, If: `(${token})` })).toBe(403);
    const other = await lockToken(shared("rw/old.txt"));
    expect(await statusOf("LOCK", "rw/old.txt", { If: `(${token} ${other})` })).toBe(400);
  });
});

describe("UNLOCK", () => {
  test("ends a lock from wherever it reaches, and no other", async () => {
    const token = await lockToken(lock("rw/sub"));
    const other = await lockToken(lock("rw/old.txt"));
    server.tree.addFile("rw/sub/deep.txt", 1);
    expect(await statusOf("UNLOCK", "rw/sub/deep.txt", { "Lock-Token": other })).toBe(409);
    expect(await statusOf("UNLOCK", "rw/sub/deep.txt", { "Lock-Token": token })).toBe(204);
    expect([await discovery("rw/sub"), (await discovery("rw/old.txt")).includes(other.slice(1, -1))]).toEqual([
      "<D:lockdiscovery/>",
      true,
    ]);
  });

  test("of what is not locked so is 409, and says why", async () => {
    await lockToken(lock("rw/old.txt"));
    const answer = await send("UNLOCK", "rw/old.txt", { "Lock-Token": "<urn:uuid:0>" });
    expect(answer.status).toBe(409);
    expect(textOf(answer)).toMatch(/<D:lock-token-matches-request-uri\/><\/D:error>$/);
  });

  test("without a token that can be read is 400", async () => {
    for (const headers of [{}, { "Lock-Token": "" }, { "Lock-Token": "urn:uuid:0" }, { "Lock-Token": "<a>, <b>" }]) {
      expect(await statusOf("UNLOCK", "rw/old.txt", headers as Headers)).toBe(400);
    }
  });

  test("of somebody else's lock is 403, and the lock stays", async () => {
    const token = await lockToken(lock("rw/old.txt"));
    expect(await statusOf("UNLOCK", "rw/old.txt", { ...BOB, "Lock-Token": token })).toBe(403);
    expect(await statusOf("UNLOCK", "rw/old.txt", { "Lock-Token": token })).toBe(204);
  });
});

describe("a locked resource", () => {
  test("is changed by nobody without the token, and by nobody but its user", async () => {
    const token = await lockToken(lock("rw/old.txt"));
    const patch = '<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>';
    server.tree.addFile("rw/source.txt", 1);
    const changes: [string, string, Headers, string][] = [
      ["PUT", "rw/old.txt", {}, "x"],
      ["PROPPATCH", "rw/old.txt", {}, patch],
      ["COPY", "rw/source.txt", { Destination: "/dav/rw/old.txt" }, ""],
      ["MOVE", "rw/source.txt", { Destination: "/dav/rw/old.txt" }, ""],
      ["MOVE", "rw/old.txt", { Destination: "/dav/rw/moved.txt" }, ""],
      ["DELETE", "rw/old.txt", {}, ""],
    ];
    const list = `</dav/rw/old.txt> (${token})`;
    for (const [method, path, headers, body] of changes) {
      const answer = await send(method, path, headers, body);
      expect([method, answer.status, textOf(answer)]).toEqual([
        method,
        423,
        locked("lock-token-submitted", "/dav/rw/old.txt"),
      ]);
      expect([method, await statusOf(method, path, { ...headers, ...BOB, If: list }, body)]).toEqual([method, 423]);
    }
    expect(server.tree.find(["rw", "old.txt"])).toMatchObject({ size: 10, etag: "e-10" });
    for (const [method, path, headers, body] of changes.slice(0, 4)) {
      const status = await statusOf(method, path, { ...headers, If: list }, body);
      expect([method, Math.floor(status / 100)]).toEqual([method, 2]);
    }
  });

  test("can be read by everybody", async () => {
    await lockToken(lock("rw/old.txt"));
    expect(await statusOf("GET", "rw/old.txt", BOB)).toBe(200);
    expect(await statusOf("PROPFIND", "rw/old.txt", { ...BOB, Depth: "0" })).toBe(207);
    expect(await statusOf("COPY", "rw/old.txt", { ...BOB, Destination: "/dav/rw/copy.txt" })).toBe(201);
    expect(await discovery("rw/copy.txt")).toBe("<D:lockdiscovery/>");
  });

  test("keeps what it lies in from being deleted or moved", async () => {
    server.tree.addFile("rw/sub/deep.txt", 1);
    const token = await lockToken(lock("rw/sub/deep.txt"));
    expect(textOf(await send("DELETE", "rw/sub"))).toBe(locked("lock-token-submitted", "/dav/rw/sub/deep.txt"));
    expect(await statusOf("MOVE", "rw/sub", { Destination: "/dav/rw/moved" })).toBe(423);
    const list = `</dav/rw/sub/deep.txt> (${token})`;
    expect(await statusOf("MOVE", "rw/sub", { Destination: "/dav/rw/moved", If: list })).toBe(201);
    expect(await discovery("rw/moved/deep.txt")).toBe("<D:lockdiscovery/>");
  });

  test("is unlocked when it is deleted, so that its name is free", async () => {
    const token = await lockToken(lock("rw/old.txt"));
    expect(await statusOf("DELETE", "rw/old.txt", { If: `(${token})` })).toBe(204);
    expect(await statusOf("PUT", "rw/old.txt", BOB, "x")).toBe(201);
  });

  test("stays locked when something else is moved over it: RFC 4918 section 7.6", async () => {
    const token = await lockToken(lock("rw/old.txt"));
    server.tree.addFile("rw/source.txt", 7);
    const headers = { Destination: "/dav/rw/old.txt", If: `</dav/rw/old.txt> (${token})` };
    expect(await statusOf("MOVE", "rw/source.txt", headers)).toBe(204);
    expect([server.tree.find(["rw", "old.txt"])?.size, await statusOf("PUT", "rw/old.txt", BOB, "x")]).toEqual([
      7, 423,
    ]);
    expect(await statusOf("UNLOCK", "rw/old.txt", { "Lock-Token": token })).toBe(204);
  });
});

describe("a lock of depth 0 on a collection", () => {
  test("protects the names in it, and not what is there already", async () => {
    server.tree.addFile("rw/sub/there.txt", 1);
    const token = await lockToken(lock("rw/sub", { Depth: "0" }));
    const names: [string, string, Headers][] = [
      ["PUT", "rw/sub/new.txt", {}],
      ["MKCOL", "rw/sub/new", {}],
      ["COPY", "rw/old.txt", { Destination: "/dav/rw/sub/copy.txt" }],
      ["MOVE", "rw/sub/there.txt", { Destination: "/dav/rw/moved.txt" }],
      ["DELETE", "rw/sub/there.txt", {}],
    ];
    for (const [method, path, headers] of names) {
      expect([method, await statusOf(method, path, headers)]).toEqual([method, 423]);
    }
    expect(await statusOf("PUT", "rw/sub/there.txt", {}, "xy")).toBe(204);
    expect(await statusOf("PUT", "rw/sub/new.txt", { If: `</dav/rw/sub/> (${token})` }, "x")).toBe(201);
  });
});

describe("a server without locks", () => {
  test("asks the tree no more for a PUT than for a file and its folder, and for the file when it is there", async () => {
    const before = server.tree.counts.finds;
    expect(await statusOf("PUT", "rw/new.txt", {}, "x")).toBe(201);
    expect(server.tree.counts.finds - before).toBe(3);
  });
});
