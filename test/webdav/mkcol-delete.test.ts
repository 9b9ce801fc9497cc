import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";
import { lock } from "./take-lock.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
});
afterEach(async () => {
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const ask = (method: string, path: string, headers: Headers = {}, body = "") =>
  fetchRaw(server.port, method, path, headers, body);
const status = async (method: string, path: string, headers: Headers = {}, body = "") =>
  (await ask(method, path, headers, body)).status;

describe("MKCOL", () => {
  test.each(["/dav/rw/new", "/dav/rw/new/", "http://h/dav/rw/new/", "/dav/rw//new//"])("of %s is 201", async (url) => {
    expect(await status("MKCOL", url)).toBe(201);
    expect(server.tree.find(["rw", "new"])?.kind).toBe("collection");
    expect(await status("PROPFIND", "/dav/rw/new/", { Depth: "1" })).toBe(207);
  });

  test.each([
    ["of a folder that is there", "/dav/rw/sub", {}, "", 405],
    ["of a file that is there", "/dav/rw/old.txt", {}, "", 405],
    ["of a file that is there, with a slash", "/dav/rw/old.txt/", {}, "", 405],
    ["of the root", "/dav/", {}, "", 405],
    ["without a parent", "/dav/rw/none/new", {}, "", 409],
    ["in a file", "/dav/rw/old.txt/new", {}, "", 409],
    ["with a body", "/dav/rw/new", { "Content-Type": "xyz-foo/bar-512" }, "afafafaf", 415],
    ["with a body in chunks", "/dav/rw/new", { "Transfer-Encoding": "chunked" }, "1\r\na\r\n0\r\n\r\n", 415],
    ["where nothing may be made", "/dav/new", {}, "", 403],
    ["in a read-only folder", "/dav/movies/new", {}, "", 403],
    ["only of what is there", "/dav/rw/new", { "If-Match": "*" }, "", 412],
    ["only of what is not there", "/dav/rw/new", { "If-None-Match": "*" }, "", 201],
    ["with a token of nobody", "/dav/rw/new", { If: "(<urn:uuid:none>)" }, "", 412],
    ["outside", "/new", {}, "", 404],
  ])("%s: %s with %j is answered", async (_, path, headers, body, expected) => {
    expect(await status("MKCOL", path, headers, body)).toBe(expected);
    expect(server.tree.find(["rw", "new"]) === undefined).toBe(expected !== 201);
  });

  test("of what is there says what else there is to do", async () => {
    expect((await ask("MKCOL", "/dav/rw/old.txt")).headers["allow"]).toContain("PUT");
    expect((await ask("MKCOL", "/dav/rw/sub")).headers["allow"]).not.toContain("PUT");
  });

  test("in a locked folder needs the folder's token", async () => {
    const token = await lock(server, "/dav/rw/sub/", { Depth: "0" });
    expect(await status("MKCOL", "/dav/rw/sub/new")).toBe(423);
    expect(await status("MKCOL", "/dav/rw/sub/new", { If: `</dav/rw/sub/> (<${token}>)` })).toBe(201);
  });
});

describe("DELETE", () => {
  test("of a file is 204, and then 404", async () => {
    expect(await status("DELETE", "/dav/rw/old.txt")).toBe(204);
    expect(await status("DELETE", "/dav/rw/old.txt")).toBe(404);
    expect(server.tree.find(["rw", "old.txt"])).toBeUndefined();
  });

  test.each([{}, { Depth: "infinity" }, { Depth: "Infinity" }])(
    "of a folder with %j takes everything in it",
    async (headers) => {
      server.tree.addFile("rw/sub/deep.txt", 3);
      expect(await status("DELETE", "/dav/rw/sub/", headers)).toBe(204);
      expect(await status("PROPFIND", "/dav/rw/sub/deep.txt", { Depth: "0" })).toBe(404);
      expect(server.tree.find(["rw", "sub"])).toBeUndefined();
    },
  );

  test.each([
    ["/dav/rw/none", {}, 404],
    ["/dav/rw/old.txt/", {}, 404],
    ["/dav/rw/old.txt/below", {}, 404],
    ["/dav/", {}, 403],
    ["/dav", { Depth: "0" }, 403],
    ["/dav/rw", {}, 403],
    ["/dav/movies/small.mkv", {}, 403],
    ["/dav/rw/sub", { Depth: "0" }, 400],
    ["/dav/rw/sub", { Depth: "1" }, 400],
    ["/dav/rw/sub", { Depth: "x" }, 400],
    ["/dav/rw/old.txt#fragment", {}, 400],
    ["/dav/rw/%2e%2e", {}, 400],
    ["/dav/rw/old.txt", { "If-Match": '"stale"' }, 412],
    ["/dav/rw/old.txt", { "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT" }, 412],
    ["/dav/rw/old.txt", { If: '(["stale"])' }, 412],
  ])("of %s with %j is %d, and nothing is gone", async (path, headers, expected) => {
    expect(await status("DELETE", path, headers)).toBe(expected);
    for (const there of [
      ["rw", "old.txt"],
      ["rw", "sub"],
      ["movies", "small.mkv"],
    ]) {
      expect(server.tree.find(there)).toBeDefined();
    }
  });

  test.each([
    ["/dav/rw/old.txt", { "If-Match": '"e-10"' }],
    ["/dav/rw/old.txt", { "If-Match": "*" }],
    ["/dav/rw/old.txt", { Depth: "0" }],
    ["/dav/rw/old.txt", { If: '(["e-10"])' }],
    ["/dav/rw/sub", { "If-Match": "*" }],
  ])("of %s with %j is 204", async (path, headers) => {
    expect(await status("DELETE", path, headers)).toBe(204);
  });

  test("of a folder needs the tokens of everything in it, and of the folder that it is in", async () => {
    server.tree.addFile("rw/sub/deep.txt", 3);
    const ofFile = await lock(server, "/dav/rw/sub/deep.txt", { Depth: "0" });
    const ofParent = await lock(server, "/dav/rw/", { Depth: "0" });
    expect(await status("DELETE", "/dav/rw/sub")).toBe(423);
    expect(await status("DELETE", "/dav/rw/sub", { If: `</dav/rw/> (<${ofParent}>)` })).toBe(423);
    expect(await status("DELETE", "/dav/rw/sub", { If: `</dav/rw/sub/deep.txt> (<${ofFile}>)` })).toBe(423);
    const both = `</dav/rw/> (<${ofParent}>) </dav/rw/sub/deep.txt> (<${ofFile}>)`;
    expect(await status("DELETE", "/dav/rw/sub", { If: both })).toBe(204);
  });

  test("takes the locks of what is gone with it", async () => {
    const token = await lock(server, "/dav/rw/old.txt", { Depth: "0" });
    expect(await status("DELETE", "/dav/rw/old.txt", { If: `(<${token}>)` })).toBe(204);
    expect(await status("PUT", "/dav/rw/old.txt", {}, "new")).toBe(201);
    expect(await status("UNLOCK", "/dav/rw/old.txt", { "Lock-Token": `<${token}>` })).toBe(409);
  });
});

describe("a login that may only read", () => {
  test.each(["MKCOL", "DELETE", "COPY", "MOVE", "PROPPATCH"])("may not %s", async (method) => {
    await using strict = await startDavServer({ authenticate: async () => ({ user: "reader", mayWrite: false }) });
    const path = method === "MKCOL" ? "/dav/rw/new" : "/dav/rw/old.txt";
    const answer = await fetchRaw(strict.port, method, path, { Destination: "/dav/rw/other" });
    expect(answer.status).toBe(403);
    expect(strict.tree.counts.finds).toBe(0);
  });
});
