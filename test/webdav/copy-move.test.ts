import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { createGate, settled } from "./gate.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";
import { lock } from "./take-lock.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
  server.tree.addFile("rw/other.txt", 20);
  server.tree.addFile("rw/sub/deep.txt", 30);
});
afterEach(async () => {
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const transfer = async (method: string, from: string, to: string, headers: Headers = {}) =>
  (await fetchRaw(server.port, method, from, { Destination: to, ...headers })).status;
const sizeAt = (path: string) => server.tree.find(path.split("/"))?.size;
const kindAt = (path: string) => server.tree.find(path.split("/"))?.kind;
/** All that can be written to, as it was before. */
const expectUnchanged = () => {
  expect(["rw/old.txt", "rw/other.txt", "rw/sub/deep.txt"].map(sizeAt)).toEqual([10, 20, 30]);
  expect(server.tree.list(["rw"], undefined, 100).map(({ name }) => name)).toEqual(["old.txt", "other.txt", "sub"]);
};
const BOTH = ["COPY", "MOVE"] as const;

describe.each(BOTH)("%s", (method) => {
  const isMove = method === "MOVE";

  test("to a new name is 201, over an existing one 204, over it with Overwrite F 412", async () => {
    const again = isMove ? "/dav/rw/new.txt" : "/dav/rw/old.txt";
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/new.txt", { Overwrite: "F" })).toBe(201);
    expect([sizeAt("rw/new.txt"), sizeAt("rw/old.txt")]).toEqual([10, isMove ? undefined : 10]);
    expect(await transfer(method, again, "/dav/rw/other.txt", { Overwrite: "F" })).toBe(412);
    expect(sizeAt("rw/other.txt")).toBe(20);
    expect(await transfer(method, again, "/dav/rw/other.txt", { Overwrite: "T" })).toBe(204);
    expect(sizeAt("rw/other.txt")).toBe(10);
  });

  test.each([{}, { Overwrite: "T" }, { Overwrite: "t" }])("with %j overwrites", async (headers) => {
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/other.txt", headers)).toBe(204);
  });

  test("of a folder takes everything in it, with or without slashes", async () => {
    expect(await transfer(method, "/dav/rw/sub", "/dav/rw/new/")).toBe(201);
    expect(sizeAt("rw/new/deep.txt")).toBe(30);
    expect(sizeAt("rw/sub/deep.txt")).toBe(isMove ? undefined : 30);
    expect(await transfer(method, "/dav/rw/new/", "/dav/rw/newer")).toBe(201);
    expect(sizeAt("rw/newer/deep.txt")).toBe(30);
  });

  test("replaces a folder by a file and a file by a folder, and merges nothing", async () => {
    server.tree.addFolder("rw/new");
    server.tree.addFile("rw/new/mine.txt", 1);
    expect(await transfer(method, "/dav/rw/sub", "/dav/rw/new")).toBe(204);
    expect([sizeAt("rw/new/mine.txt"), sizeAt("rw/new/deep.txt")]).toEqual([undefined, 30]);
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/new/")).toBe(204);
    expect(kindAt("rw/new")).toBe("resource");
    server.tree.addFolder("rw/another");
    expect(await transfer(method, "/dav/rw/another", "/dav/rw/new")).toBe(204);
    expect(kindAt("rw/new")).toBe("collection");
  });

  test.each([
    ["/dav/rw/new.txt"],
    ["http://h/dav/rw/new.txt"],
    ["HTTP://H/dav/rw/new.txt"],
    ["https://h/dav/rw/new.txt"],
    ["https://h:443/dav/rw/new.txt"],
    ["http://h:80/dav/rw/new.txt"],
    ["http://tester:pass@h/dav/rw/new.txt"],
    ["http://h/dav/rw/new%2Etxt"],
    ["http://h/dav/rw/%6eew.txt?query"],
  ])("understands %s", async (destination) => {
    expect(await transfer(method, "/dav/rw/old.txt", destination)).toBe(201);
    expect(sizeAt("rw/new.txt")).toBe(10);
  });

  test.each([
    ["without a name of ours", "http://evil.example/dav/rw/new.txt", 502],
    ["on another port", "http://h:8119/dav/rw/new.txt", 502],
    ["of somebody whose name is our host's", "http://h@evil.example/dav/rw/new.txt", 502],
    ["on a host that starts like ours", "http://h.evil.example/dav/rw/new.txt", 502],
    ["with a bad escape", "http://h/dav/rw/%zz", 400],
    ["with half an escape", "/dav/rw/%e4%b", 400],
    ["that is not UTF-8", "/dav/rw/%C3%28", 400],
    ["above the root", "/dav/rw/../x", 400],
    ["above the root, escaped", "/dav/rw/%2e%2e/x", 400],
    ["with a slash in a name", "/dav/rw/a%2fb", 400],
    ["with a NUL", "/dav/rw/a%00b", 400],
    ["with a fragment", "/dav/rw/a#b", 400],
    ["that is relative", "new.txt", 400],
    ["of another scheme", "ftp://h/dav/rw/new.txt", 400],
    ["that is empty", "", 400],
    ["that is too long", `/dav/rw/${"a".repeat(256)}`, 414],
    ["outside of the tree", "/elsewhere/new.txt", 403],
    ["that a browser would take for another host", "//evil.example/dav/rw/new.txt", 403],
    ["that is the root", "/dav/", 403],
    ["that is the source", "/dav/rw/old.txt", 403],
    ["that is the source in other letters", "http://h/dav/rw/%6Fld.txt", 403],
    ["in the source, which is a file", "/dav/rw/old.txt/new.txt", 403],
    ["around the source", "/dav/rw", 403],
    ["in no folder", "/dav/rw/none/new.txt", 409],
    ["in a file", "/dav/rw/other.txt/new.txt", 409],
    ["for a file with a folder's slash", "/dav/rw/new.txt/", 409],
    ["for a file with a folder's slash where a file is", "/dav/rw/other.txt/", 409],
    ["that is read-only", "/dav/movies/new.txt", 403],
  ])("to a Destination %s is refused: %s is %d", async (_, destination, expected) => {
    expect(await transfer(method, "/dav/rw/old.txt", destination)).toBe(expected);
    expectUnchanged();
  });

  test.each([
    ["the root", "/dav/", "/dav/rw/new", {}, 403],
    ["nothing", "/dav/rw/none", "/dav/rw/new", {}, 404],
    ["a file with a slash", "/dav/rw/old.txt/", "/dav/rw/new", {}, 404],
    ["a folder into itself", "/dav/rw/sub", "/dav/rw/sub/new", {}, 403],
    ["a folder onto itself", "/dav/rw/sub", "/dav/rw/sub/", {}, 403],
    ["a file onto the folder it is in", "/dav/rw/sub/deep.txt", "/dav/rw/sub", {}, 403],
    ["with another Overwrite", "/dav/rw/old.txt", "/dav/rw/new", { Overwrite: "maybe" }, 400],
    ["a folder to depth 1", "/dav/rw/sub", "/dav/rw/new", { Depth: "1" }, 400],
    ["a folder to an unknown depth", "/dav/rw/sub", "/dav/rw/new", { Depth: "x" }, 400],
    ["a stale tag", "/dav/rw/old.txt", "/dav/rw/new", { "If-Match": '"stale"' }, 412],
    ["what may not be there", "/dav/rw/old.txt", "/dav/rw/new", { "If-None-Match": "*" }, 412],
    ["with a token of nobody", "/dav/rw/old.txt", "/dav/rw/new", { If: "(<urn:uuid:none>)" }, 412],
  ])("of %s is refused: %s to %s with %j is %d", async (_, from, to, headers, expected) => {
    expect(await transfer(method, from, to, headers)).toBe(expected);
    expectUnchanged();
  });

  test("without a Destination is 400, and with two", async () => {
    expect((await fetchRaw(server.port, method, "/dav/rw/old.txt")).status).toBe(400);
    await using client = await RawClient.open(server.port);
    const [line, ...rest] = requestText(method, "/dav/rw/old.txt").split("\r\n");
    client.send([line, "Destination: /dav/rw/a", "Destination: /dav/rw/b", ...rest].join("\r\n"));
    expect((await client.response()).status).toBe(400);
    expectUnchanged();
  });

  test.each([{ Depth: "0" }, { Depth: "1" }, { Depth: "infinity" }])("of a file does not mind %j", async (headers) => {
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/new.txt", headers)).toBe(201);
  });

  test("finds a name in whatever form it is written", async () => {
    const name = "Zoë 🎬 #1 100% & \u1e69.txt";
    const written = encodeURIComponent(name.normalize("NFD"));
    expect(await transfer(method, "/dav/rw/old.txt", `/dav/rw/${written}`)).toBe(201);
    expect(sizeAt(`rw/${name.normalize("NFC")}`)).toBe(10);
    const unescaped = Buffer.from("/dav/rw/Zoë.txt").toString("latin1");
    expect(await transfer(method, "/dav/rw/other.txt", unescaped)).toBe(201);
    expect(sizeAt("rw/Zoë.txt")).toBe(20);
  });

  test("behind a proxy goes where the proxy's clients mean, with its prefix and without", async () => {
    await using behind = await startDavServer({ urlBase: "/news", originOf: () => "https://nas.example" });
    const go = async (from: string, to: string) =>
      (await fetchRaw(behind.port, method, from, { Destination: to, Host: "10.0.0.2:8119" })).status;
    expect(await go("/dav/rw/old.txt", "https://nas.example/news/dav/rw/a.txt")).toBe(201);
    expect(await go("/news/dav/rw/a.txt", "http://nas.example/dav/rw/b.txt")).toBe(201);
    expect(await go("/dav/rw/b.txt", "http://10.0.0.2:8119/dav/rw/c.txt")).toBe(201);
    expect(behind.tree.find(["rw", "c.txt"])?.size).toBe(10);
    expect(await go("/dav/rw/c.txt", "https://nas.example:8443/news/dav/rw/d.txt")).toBe(502);
    expect(await go("/dav/rw/c.txt", "https://nas.example/other/dav/rw/d.txt")).toBe(403);
  });

  test("waits for a tree that has to look at the bytes first", async () => {
    const gate = createGate();
    const original = isMove ? server.tree.move : server.tree.copy;
    const slow = async (from: readonly string[], to: readonly string[]) => {
      await gate.pass();
      original(from, to, "infinity");
    };
    if (isMove) server.tree.move = slow;
    else server.tree.copy = slow;
    await using client = await RawClient.open(server.port);
    client.send(requestText(method, "/dav/rw/old.txt", { Destination: "/dav/rw/new.txt" }));
    await gate.reached;
    expect(await settled(() => client.bytesReceived)).toBe(0);
    gate.open();
    expect((await client.response()).status).toBe(201);
    expect(sizeAt("rw/new.txt")).toBe(10);
  });

  test("onto a locked name needs its token, and the name stays locked", async () => {
    const token = await lock(server, "/dav/rw/other.txt");
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/other.txt")).toBe(423);
    expect(sizeAt("rw/other.txt")).toBe(20);
    const If = `</dav/rw/other.txt> (<${token}>)`;
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/other.txt", { If })).toBe(204);
    expect((await fetchRaw(server.port, "PUT", "/dav/rw/other.txt", {}, "x")).status).toBe(423);
    expect((await fetchRaw(server.port, "UNLOCK", "/dav/rw/other.txt", { "Lock-Token": `<${token}>` })).status).toBe(
      204,
    );
  });

  test("over a folder needs the tokens in it, and those are gone with it", async () => {
    const token = await lock(server, "/dav/rw/sub/deep.txt");
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/sub")).toBe(423);
    const If = `</dav/rw/sub/deep.txt> (<${token}>)`;
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/sub", { If })).toBe(204);
    expect((await fetchRaw(server.port, "UNLOCK", "/dav/rw/sub/deep.txt", { "Lock-Token": `<${token}>` })).status).toBe(
      409,
    );
  });

  test("into a locked folder needs the folder's token", async () => {
    const token = await lock(server, "/dav/rw/sub/", { Depth: "0" });
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/sub/new.txt")).toBe(423);
    const If = `</dav/rw/sub/> (<${token}>)`;
    expect(await transfer(method, "/dav/rw/old.txt", "/dav/rw/sub/new.txt", { If })).toBe(201);
  });
});

describe("COPY", () => {
  test("of a folder with Depth 0 has none of its members", async () => {
    expect(await transfer("COPY", "/dav/rw/sub", "/dav/rw/new", { Depth: "0" })).toBe(201);
    expect([kindAt("rw/new"), sizeAt("rw/new/deep.txt")]).toEqual(["collection", undefined]);
  });

  test("out of a folder that is read-only is allowed", async () => {
    expect(await transfer("COPY", "/dav/movies/small.mkv", "/dav/rw/small.mkv")).toBe(201);
    expect(sizeAt("rw/small.mkv")).toBe(1_000_003);
  });

  test("of what is locked needs no token, and the copy is not locked", async () => {
    await lock(server, "/dav/rw/old.txt");
    expect(await transfer("COPY", "/dav/rw/old.txt", "/dav/rw/new.txt")).toBe(201);
    expect((await fetchRaw(server.port, "PUT", "/dav/rw/new.txt", {}, "x")).status).toBe(204);
  });
});

describe("MOVE", () => {
  test("of a folder with Depth 0 is 400", async () => {
    expect(await transfer("MOVE", "/dav/rw/sub", "/dav/rw/new", { Depth: "0" })).toBe(400);
    expectUnchanged();
  });

  test("out of a folder that is read-only is 403, and says why", async () => {
    const { status, body } = await fetchRaw(server.port, "MOVE", "/dav/movies/small.mkv", {
      Destination: "/dav/rw/small.mkv",
    });
    expect([status, body.toString()]).toEqual([403, "this folder is read-only\nuse /rw\n"]);
  });

  test("of what is locked needs its token, and the lock does not go along: davfs2's way to save", async () => {
    const token = await lock(server, "/dav/rw/old.txt");
    expect(await transfer("MOVE", "/dav/rw/old.txt", "/dav/rw/new.txt")).toBe(423);
    const If = `<http://h/dav/rw/old.txt> (<${token}>)`;
    expect(await transfer("MOVE", "/dav/rw/old.txt", "/dav/rw/new.txt", { If })).toBe(201);
    expect(await lock(server, "/dav/rw/new.txt", { Depth: "0", Timeout: "Second-1800" })).not.toBe(token);
    expect((await fetchRaw(server.port, "PUT", "/dav/rw/old.txt", {}, "x")).status).toBe(201);
  });

  test("of a folder needs the tokens of what is in it, and of the folder that it leaves", async () => {
    server.tree.addFolder("rw/to");
    const inside = await lock(server, "/dav/rw/sub/deep.txt");
    const around = await lock(server, "/dav/rw/", { Depth: "0" });
    const both = `</dav/rw/sub/deep.txt> (<${inside}>) </dav/rw/> (<${around}>)`;
    for (const If of [`</dav/rw/sub/deep.txt> (<${inside}>)`, `</dav/rw/> (<${around}>)`]) {
      expect(await transfer("MOVE", "/dav/rw/sub", "/dav/rw/to/sub", { If })).toBe(423);
    }
    expect(await transfer("MOVE", "/dav/rw/sub", "/dav/rw/to/sub", { If: both })).toBe(201);
    expect((await fetchRaw(server.port, "PUT", "/dav/rw/to/sub/deep.txt", {}, "x")).status).toBe(204);
  });

  test("by rclone: MKCOL of the parents, then the rename with Overwrite F, folders with a slash on both sides", async () => {
    const rclone = { "User-Agent": "rclone/v1.60.1", Overwrite: "F" };
    expect((await fetchRaw(server.port, "MKCOL", "/dav/rw/")).status).toBe(405);
    expect(await transfer("MOVE", "/dav/rw/old.txt", "http://h/dav/rw/renamed.txt", rclone)).toBe(201);
    expect(await transfer("MOVE", "/dav/rw/sub/", "http://h/dav/rw/renamed/", rclone)).toBe(201);
    expect([sizeAt("rw/renamed.txt"), sizeAt("rw/renamed/deep.txt")]).toEqual([10, 30]);
  });
});
