import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { loadSecrets } from "../../src/config/secrets.ts";
import { type ApiServer, contentAt, davResponse, json, multistatus, serveFile, startApiServer } from "./api-server.ts";
import { run } from "./run.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

function newsreel(...args: readonly string[]) {
  return run([...args, "--url", server.url, "--user", "me:secret"]);
}

const MOVIES = [
  davResponse("/dav/library/movies/"),
  davResponse("/dav/library/movies/Zo%C3%AB%20%231%20100%25/"),
  davResponse("/dav/library/movies/a&amp;b.mkv", 53_687_091_200),
];

describe("ls", () => {
  test("lists a folder's members with size, time and name, but not the folder itself", async () => {
    server.on("PROPFIND /dav/library/movies", (_, res) => multistatus(res, ...MOVIES));
    const { code, stdout, stderr } = await newsreel("ls", "library/movies/");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      [
        "              0  2026-01-02T03:04:05Z  Zoë #1 100%/\n",
        "    53687091200  2026-01-02T03:04:05Z  a&b.mkv\n",
      ].join(""),
    );
    expect(server.seen[0]).toMatchObject({ headers: { depth: "1", authorization: `Basic ${btoa("me:secret")}` } });
  });

  test("writes one JSON value per line when asked to", async () => {
    server.on("PROPFIND /dav/library/movies", (_, res) => multistatus(res, ...MOVIES));
    const { stdout } = await newsreel("ls", "--json", "/dav/library/movies");
    const items = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(items).toEqual([
      expect.objectContaining({ path: "/library/movies/Zoë #1 100%", kind: "collection", size: 0, etag: "" }),
      {
        path: "/library/movies/a&b.mkv",
        kind: "resource",
        size: 53_687_091_200,
        modifiedAt: "2026-01-02T03:04:05Z",
        createdAt: "2026-01-01T00:00:00Z",
        contentType: "video/x-matroska",
        etag: '"e&1"',
      },
    ]);
  });

  test("lists the root when no path is given", async () => {
    server.on("PROPFIND /dav/", (_, res) => multistatus(res, davResponse("/dav/"), davResponse("/dav/library/")));
    expect((await newsreel("ls")).stdout).toContain("library/\n");
  });

  test("encodes what a URL reserves", async () => {
    server.on("PROPFIND /dav/100%25%20%231%3F", (_, res) => multistatus(res, davResponse("/dav/100%25%20%231%3F", 1)));
    expect((await newsreel("ls", "/100% #1?")).stdout).toContain("100% #1?\n");
  });

  test("works below a reverse proxy's prefix, and with hrefs that are whole URLs", async () => {
    server.on("PROPFIND /prefix/dav/x", (_, res) => multistatus(res, davResponse(`${server.url}/prefix/dav/x/y`, 7)));
    const { stdout } = await run(["ls", "x", "--json", "--url", `${server.url}/prefix`, "--user", "me:secret"]);
    expect(JSON.parse(stdout).path).toBe("/x/y");
  });

  test("shows no control character of a name", async () => {
    server.on("PROPFIND /dav/x", (_, res) => multistatus(res, davResponse("/dav/x/%1B%5B2Jevil%E2%80%AE", 1)));
    expect((await newsreel("ls", "x")).stdout).toMatch(/ {2}\?\[2Jevil\?\n$/);
  });

  test("takes an answer that comes byte by byte", async () => {
    server.on("PROPFIND /dav/x", async (_, res) => {
      res.writeHead(207);
      const text = `<multistatus xmlns="DAV:">${davResponse("/dav/x/%C3%A9é", 1).replaceAll("D:", "")}</multistatus>`;
      for (const byte of Buffer.from(text)) res.write(Buffer.of(byte));
      res.end();
    });
    expect((await newsreel("ls", "x", "--json")).stdout).toContain('"/x/éé"');
  });

  test.each<[string, string]>([
    ["<D:multistatus xmlns:D='DAV:'><D:response>", "not well-formed"],
    ["not xml", "not well-formed"],
    [`<m xmlns='DAV:'><response><href>${"x".repeat(70_000)}</href></response></m>`, "endless text"],
    ["<m xmlns='DAV:'><response><href>http://[</href></response></m>", "no URL"],
    ["<m xmlns='DAV:'><response><href>/dav/%zz</href></response></m>", "no URL"],
  ])("refuses the answer %#: %s", async (text, message) => {
    server.on("PROPFIND /dav/x", (_, res) => void res.writeHead(207).end(text));
    const { code, stderr } = await newsreel("ls", "x");
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test("says that a path is not there", async () => {
    server.on("PROPFIND /dav/x", (_, res) => void res.writeHead(404).end());
    const { code, stderr } = await newsreel("ls", "x");
    expect(code).toBe(1);
    expect(stderr).toBe("newsreel: /x: there is no such thing\n  newsreel ls shows what is there\n");
  });
});

describe("stat", () => {
  test("shows what is known of one resource", async () => {
    server.on("PROPFIND /dav/a.mkv", (_, res) => multistatus(res, davResponse("/dav/a.mkv", 7)));
    const { code, stdout } = await newsreel("stat", "a.mkv");
    expect(code).toBe(0);
    expect(stdout).toContain("path         /a.mkv\n");
    expect(stdout).toContain("size         7\n");
    expect(server.seen[0]?.headers["depth"]).toBe("0");
    expect(JSON.parse((await newsreel("stat", "--json", "a.mkv")).stdout)).toMatchObject({ size: 7, kind: "resource" });
  });

  test("fails when the answer names nothing", async () => {
    server.on("PROPFIND /dav/a.mkv", (_, res) => multistatus(res));
    expect((await newsreel("stat", "a.mkv")).code).toBe(1);
  });
});

describe("cat", () => {
  const SIZE = 1_000_003;

  test.each<[readonly string[], number, number]>([
    [[], 0, SIZE],
    [["--range", "0-0"], 0, 1],
    [["-r", "10-1033"], 10, 1034],
    [["--range", "1000000-"], 1_000_000, SIZE],
    [["--range=-10"], SIZE - 10, SIZE],
  ])("%j writes bytes %d to %d and nothing else", async (args, start, end) => {
    server.on("GET /dav/a.mkv", serveFile(SIZE));
    const { code, bytes, stderr } = await newsreel("cat", ...args, "/a.mkv");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(bytes.equals(contentAt(start, end))).toBe(true);
  });

  test.each(["5", "a-b", "1-2,4-5", "", "-", "1 - 2"])("refuses --range %j before asking", async (range) => {
    expect((await newsreel("cat", `--range=${range}`, "/a.mkv")).code).toBe(2);
    expect(server.seen).toEqual([]);
  });

  test("says that a range lies outside", async () => {
    server.on("GET /dav/a.mkv", serveFile(10));
    const { code, stderr, bytes } = await newsreel("cat", "--range", "10-", "/a.mkv");
    expect([code, bytes.length]).toEqual([1, 0]);
    expect(stderr).toContain("the range lies outside of the file");
  });

  test("refuses a whole file where a range was asked for", async () => {
    server.on("GET /dav/a.mkv", (_, res) => void res.writeHead(200).end("everything"));
    const { code, bytes } = await newsreel("cat", "--range", "0-1", "/a.mkv");
    expect([code, bytes.length]).toEqual([1, 0]);
  });

  test("fails when the server breaks off, after the bytes that came", async () => {
    server.on("GET /dav/a.mkv", (_, res) => {
      res.writeHead(200, { "content-length": 100 });
      res.write(contentAt(0, 40), () => res.destroy());
    });
    const { code, bytes, stderr } = await newsreel("cat", "/a.mkv");
    expect([code, bytes.equals(contentAt(0, 40))]).toEqual([1, true]);
    expect(stderr).toContain("the server broke off its answer");
  });
});

describe("the server's address", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "newsreel-cli-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const authorizationOf = () => {
    const [, encoded = ""] = server.seen.at(-1)?.headers.authorization?.split(" ") ?? [];
    return atob(encoded);
  };

  test("is the configured one, with the generated password", async () => {
    const { password } = await loadSecrets(dir, { auth: { user: "admin", password: "" }, apiKey: "" });
    server.on("PROPFIND /base/dav/", (_, res) => multistatus(res, davResponse("/base/dav/")));
    const env = { NEWSREEL_PORT: String(server.port), NEWSREEL_URL_BASE: "/base", NEWSREEL_DATA_DIR: dir };
    expect((await run(["ls"], { env })).code).toBe(0);
    expect(authorizationOf()).toBe(`admin:${password}`);
  });

  test.each<[string, (url: string) => readonly string[], (url: string) => string, string]>([
    ["NEWSREEL_URL with a login", () => [], (url) => url.replace("//", "//u%3A:p%20w@"), "u::p w"],
    ["--url over NEWSREEL_URL", (url) => ["--url", url.replace("//", "//a:b@")], () => "http://127.0.0.1:1", "a:b"],
    ["--user over the URL", (url) => ["--url", url.replace("//", "//a:b@"), "--user", "c:d:e"], () => "", "c:d:e"],
    ["--password over --user", (url) => ["--url", url, "--user", "c:d", "--password", "x"], () => "", "c:x"],
    ["the configured login", (url) => ["--url", url], () => "", "admin:conf"],
    ["a user with the configured password", (url) => ["--url", url, "--user", "c"], () => "", "c:conf"],
  ])("and login: %s", async (_, args, envUrl, expected) => {
    server.on("PROPFIND /dav/", (_req, res) => multistatus(res, davResponse("/dav/")));
    const env = { NEWSREEL_URL: envUrl(server.url), NEWSREEL_AUTH_PASSWORD: "conf" };
    expect(await run(["ls", ...args(server.url)], { env })).toMatchObject({ code: 0, stderr: "" });
    expect(authorizationOf()).toBe(expected);
  });

  test.each(["ftp://x", "localhost:8119", "nonsense"])("--url %s is a usage error", async (url) => {
    expect((await run(["ls", "--url", url])).code).toBe(2);
  });

  test("is unknown when the configured port is 0", async () => {
    const { code, stderr } = await run(["ls"], { env: { NEWSREEL_PORT: "0", NEWSREEL_AUTH_PASSWORD: "x" } });
    expect(code).toBe(2);
    expect(stderr).toContain("--url");
  });

  test("where nobody answers is exit code 3, and shows no login", async () => {
    const { code, stderr } = await run(["ls", "--url", "http://me:hunter2@127.0.0.1:1"]);
    expect(code).toBe(3);
    expect(stderr).toContain("newsreel: cannot reach http://127.0.0.1:1/ (ECONNREFUSED)\n");
    expect(stderr).not.toContain("hunter2");
  });

  test("with a wrong login says so", async () => {
    server.on("PROPFIND /dav/", (_, res) =>
      json(res, { error: { code: "UNAUTHORIZED", message: "no\u001b[2J", hint: null } }, 401),
    );
    const { code, stderr } = await newsreel("ls");
    expect(code).toBe(1);
    expect(stderr).toBe("newsreel: /: no?[2J\n");
  });
});
