import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { RequestError } from "../../src/base/errors.ts";
import { until } from "../until.ts";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { settled } from "./gate.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer({ limits: { putBytes: 1_000_000 } });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const put = (path: string, headers: Headers = {}, body = "hello") => fetchRaw(server.port, "PUT", path, headers, body);
const content = async (path: string) => (await fetchRaw(server.port, "GET", path)).body.toString();

describe("PUT", () => {
  test("takes a chunked body, in as many pieces as it comes", async () => {
    await using client = await RawClient.open(server.port);
    client.send(
      requestText("PUT", "/dav/rw/chunked.txt", { "Transfer-Encoding": "chunked", "X-Expected-Entity-Length": "11" }),
    );
    for (const piece of ["5\r\nhello\r\n", "6\r\n world\r\n", "0\r\n\r\n"]) client.send(piece);
    expect((await client.response()).status).toBe(201);
    expect(await content("/dav/rw/chunked.txt")).toBe("hello world");
  });

  test("takes an empty file, and then its content, as Windows does", async () => {
    expect((await put("/dav/rw/w.txt", { "Content-Length": "0" }, "")).status).toBe(201);
    expect((await put("/dav/rw/w.txt")).status).toBe(204);
    expect(await content("/dav/rw/w.txt")).toBe("hello");
  });

  test.each([
    ["/dav/rw/old.txt", { "If-None-Match": "*" }, 412],
    ["/dav/rw/old.txt", { "If-Match": '"stale"' }, 412],
    ["/dav/rw/old.txt", { "If-Match": '"e-10"' }, 204],
    ["/dav/rw/new.txt", { "If-Match": "*" }, 412],
    ["/dav/rw/new.txt", { "If-None-Match": "*" }, 201],
    ["/dav/rw/new.txt", { "Content-Encoding": "gzip" }, 415],
    ["/dav/rw/new.txt", { "Content-Encoding": "identity" }, 201],
    ["/dav/rw/new.txt", { "Content-Range": "bytes */9" }, 400],
    ["/dav/rw/new.txt/", {}, 409],
    ["/dav/rw/old.txt/new.txt", {}, 409],
    ["/dav/rw/._new.txt", {}, 201],
    ["/dav/rw/old.txt", { If: '(["stale"])' }, 412],
    ["/dav/rw/old.txt", { If: '(["e-10"])' }, 204],
    ["/dav/movies/new.txt", {}, 403],
    ["/dav", {}, 405],
    ["/dav/rw/", {}, 405],
  ])("to %s with %j is %d", async (path, headers, status) => {
    expect((await put(path, headers)).status).toBe(status);
  });

  test.each([
    ["/dav/rw/new.txt", 201],
    ["/dav/rw/old.txt", 204],
  ])("to %s tells the entity tag and the time of what is there now", async (path, status) => {
    const answer = await put(path);
    const { headers } = await fetchRaw(server.port, "HEAD", path);
    expect([answer.status, answer.headers["etag"], answer.headers["last-modified"]]).toEqual([
      status,
      headers["etag"],
      headers["last-modified"],
    ]);
    expect(answer.headers["etag"]).toMatch(/^"[^"]+"$/);
    expect((await put(path, { "If-Match": answer.headers["etag"] as string })).status).toBe(204);
  });

  test("of something that is gone again when it is there tells neither", async () => {
    server.tree.put = async () => "created";
    const { status, headers } = await put("/dav/rw/new.nzb");
    expect([status, headers["etag"], headers["last-modified"]]).toEqual([201, undefined, undefined]);
  });

  test("says why, and what to do, when a folder takes nothing", async () => {
    expect((await put("/dav/movies/new.txt")).body.toString()).toBe("this folder is read-only\nuse /rw\n");
  });
});

describe("the body of a PUT", () => {
  const EXPECT = { Expect: "100-continue", "Content-Length": "5" };

  test("is asked for with 100 Continue when it is wanted", async () => {
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", EXPECT));
    expect((await client.response()).status).toBe(100);
    client.send("hello");
    expect((await client.response()).status).toBe(201);
    client.send(requestText("GET", "/dav/rw/new.txt"));
    expect((await client.response()).body.toString()).toBe("hello");
  });

  test.each([
    ["/dav/movies/new.txt", EXPECT, 403],
    ["/dav/rw/none/new.txt", EXPECT, 409],
    ["/dav/rw/new.txt", { ...EXPECT, "Content-Length": "1000001" }, 413],
    ["/dav/rw/new.txt", { ...EXPECT, "Content-Range": "bytes 0-4/5" }, 400],
    ["/dav/rw/old.txt", { ...EXPECT, "If-None-Match": "*" }, 412],
  ])("for %s with %j is refused before it is sent", async (path, headers, status) => {
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", path, headers));
    const answer = await client.response();
    expect([answer.status, answer.headers["connection"]]).toEqual([status, "close"]);
  });

  test("for a locked file is refused before it is sent", async () => {
    const info = '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>';
    const { headers } = await fetchRaw(server.port, "LOCK", "/dav/rw/old.txt", {}, info);
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/rw/old.txt", EXPECT));
    expect((await client.response()).status).toBe(423);
    await using holder = await RawClient.open(server.port);
    holder.send(requestText("PUT", "/dav/rw/old.txt", { ...EXPECT, If: `(${headers["lock-token"]})` }));
    expect((await holder.response()).status).toBe(100);
  });

  test("is refused by who may not send it, before it is sent", async () => {
    const refusal = { status: 401, headers: { "WWW-Authenticate": "Basic" }, message: "who are you" } as const;
    await using strict = await startDavServer({ authenticate: async () => refusal });
    await using client = await RawClient.open(strict.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", EXPECT));
    const answer = await client.response();
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, "Basic"]);
    expect(strict.tree.counts.finds).toBe(0);
  });

  test("that is refused while it is being sent is read to its end, so that no reset hides the reason", async () => {
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/movies/new.txt", { "Content-Length": "900000" }));
    client.send(Buffer.alloc(100_000));
    expect((await client.response()).status).toBe(403);
    client.send(Buffer.alloc(800_000));
    await client.closed;
    expect(client.error).toBeUndefined();
  });

  test("that the tree gives up on while it waits for more is answered at once", async () => {
    server.tree.put = async (_, { body }) => {
      const iterator = body[Symbol.asyncIterator]();
      await iterator.next();
      iterator.next().catch(() => {});
      throw new RequestError("UNSUPPORTED_MEDIA", "not an NZB");
    };
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", { "Content-Length": "900000" }, "start"));
    expect((await client.response()).status).toBe(415);
  });

  test("that grows beyond the limit without having said so is 413", async () => {
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", { "Transfer-Encoding": "chunked" }));
    for (let n = 0; n < 11; n += 1)
      client.send(Buffer.concat([Buffer.from("186a0\r\n"), Buffer.alloc(100_000), Buffer.from("\r\n")]));
    expect((await client.response()).status).toBe(413);
    expect(server.tree.find(["rw", "new.txt"])).toBeUndefined();
  });

  test("that Finder announces as too large is 413 at once", async () => {
    const headers = { "Transfer-Encoding": "chunked", "X-Expected-Entity-Length": "1000001" };
    expect((await fetchRaw(server.port, "PUT", "/dav/rw/new.txt", headers)).status).toBe(413);
  });

  test("that stops coming is 408", async () => {
    await using impatient = await startDavServer({ limits: { putIdleMs: 20 } });
    await using client = await RawClient.open(impatient.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", { "Content-Length": "100" }));
    client.send("some");
    const answer = await client.response();
    expect([answer.status, answer.headers["connection"]]).toEqual([408, "close"]);
    expect(impatient.tree.find(["rw", "new.txt"])).toBeUndefined();
    await client.closed;
  });

  test("whose client leaves is not taken for a shorter file", async () => {
    let outcome: unknown;
    const { put: original } = server.tree;
    server.tree.put = (path, request) =>
      original(path, request).catch((error: unknown) => {
        outcome = error;
        throw error;
      });
    const client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", { "Content-Length": "100" }));
    client.send("some");
    await settled(() => server.tree.counts.finds);
    client.socket.destroy();
    await until(() => outcome !== undefined);
    expect((outcome as Error).name).toBe("AbortError");
    expect(server.tree.find(["rw", "new.txt"])).toBeUndefined();
    expect(server.errors).toEqual([]);
  });

  test("that the tree does not read does not stay in the way of the next request", async () => {
    server.tree.put = async () => "created";
    await using client = await RawClient.open(server.port);
    client.send(requestText("PUT", "/dav/rw/new.txt", {}, "unread"));
    expect((await client.response()).status).toBe(201);
    client.send(requestText("HEAD", "/dav/movies/small.mkv"));
    expect((await client.response("HEAD")).status).toBe(200);
  });
});
