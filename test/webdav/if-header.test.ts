import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parseIf } from "../../src/webdav/if-header.ts";
import type { Lock } from "../../src/webdav/lock-table.ts";
import { type DavServer, ODD_NAME, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";

// The tokens of the RFC's examples.
const ONE = "urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2";
const TWO = "urn:uuid:58f202ac-22cf-11d1-b12d-002035b29092";
const HOST = "www.example.com";

function lockOn(path: string, more: Partial<Lock> = {}): Lock {
  const rest = { depth: "0", scope: "exclusive", owner: "", user: "tester", timeoutS: 600, token: ONE } as const;
  return { ...rest, path: path.split("/"), expiresAt: Date.now() + 600_000, ...more };
}

let server: DavServer;
async function start(...locks: readonly Lock[]): Promise<void> {
  server = await startDavServer({ lockStore: { load: () => locks, save() {}, delete() {} } });
}
beforeEach(() => start());
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const restart = async (...locks: readonly Lock[]) => {
  await server[Symbol.asyncDispose]();
  await start(...locks);
};

async function statusOf(method: string, path: string, headers: Headers, body = ""): Promise<number> {
  return (await fetchRaw(server.port, method, `/dav/${path}`, { Host: HOST, ...headers }, body)).status;
}
/** 200 when the header holds for a GET of the file, 412 when it does not. */
const getWith = (ifHeader: string, path = "movies/small.mkv") =>
  statusOf("GET", path, { If: ifHeader, Range: "bytes=0-0" });

describe("the examples of RFC 4918", () => {
  test("10.4.6: a token and an entity tag, or another entity tag", async () => {
    const header = `(<${ONE}> ["I am an ETag"]) (["I am another ETag"])`;
    await restart(lockOn("rw/one"), lockOn("rw/wrong", { token: TWO }));
    server.tree.addFile("rw/one", 1, { etag: "I am an ETag" });
    server.tree.addFile("rw/other", 1, { etag: "I am another ETag" });
    server.tree.addFile("rw/wrong", 1, { etag: "I am an ETag" });
    expect(await getWith(header, "rw/one")).toBe(206);
    expect(await getWith(header, "rw/other")).toBe(206);
    expect(await getWith(header, "rw/wrong")).toBe(412);
  });

  test("10.4.7: not locked with one token, and locked with another", async () => {
    const header = `(Not <${ONE}> <${TWO}>)`;
    await restart(lockOn("movies/small.mkv", { token: TWO }), lockOn("rw/old.txt"));
    expect(await getWith(header)).toBe(206);
    expect(await getWith(header, "rw/old.txt")).toBe(412);
    expect(await getWith(header, "movies/huge.mkv")).toBe(412);
  });

  test("10.4.8: a list that always holds, for a token that is only submitted", async () => {
    const header = `(<${ONE}>) (Not <DAV:no-lock>)`;
    expect(await statusOf("PUT", "rw/old.txt", { If: header }, "x")).toBe(204);
    await restart(lockOn("rw/old.txt", { token: TWO }));
    expect(await statusOf("PUT", "rw/old.txt", { If: header }, "x")).toBe(423);
    await restart(lockOn("rw/old.txt"));
    expect(await statusOf("PUT", "rw/old.txt", { If: header }, "x")).toBe(204);
  });

  test("10.4.9: lists for a resource that is named, in a COPY", async () => {
    const header = `</dav/rw/resource1> (<${ONE}> [W/"A weak ETag"]) (["strong ETag"])`;
    const copy = (etag: string, to: string) => {
      server.tree.addFile("rw/resource1", 1, { etag });
      const headers = { If: header, Destination: `http://${HOST}/dav/rw/${to}` };
      return statusOf("COPY", "rw/resource1", headers);
    };
    await restart(lockOn("rw/resource1"));
    expect(await copy("A weak ETag", "a")).toBe(201);
    expect(await copy("strong ETag", "b")).toBe(201);
    expect(await copy("neither", "c")).toBe(412);
    await restart();
    expect(await copy("A weak ETag", "a")).toBe(412);
  });

  test("10.4.10: a lock on a collection, submitted for what is in it", async () => {
    const header = `<http://${HOST}/dav/rw/specs/> (<${ONE}>)`;
    await restart(lockOn("rw/specs"));
    server.tree.addFolder("rw/specs");
    server.tree.addFile("rw/specs/rfc2518.txt", 1);
    expect(await statusOf("DELETE", "rw/specs/rfc2518.txt", {})).toBe(423);
    expect(await statusOf("DELETE", "rw/specs/rfc2518.txt", { If: `</dav/rw/> (<${ONE}>)` })).toBe(412);
    expect(await statusOf("DELETE", "rw/specs/rfc2518.txt", { If: header })).toBe(204);
  });

  test("10.4.11: an entity tag of something that is not there does not match, and its negation does", async () => {
    expect(await statusOf("PUT", "rw/a", { If: '</dav/rw/rfc2518.doc> (["4217"])' }, "x")).toBe(412);
    expect(await statusOf("PUT", "rw/a", { If: '</dav/rw/rfc2518.doc> (Not ["4217"])' }, "x")).toBe(201);
    server.tree.addFile("rw/rfc2518.doc", 1, { etag: "4217" });
    expect(await statusOf("PUT", "rw/a", { If: '</dav/rw/rfc2518.doc> (["4217"])' }, "x")).toBe(204);
    expect(await statusOf("PUT", "rw/a", { If: '</dav/rw/rfc2518.doc> (Not ["4217"])' }, "x")).toBe(412);
  });
});

describe("the resource of a list", () => {
  const NAMED = encodeURIComponent(ODD_NAME);

  test.each([
    ["/dav/movies/small.mkv", 206],
    ["/dav/movies/small.mkv/", 206],
    ["/dav/movies/%73mall%2Emkv", 206],
    ["//dav//movies/small.mkv", 206],
    [`http://${HOST}/dav/movies/small.mkv`, 206],
    [`http://${HOST}:80/dav/movies/small.mkv`, 206],
    [`https://${HOST}/dav/movies/small.mkv`, 206],
    [`HTTP://${HOST.toUpperCase()}/dav/movies/small.mkv`, 206],
    ["http://elsewhere.example/dav/movies/small.mkv", 412],
    [`http://${HOST}:81/dav/movies/small.mkv`, 412],
    ["urn:isbn:0451450523", 412],
    ["/elsewhere/small.mkv", 412],
    ["/dav/movies/none.mkv", 412],
    ["/dav/movies", 412],
    ["movies/small.mkv", 400],
    ["/dav/movies/%zz", 400],
    ["/dav/movies/../movies/small.mkv", 400],
  ])("%s is understood: %d", async (resource, status) => {
    expect(await getWith(`<${resource}> (["e-1000003"])`)).toBe(status);
  });

  test("may have any name", async () => {
    expect(await getWith(`</dav/movies/${NAMED}> (["e-4321"])`)).toBe(206);
    const nfd = encodeURIComponent(ODD_NAME.normalize("NFD"));
    expect(await getWith(`<http://${HOST}/dav/movies/${nfd}> (["e-4321"])`)).toBe(206);
  });

  test("holds for each list until the next one is named", async () => {
    expect(await getWith('</dav/movies/none> (["e-10"]) </dav/rw/old.txt> (["x"]) (["e-10"])')).toBe(206);
    expect(await getWith('</dav/rw/old.txt> (["x"]) </dav/movies/none> (["x"]) (["e-10"])')).toBe(412);
  });

  test("that is under a lock of depth infinity, or is to be, is locked with its token", async () => {
    await restart(lockOn("rw/sub", { depth: "infinity" }));
    expect(await statusOf("PUT", "rw/sub/new", { If: `(<${ONE}>)` }, "x")).toBe(201);
    expect(await statusOf("PUT", "rw/new", { If: `(<${ONE}>)` }, "x")).toBe(412);
  });
});

describe("an If header", () => {
  test("is looked at by every method", async () => {
    for (const method of ["GET", "HEAD", "PROPFIND", "OPTIONS", "DELETE", "UNLOCK", "POST"]) {
      expect([method, await statusOf(method, "rw/old.txt", { If: `(<${ONE}>)` })]).toEqual([method, 412]);
    }
    expect(server.tree.find(["rw", "old.txt"])).toBeDefined();
  });

  test("compares entity tags weakly, since a proxy that compresses makes ours weak", async () => {
    expect(await getWith('([W/"e-1000003"])')).toBe(206);
    expect(await getWith('(["e-1000003-gzip"])')).toBe(412);
  });

  test("finds no entity tag at a collection", async () => {
    expect(await statusOf("PROPFIND", "movies", { If: '([""])', Depth: "0" })).toBe(412);
  });

  test.each([
    "",
    " ",
    "()",
    "(",
    "(<a:b>",
    "<a:b>",
    "</dav/movies/small.mkv>",
    "(Not)",
    "(Not Not <a:b>)",
    "(<>)",
    "(<a:b>) nonsense",
    "(<a:b>), (<a:b>)",
    "([e-1000003])",
    '(["e-1000003")',
    "(a:b)",
    "((<a:b>))",
    '("e-1000003")',
    "<<a:b>> (<a:b>)",
  ])("of %j is refused", async (header) => {
    expect(await getWith(header)).toBe(400);
  });

  test("may be written without blanks, and with many", () => {
    const lists = parseIf(`</x>(not<a:b>["t"])\t(\t[W/"u"]  <c:d> )`);
    expect(lists).toEqual([
      {
        resource: "/x",
        conditions: [
          { isNegated: true, kind: "token", text: "a:b" },
          { isNegated: false, kind: "etag", text: "t" },
        ],
      },
      {
        resource: "/x",
        conditions: [
          { isNegated: false, kind: "etag", text: "u" },
          { isNegated: false, kind: "token", text: "c:d" },
        ],
      },
    ]);
  });

  test("with more than 256 conditions is refused, and costs no lookup", async () => {
    expect(await getWith(`${'(["x"])'.repeat(255)}(["e-1000003"])`)).toBe(206);
    const before = server.tree.counts.finds;
    expect(await getWith(`${'(["x"])'.repeat(256)}(["e-1000003"])`)).toBe(400);
    expect(server.tree.counts.finds).toBe(before);
  });

  test("beyond 16 KiB is refused", () => {
    expect(() => parseIf(`(<a:${"b".repeat(16 * 1024)}>)`)).toThrow("too long");
  });
});
