import { describe, expect, test } from "@jest/globals";
import { startDavServer } from "./dav-server.ts";
import { SMALL, statusOf, useTarget } from "./hostile-fixture.ts";
import { fetchRaw, RawClient, requestText } from "./raw-client.ts";

const target = useTarget();

const HTTP = "HTTP/1.1\r\nHost: h\r\n";
const CHUNKED = `PUT /dav/rw/s ${HTTP}Transfer-Encoding: chunked\r\n\r\n`;
const ONE = requestText("GET", SMALL, { Range: "bytes=0-0" });

describe("what two parsers could read differently is refused:", () => {
  test.each([
    ["two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
    ["the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"],
    ["a list of lengths", "Content-Length: 5, 5\r\n\r\nhello"],
    ["a negative length", "Content-Length: -5\r\n\r\nhello"],
    ["a length with a sign", "Content-Length: +5\r\n\r\nhello"],
    ["a hexadecimal length", "Content-Length: 0x5\r\n\r\nhello"],
    ["a length with a unit", "Content-Length: 5x\r\n\r\nhello"],
    ["a length of 2^64 + 5", "Content-Length: 18446744073709551621\r\n\r\nhello"],
    ["no length", "Content-Length: \r\n\r\nhello"],
    ["a blank before the colon", "Content-Length : 5\r\n\r\nhello"],
    ["length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"],
    ["chunks, then something", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"],
    [
      "chunks, then something in a header of its own",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    ],
    ["chunks twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a coding that is not known, and a length", "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello"],
    ["a vertical tab before the coding", "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"],
    ["a folded header", "X: y\r\n Content-Length: 5\r\n\r\nhello"],
    ["a bare LF in a header", "X: y\nContent-Length: 5\r\n\r\nhello"],
    ["a bare CR in a header", "X: y\rContent-Length: 5\r\n\r\nhello"],
    ["a NUL in a header", "X: a\0b\r\n\r\n"],
    ["a blank in a name", "X Y: z\r\n\r\n"],
    ["a line without a colon", "XY\r\n\r\n"],
    ["a header without a name", ": z\r\n\r\n"],
  ])("%s", async (_, rest) => {
    expect(await target.raw(`PUT /dav/rw/s ${HTTP}${rest}`)).toBe(400);
    expect(target.server.tree.find(["rw", "s"])).toBeUndefined();
  });

  test.each([
    ["bare LFs throughout", "GET /dav/ HTTP/1.1\nHost: h\n\n"],
    ["junk after the version", "GET /dav/ HTTP/1.1 junk\r\nHost: h\r\n\r\n"],
    ["tabs", `GET\t/dav/\t${HTTP}\r\n`],
    ["an unknown version", "GET /dav/ HTTP/9.9\r\nHost: h\r\n\r\n"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["no HTTP", "hello\r\n\r\n"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["HTTP/1.1 without a Host", "GET /dav/ HTTP/1.1\r\n\r\n"],
    ["an endless method", `${"A".repeat(50_000)} / ${HTTP}\r\n`],
  ])("a request line with %s", async (_, bytes) => {
    expect(await target.raw(bytes)).toBe(400);
  });

  test.each([
    ["a size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
    ["a size of 17 digits", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
    ["a size with a prefix", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a negative size", "-5\r\nhello\r\n0\r\n\r\n"],
    ["a blank after the size", "5 \r\nhello\r\n0\r\n\r\n"],
    ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
    ["more bytes than the size", "5\r\nhelloworld\r\n0\r\n\r\n"],
    ["40 KB of extensions", `5;${"a".repeat(40_000)}\r\nhello\r\n0\r\n\r\n`],
    ["a length in the trailer", "5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n"],
    ["a flood of trailers", `5\r\nhello\r\n0\r\n${"X-Trailer: y\r\n".repeat(10_000)}\r\n`],
  ])("chunks with %s close the connection, and nothing is kept", async (_, body) => {
    expect(await target.raw(CHUNKED + body)).toBe("closed");
    expect(target.server.tree.find(["rw", "s"])).toBeUndefined();
  });

  test("a body in another transfer coding, which would be taken for the file", async () => {
    const bytes = CHUNKED.replace("chunked", "gzip, chunked");
    expect(await target.raw(`${bytes}5\r\nhello\r\n0\r\n\r\n`)).toBe(415);
    expect(target.server.tree.find(["rw", "s"])).toBeUndefined();
  });
});

describe("what is only odd is served:", () => {
  test("small extensions and trailers", async () => {
    const body = `${'1;a=b;c="d"\r\nx\r\n'.repeat(1_000)}0\r\nX: y\r\nRange: bytes=0-0\r\n\r\n`;
    expect(await target.raw(CHUNKED + body)).toBe(201);
    expect(target.server.tree.find(["rw", "s"])?.size).toBe(1_000);
    expect(await target.status("DELETE", "/dav/rw/s")).toBe(204);
  });

  test("an upgrade to something else, which is passed over", async () => {
    for (const protocol of ["websocket", "h2c", "TLS/1.0", "rubbish"]) {
      const headers = { Range: "bytes=0-0", Connection: "Upgrade", Upgrade: protocol };
      expect(await target.status("GET", SMALL, headers)).toBe(206);
    }
  });

  test("empty lines before a request", async () => {
    expect(await target.raw(`\r\n\r\n${ONE}`)).toBe(206);
  });
});

describe("methods that are not ours:", () => {
  test("CONNECT is no tunnel", async () => {
    expect(await target.raw(`CONNECT evil.example:443 ${HTTP}\r\n`)).toBe("closed");
  });

  test("TRACE gives nothing back", async () => {
    const { status, body } = await fetchRaw(target.server.port, "TRACE", SMALL, { Authorization: "Basic c2VjcmV0" });
    expect(status).toBe(405);
    expect(body.toString()).not.toContain("c2VjcmV0");
  });

  test.each(["POST", "PATCH"])("%s is 405 and tells what works", async (method) => {
    const { status, headers } = await fetchRaw(target.server.port, method, SMALL);
    expect([status, headers["allow"]?.includes("PROPFIND")]).toEqual([405, true]);
  });

  test.each(["SEARCH", "REPORT", "PURGE", "M-SEARCH", "BIND", "SUBSCRIBE"])("%s is 501", async (method) => {
    expect(await target.status(method, SMALL)).toBe(501);
  });
});

describe("expectations", () => {
  test("that nobody knows are 417, and the next request is not mixed up with the body", async () => {
    await using client = await RawClient.open(target.server.port);
    client.send(requestText("PUT", "/dav/rw/s", { Expect: "nonsense" }, `${ONE}${ONE}`) + ONE);
    expect((await client.response()).status).toBe(417);
    expect((await client.response()).status).toBe(206);
    expect(target.server.tree.find(["rw", "s"])).toBeUndefined();
  });
});

describe("headers", () => {
  test("that are too large together are 431", async () => {
    expect(await target.status("GET", "/dav/", { X: "y".repeat(30_000) })).toBe(431);
    expect(await target.raw(`GET /dav/ ${HTTP}${"X-Header: y\r\n".repeat(10_000)}\r\n`)).toBe(431);
    expect(await target.raw(`GET /dav/ ${HTTP}${"a".repeat(100_000)}`)).toBe(431);
  });

  test("are all seen, however many there are", async () => {
    expect(await target.raw(`GET ${SMALL} ${HTTP}${"a:\r\n".repeat(5_000)}Range: bytes=0-0\r\n\r\n`)).toBe(206);
  });

  test.each([
    "If",
    "If-Match",
    "If-None-Match",
    "Range",
    "Depth",
    "Destination",
    "Timeout",
    "Overwrite",
    "Accept",
    "Lock-Token",
  ])("%s in a thousand lines is one bad or useless header", async (name) => {
    for (const method of ["GET", "PROPFIND", "LOCK", "MOVE", "UNLOCK"]) {
      const bytes = `${method} /dav/rw/none ${HTTP}${`${name}: (<a:b>)\r\n`.repeat(1_000)}\r\n`;
      const status = await target.raw(bytes);
      expect({ method, isRefused: status !== "closed" && status >= 200 && status < 500 }).toEqual({
        method,
        isRefused: true,
      });
      await target.status("DELETE", "/dav/rw/none");
    }
  });

  test("that never end are 408, though something comes all the time", async () => {
    await using quick = await startDavServer({ headersTimeout: 50, connectionsCheckingInterval: 20 });
    await using client = await RawClient.open(quick.port);
    client.send(`GET /dav/ ${HTTP}`);
    const dripping = setInterval(() => client.send("X: y\r\n"), 5);
    try {
      expect(await statusOf(client)).toBe(408);
      await client.closed;
    } finally {
      clearInterval(dripping);
    }
  });
});

describe("junk after a good request", () => {
  test("does not get into its answer", async () => {
    await using client = await RawClient.open(target.server.port);
    client.send(`${requestText("GET", "/dav/movies/huge.mkv")}junk\r\n\r\n`);
    await expect(client.response()).rejects.toThrow("closed after");
  });

  test("is refused on its own when it comes later", async () => {
    await using client = await RawClient.open(target.server.port);
    client.send(ONE);
    expect((await client.response()).status).toBe(206);
    client.send("junk\r\n\r\n");
    expect((await client.response()).status).toBe(400);
    await client.closed;
  });

  test("after ten good ones costs at most those that were not answered yet", async () => {
    await using client = await RawClient.open(target.server.port);
    client.send(`${ONE.repeat(10)}\0\0\0\r\n\r\n`);
    const statuses = new Set<number | "closed">();
    for (let answer = await statusOf(client); answer !== "closed"; answer = await statusOf(client))
      statuses.add(answer);
    for (const status of statuses) expect([206, 400]).toContain(status);
  });
});
