import { describe, expect, test } from "@jest/globals";
import { startDavServer } from "./dav-server.ts";
import { SMALL, useTarget } from "./hostile-fixture.ts";
import { fetchRaw } from "./raw-client.ts";

const target = useTarget();

/** Ways to write `..` or a separator, or what some decoder may take for one, and what is answered to a GET. */
const ESCAPES: readonly (readonly [string, string, number])[] = [
  ["plain", "/dav/rw/../movies", 400],
  ["at the end", "/dav/rw/..", 400],
  ["one dot", "/dav/./movies", 400],
  ["one escaped dot", "/dav/%2e/movies", 400],
  ["escaped", "/dav/rw/%2e%2e/movies", 400],
  ["in mixed case", "/dav/rw/%2E%2e/movies", 400],
  ["half escaped", "/dav/rw/.%2e/movies", 400],
  ["with an escaped slash", "/dav/rw/..%2fmovies", 400],
  ["wholly escaped", "/dav/rw/%2e%2e%2f%2e%2e", 400],
  ["with an escaped backslash", "/dav/rw/..%5cmovies", 400],
  ["with a backslash", "/dav/rw/..\\movies", 400],
  ["with a NUL", "/dav/rw/..%00/movies", 400],
  ["overlong in two octets", "/dav/rw/%c0%ae%c0%ae/movies", 400],
  ["overlong in three", "/dav/rw/%e0%80%ae%e0%80%ae/movies", 400],
  ["overlong in four", "/dav/rw/%f0%80%80%ae%f0%80%80%ae/movies", 400],
  ["overlong in raw octets", "/dav/rw/\xc0\xae\xc0\xae/movies", 400],
  ["with an overlong slash", "/dav/rw/..%c0%afmovies", 400],
  ["as another decoder's escape", "/dav/rw/%u002e%u002e/movies", 400],
  ["a lone surrogate", "/dav/rw/%ed%a0%80", 400],
  ["in absolute form", "http://h/dav/rw/../movies", 400],
  // Names like any others, of files that are not there.
  ["escaped twice", "/dav/rw/%252e%252e", 404],
  ["escaped twice, with the slash", "/dav/rw/..%252fmovies", 404],
  ["full-width", "/dav/rw/%ef%bc%8e%ef%bc%8e", 404],
  ["as one-dot leaders", "/dav/rw/%e2%80%a4%e2%80%a4", 404],
  ["with a parameter", "/dav/rw/..;x", 404],
  ["three dots", "/dav/rw/...", 404],
  ["before the tree", "//h/dav/movies", 404],
  ["before the tree, empty", "///h/movies", 404],
];

describe("a way out of the tree,", () => {
  const members = () => target.server.tree.list(["rw"], undefined, 100).map(({ name }) => name);

  test.each(ESCAPES)("%s, leads nowhere", async (_, url, expected) => {
    for (const method of ["GET", "HEAD", "PROPFIND", "DELETE", "MOVE", "COPY", "LOCK", "MKCOL"]) {
      if (expected === 404 && (method === "LOCK" || method === "MKCOL")) continue;
      const status = await target.status(method, url, { Depth: "0", Destination: "/dav/rw/elsewhere" });
      expect({ method, status }).toEqual({ method, status: expected });
    }
    expect(members()).toEqual(["old.txt", "sub"]);
  });

  test.each(ESCAPES.filter(([, , status]) => status === 400))("%s, is no place to move or put to", async (_, url) => {
    const headers = { Destination: url };
    expect(await target.status("MOVE", "/dav/rw/old.txt", headers)).toBe(400);
    expect(await target.status("COPY", "/dav/rw/old.txt", headers)).toBe(400);
    expect(await target.status("PUT", url, {}, "hello")).toBe(400);
    expect(members()).toEqual(["old.txt", "sub"]);
  });

  test.each(ESCAPES.filter(([, url, status]) => status === 404 && url.startsWith("/dav/rw/")))(
    "%s, is a name like any other for who writes",
    async (_, url) => {
      expect(await target.status("PUT", url, {}, "hello")).toBe(201);
      expect(members().length).toBe(3);
      expect(await target.status("DELETE", url)).toBe(204);
    },
  );
});

describe("a path that is too much", () => {
  test("is 414, and 431 when not even its line fits", async () => {
    for (const method of ["GET", "PROPFIND", "PUT", "MOVE", "OPTIONS"]) {
      expect(await target.status(method, `/dav/${"a".repeat(15_000)}`)).toBe(414);
      expect(await target.status(method, `/dav/${"a".repeat(40_000)}`)).toBe(431);
      expect(await target.status(method, `/dav/${"a/".repeat(5_000)}`)).toBe(414);
      expect(await target.status(method, `/dav${"/a".repeat(100)}`)).toBe(414);
      expect(await target.status(method, `/dav/${"%61".repeat(256)}`)).toBe(414);
    }
  });

  test("is no Destination either", async () => {
    for (const path of ["a".repeat(15_000), "a/".repeat(5_000), "a".repeat(256)]) {
      expect(await target.status("MOVE", "/dav/rw/old.txt", { Destination: `/dav/rw/${path}` })).toBe(414);
    }
  });
});

describe("another host", () => {
  test("in the request line does not matter, as in the Host header", async () => {
    for (const url of [`http://evil.example${SMALL}`, `https://a:b@evil.example${SMALL}`]) {
      expect(await target.status("HEAD", url)).toBe(200);
    }
    expect(await target.status("HEAD", `ftp://evil.example${SMALL}`)).toBe(400);
  });

  test.each(["", "evil.example", "[::1", "[fe80::1%25eth0]:8119", "<>&%zz [", "a".repeat(5_000), "h:99999999", "\xff"])(
    "in a Host header of %j is never a reason to refuse",
    async (host) => {
      for (const url of [SMALL, `${SMALL}?format=strm`, "/dav/movies/?format=m3u"]) {
        expect(await target.status("GET", url, { Host: host, Range: "bytes=0-0" })).toBeLessThan(300);
      }
    },
  );

  test("may be missing in HTTP/1.0", async () => {
    expect(await target.raw(`GET ${SMALL} HTTP/1.0\r\nRange: bytes=0-0\r\n\r\n`)).toBe(206);
  });

  test("is no place to move to", async () => {
    for (const destination of ["http://evil.example/dav/rw/x", "http://h@evil.example/dav/rw/x", "//evil.example/x"]) {
      expect(await target.status("MOVE", "/dav/rw/old.txt", { Destination: destination })).toBeGreaterThanOrEqual(400);
    }
    expect(target.server.tree.find(["rw", "x"])).toBeUndefined();
  });
});

test("bad escapes are 400 for who has no password, too", async () => {
  const refusal = { status: 401, headers: {}, message: "no" } as const;
  await using strict = await startDavServer({ authenticate: async () => refusal });
  expect((await fetchRaw(strict.port, "GET", "/dav/%zz")).status).toBe(400);
  expect((await fetchRaw(strict.port, "GET", SMALL)).status).toBe(401);
});
