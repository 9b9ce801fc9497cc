import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";

let server: DavServer;
beforeAll(async () => {
  server = await startDavServer({ limits: { smallBodyMs: 30, putIdleMs: 30, lingerMs: 30 } });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
afterEach(async () => {
  expect((await fetchRaw(server.port, "GET", "/dav/movies/small.mkv", { Range: "bytes=0-0" })).status).toBe(206);
  expect(server.tree.counts.openReads).toBe(0);
  expect(server.errors).toEqual([]);
});

const SMALL = "/dav/movies/small.mkv";
const raw = async (bytes: string, method = "GET") => {
  await using client = await RawClient.open(server.port);
  client.send(bytes);
  return (await client.response(method)).status;
};
const status = async (method: string, url: string, headers: Headers = {}, body = "") =>
  (await fetchRaw(server.port, method, url, headers, body)).status;
const bomb = (inner: string) => `<!DOCTYPE x [${inner}]><propfind xmlns="DAV:"><prop><x>&e;</x></prop></propfind>`;
const propfind = (body: string, headers: Headers = {}) =>
  status("PROPFIND", "/dav/movies", { Depth: "1", ...headers }, body);

describe("bad input is answered and survived:", () => {
  test.each([
    "/dav/%zz",
    "/dav/%C3%28",
    "/dav/%00",
    "/dav/%C0%AE%C0%AE/x",
    "/dav/..",
    "/dav/%2e%2e",
    "/dav/..%2fx",
    "/dav/..%5cx",
  ])("%s is 400 for every method", async (url) => {
    for (const method of ["GET", "PROPFIND", "PUT", "OPTIONS", "DELETE"]) expect(await status(method, url)).toBe(400);
  });

  test("bad escapes are 400 for who has no password, too", async () => {
    const refusal = { status: 401, headers: {}, message: "no" } as const;
    await using strict = await startDavServer({ authenticate: async () => refusal });
    expect((await fetchRaw(strict.port, "GET", "/dav/%zz")).status).toBe(400);
    expect((await fetchRaw(strict.port, "GET", SMALL)).status).toBe(401);
  });

  test("long paths are 414, longer ones 431, many segments 414", async () => {
    expect(await status("GET", `/dav/${"a".repeat(15_000)}`)).toBe(414);
    expect(await status("GET", `/dav/${"a".repeat(40_000)}`)).toBe(431);
    expect(await status("GET", `/dav/${"a/".repeat(5_000)}`)).toBe(414);
    expect(await status("GET", `/dav${"/a".repeat(100)}`)).toBe(414);
  });

  test("another host's path is 404", async () => {
    expect(await status("GET", "//evil.com/movies/small.mkv")).toBe(404);
    expect(await status("GET", "//evil.com/dav/movies/small.mkv")).toBe(404);
  });

  test.each(["PROPFIND", "GET", "PUT", "OPTIONS", "PROPPATCH"])(
    "10 TB announced to %s and none sent is 413",
    async (method) => {
      expect(await status(method, SMALL, { "Content-Length": "10000000000000", Depth: "1" })).toBe(413);
    },
  );

  test("a body of more than 64 KiB is 413, with or without a length", async () => {
    const large = `<propfind xmlns="DAV:">${"<a/>".repeat(20_000)}</propfind>`;
    expect(await propfind(large)).toBe(413);
    const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    expect(await raw(requestText("PROPFIND", "/dav/", { Depth: "1", "Transfer-Encoding": "chunked" }) + chunked)).toBe(
      413,
    );
    expect(await propfind(`<propfind xmlns="DAV:"><prop ${"a".repeat(10)}="${"b".repeat(300_000)}"/></propfind>`)).toBe(
      413,
    );
  });

  test.each([
    ["billion laughs", bomb('<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;">')],
    ["quadratic entities", bomb(`<!ENTITY e "${"x".repeat(50_000)}">`)],
    ["XXE", bomb('<!ENTITY e SYSTEM "file:///etc/passwd">')],
    ["malformed XML", '<propfind xmlns="DAV:"><prop>'],
    ["8,000 levels", "<a>".repeat(8_000)],
    ["an empty prefix binding", '<D:propfind xmlns:D="DAV:"><D:prop><b:c xmlns:b=""/></D:prop></D:propfind>'],
    ["6,000 attributes", `<propfind xmlns="DAV:"${Array.from({ length: 6_000 }, (_, n) => ` a${n}=""`).join("")}/>`],
    [
      "5,000 properties",
      `<propfind xmlns="DAV:"><prop>${Array.from({ length: 5_000 }, (_, n) => `<p${n}/>`).join("")}</prop></propfind>`,
    ],
  ])("%s is 400", async (_, body) => {
    expect(await propfind(body)).toBe(400);
  });

  test("a body in a Content-Encoding is 415 where it matters, and ignored where it does not", async () => {
    expect(await propfind("not gzip", { "Content-Encoding": "gzip" })).toBe(415);
    expect(await status("OPTIONS", "/dav/", { "Content-Encoding": "gzip" }, "not gzip")).toBe(200);
    expect(await status("GET", SMALL, { Range: "bytes=0-1", "Content-Encoding": "gzip" }, "not gzip")).toBe(206);
  });

  test("900 ranges do not make a file larger", async () => {
    const { status, body } = await fetchRaw(server.port, "GET", SMALL, { Range: `bytes=${"0-,".repeat(900)}0-` });
    expect([status, body.length]).toEqual([200, 1_000_003]);
  });

  test("an If header with a token of nobody does no harm", async () => {
    expect(await status("PROPFIND", SMALL, { Depth: "0", If: "(<opaquelocktoken:x>)" })).toBe(207);
    expect(await status("LOCK", SMALL, { If: "(<opaquelocktoken:x>)" }, "<x/>")).toBe(405);
  });

  test("a body that stops coming is 408, and the connection closed", async () => {
    await using client = await RawClient.open(server.port);
    client.send(requestText("PROPFIND", "/dav/", { Depth: "1", "Content-Length": "100" }, "<propfind"));
    expect((await client.response()).status).toBe(408);
    await client.closed;
  });

  test("headers that stop coming are 408, and the connection closed", async () => {
    await using quick = await startDavServer({ headersTimeout: 50, connectionsCheckingInterval: 20 });
    await using client = await RawClient.open(quick.port);
    client.send("GET /dav/ HTTP/1.1\r\nHost: h\r\nX-Slow: ");
    expect((await client.response()).status).toBe(408);
    await client.closed;
  });

  test.each([
    ["two lengths", "PUT /dav/rw/s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"],
    [
      "length and chunks",
      "PUT /dav/rw/s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    [
      "chunks, then something",
      "PUT /dav/rw/s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
    ["a negative length", "PUT /dav/rw/s HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\nhello"],
    ["a length that is none", "PUT /dav/rw/s HTTP/1.1\r\nHost: h\r\nContent-Length: 5x\r\n\r\nhello"],
    ["a blank before the colon", "PUT /dav/rw/s HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nhello"],
    ["a folded header", "GET /dav/ HTTP/1.1\r\nHost: h\r\n X: y\r\n\r\n"],
    ["no host", "GET /dav/ HTTP/1.1\r\n\r\n"],
    ["no HTTP", "hello\r\n\r\n"],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
    ["a NUL in a header", "GET /dav/ HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n"],
    ["an unknown version", "GET /dav/ HTTP/9.9\r\nHost: h\r\n\r\n"],
  ])("a request with %s is 400", async (_, bytes) => {
    expect(await raw(bytes)).toBe(400);
    expect(server.tree.find(["rw", "s"])).toBeUndefined();
  });

  test("a flood of headers is 431, a flood of small ones just ignored", async () => {
    expect(await status("GET", "/dav/", { X: "y".repeat(30_000) })).toBe(431);
    const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, n) => [`x${n}`, "y"]));
    expect(await status("OPTIONS", "/dav/", many)).toBe(200);
  });

  test("junk after a request that is being answered does not get into the answer", async () => {
    await using client = await RawClient.open(server.port);
    client.send(`${requestText("GET", "/dav/movies/huge.mkv")}junk\r\n\r\n`);
    await expect(client.response()).rejects.toThrow("closed after");
  });

  test.each(["MKCOL", "DELETE", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPPATCH", "POST", "PATCH", "TRACE"])(
    "%s is 405",
    async (method) => {
      const { status, headers } = await fetchRaw(server.port, method, SMALL);
      expect([status, headers["allow"]]).toEqual([405, "OPTIONS, GET, HEAD, PROPFIND, PUT"]);
    },
  );

  test.each(["SEARCH", "REPORT", "PURGE", "M-SEARCH", "BIND", "SUBSCRIBE"])("%s is 501", async (method) => {
    expect(await status(method, SMALL)).toBe(501);
  });
});

/** Mulberry32: the same requests in every run. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % sides;
  };
}

function hostileRequest(dice: (sides: number) => number): string {
  const pick = <T>(from: readonly T[]) => from[dice(from.length)] as T;
  const method = pick(["GET", "HEAD", "PROPFIND", "PUT", "OPTIONS", "LOCK", "MOVE", "PROPPATCH", "POST", "get", "\0"]);
  const url = pick([
    SMALL,
    "/dav/",
    "/dav/movies/huge.mkv",
    "/dav/%zz",
    "*",
    "http://h/dav/",
    "/dav/rw/f",
    "//",
    "/dav/\xff",
    "/dav/%F0%9F",
    "?",
    "/dav/a b",
  ]);
  const headers = Array.from({ length: dice(6) }, () =>
    pick([
      `Range: bytes=${dice(9)}-${dice(2_000_000)}`,
      `Range: bytes=${"9".repeat(dice(400))}-`,
      `Range: ${"-,=".repeat(dice(300))}`,
      `If-None-Match: ${'W/"'.repeat(dice(500))}`,
      `If-Match: ${'"a", '.repeat(dice(500))}`,
      'If: (<a>) (Not <b> ["c"])',
      "If-Range: Sun, 99 Nov 9999 99:99:99 GMT",
      `Depth: ${pick(["0", "1", "infinity", "-1", "\x7f", ""])}`,
      "Destination: http://h/%zz",
      "Content-Length: 10",
      `Content-Length: ${"9".repeat(dice(30))}`,
      "Transfer-Encoding: chunked",
      "Expect: 100-continue",
      "Expect: the unexpected",
      "Connection: upgrade\r\nUpgrade: h2c",
      `Authorization: Basic ${"A".repeat(dice(3000))}`,
      "Accept: text/html",
      `User-Agent: ${"\xe9".repeat(dice(50))}`,
    ]),
  );
  const body = pick([
    "",
    "",
    '<propfind xmlns="DAV:"><allprop/></propfind>',
    "5\r\nhello\r\n0\r\n\r\n",
    "\0".repeat(dice(100)),
    "<".repeat(dice(1000)),
  ]);
  const text = `${method} ${url} HTTP/1.${dice(2)}\r\nHost: h\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
  const flaw = dice(4);
  if (flaw === 0) return text.slice(0, dice(text.length));
  if (flaw === 1) {
    const at = dice(text.length);
    return text.slice(0, at) + String.fromCharCode(dice(256)) + text.slice(at + 1);
  }
  return text;
}

describe("200 requests out of a seeded generator", () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))("leave a server that answers (seed %d)", async (seed) => {
    const dice = createDice(seed);
    for (let request = 0; request < 10; request += 1) {
      await using client = await RawClient.open(server.port);
      client.send(hostileRequest(dice));
      client.socket.end();
      // Closing is the client's: what counts is that the next one is served.
      const { status } = await fetchRaw(server.port, "HEAD", SMALL);
      expect(status).toBe(200);
    }
  });
});
