import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type DavServer, ODD_NAME, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";

let server: DavServer;
beforeAll(async () => {
  server = await startDavServer({ urlBase: "/media" });
  const { tree } = server;
  for (const path of ["tv", "tv/b", "tv/b/deep", "tv/a", "many", "bushy", "chain"]) tree.addFolder(path);
  tree.addFile("tv/z.mkv", 1);
  tree.addFile("tv/song.flac", 1, { contentType: "audio/flac" });
  tree.addFile("tv/z.nfo", 1, { contentType: "text/plain" });
  tree.addFile("tv/b/2.mkv", 1);
  tree.addFile("tv/b/deep/3.mkv", 1);
  tree.addFile("tv/a/1 #%?.mkv", 1);
  for (let number = 1000; number < 3500; number += 1) tree.addFile(`many/${number}.mkv`, 1);
  for (let folder = 100; folder < 400; folder += 1) {
    tree.addFolder(`bushy/${folder}`);
    for (let number = 0; number < 4; number += 1) tree.addFile(`bushy/${folder}/${number}.mkv`, 1);
  }
  let chain = "chain";
  for (let level = 1; level < 9; level += 1) {
    chain += `/${level}`;
    tree.addFolder(chain);
    tree.addFile(`${chain}/at ${level}.mkv`, 1);
  }
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});
afterEach(() => {
  expect(server.errors).toEqual([]);
  expect(server.tree.counts.reads).toBe(0);
});

const get = (url: string, headers: Headers = {}, method = "GET") => fetchRaw(server.port, method, url, headers);
const lines = async (url: string, headers?: Headers) => (await get(url, headers)).body.toString().trimEnd().split("\n");
const urls = async (url: string) => (await lines(url)).filter((line) => !line.startsWith("#"));

describe("?format=strm", () => {
  test("is one line: the film's URL as the client reaches the server, with the proxy's prefix", async () => {
    const { status, headers, body } = await get("/dav/movies/small.mkv?format=strm", { Host: "nas.example:81" });
    expect([status, body.toString()]).toEqual([200, "http://nas.example:81/media/dav/movies/small.mkv\n"]);
    expect(headers).toMatchObject({
      "content-disposition": 'attachment; filename="small.strm"',
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
    });
  });

  test("names an odd film in its URL and in the file's name, so that the URL leads to it", async () => {
    const { headers, body } = await get(`/dav/movies/${encodeURIComponent(ODD_NAME)}?format=strm`);
    const title = ODD_NAME.replace(".mkv", ".strm");
    expect(headers["content-disposition"]).toContain('filename="Zo_ _ ___ #1 100_ & <x> _q_.strm"');
    const [, encoded = ""] = /filename\*=UTF-8''(\S+)$/.exec(headers["content-disposition"] ?? "") ?? [];
    expect(decodeURIComponent(encoded)).toBe(title);
    const { pathname } = new URL(body.toString().trim());
    expect((await get(pathname, {}, "HEAD")).headers["content-length"]).toBe("4321");
  });

  test("never repeats a login", async () => {
    const headers = { Authorization: "Basic dTpwYXNz", Host: "nas" };
    for (const url of ["http://u:pass@nas/dav/tv/z.mkv?format=strm", "http://u:pass@nas/dav/tv/?format=m3u"]) {
      const text = (await get(url, headers)).body.toString();
      expect(text).toContain("http://nas/media/dav/tv/z.mkv\n");
      expect(text).not.toMatch(/pass|@/);
    }
  });

  test("answers HEAD like GET, without the line", async () => {
    const { status, headers, body } = await get("/dav/tv/z.mkv?format=strm", {}, "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([
      200,
      `${"http://h/media/dav/tv/z.mkv\n".length}`,
      0,
    ]);
  });

  test.each([
    "/dav/tv/z.nfo?format=strm",
    "/dav/tv/z.mkv?format=m3u",
    "/dav/tv/z.mkv?x=strm",
    "/dav/tv/z.mkv?format=x",
  ])("%s is the file itself", async (url) => {
    const { status, headers } = await get(url, {}, "HEAD");
    expect([status, headers["content-length"], headers["content-disposition"]]).toEqual([200, "1", undefined]);
  });

  test("of nothing is 404, and of a folder 405", async () => {
    expect((await get("/dav/tv/none.mkv?format=strm")).status).toBe(404);
    expect((await get("/dav/tv/?format=strm")).status).toBe(405);
  });
});

describe("?format=m3u", () => {
  test("lists what can be played in a folder, then what is below, with titles", async () => {
    const base = "http://nas/media/dav/tv";
    const { status, headers, body } = await get("/dav/tv?format=m3u", { Host: "nas" });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "audio/x-mpegurl; charset=utf-8",
      "content-disposition": 'attachment; filename="tv.m3u"',
    });
    expect(body.toString().split("\n")).toEqual([
      ...["#EXTM3U", "#EXTENC:UTF-8", "#PLAYLIST:tv"],
      ...["#EXTINF:-1,song", `${base}/song.flac`, "#EXTINF:-1,z", `${base}/z.mkv`],
      ...["#EXTINF:-1,1 #%?", `${base}/a/1%20%23%25%3F.mkv`],
      ...["#EXTINF:-1,2", `${base}/b/2.mkv`, "#EXTINF:-1,3", `${base}/b/deep/3.mkv`, ""],
    ]);
  });

  test("gives URLs that lead to the files", async () => {
    for (const url of await urls("/dav/tv/?format=m3u")) {
      expect((await get(new URL(url).pathname, {}, "HEAD")).status).toBe(200);
    }
  });

  test("lists all files of the folder itself, a page at a time", async () => {
    server.tree.counts.lists = 0;
    expect((await urls("/dav/many/?format=m3u")).length).toBe(2500);
    // Once for its files, once for its folders.
    expect(server.tree.counts.lists).toBe(22);
  });

  test("lists a thousand files of the folders below, and says that there are more", async () => {
    const list = await lines("/dav/bushy/?format=m3u");
    expect(list.filter((line) => !line.startsWith("#")).length).toBe(1000);
    expect(list.at(-1)).toBe("# There is more below than is listed here.");
    expect((await lines("/dav/tv/?format=m3u")).at(-1)).not.toContain("more below");
  });

  test("goes five folders down", async () => {
    expect((await urls("/dav/chain/?format=m3u")).map((url) => url.slice(-7, -4))).toEqual(
      [1, 2, 3, 4, 5].map((level) => `20${level}`),
    );
  });

  test("of the root has a name, and of an empty folder no files", async () => {
    expect((await get("/dav/?format=m3u", {}, "HEAD")).headers["content-disposition"]).toContain('"Newsreel.m3u"');
    expect(await urls("/dav/empty/?format=m3u")).toEqual([]);
  });
});

describe("the page for a browser", () => {
  const page = async (url: string) => (await get(url, { Accept: "text/html" })).body.toString();

  test("links to the list of a folder that has something to play, at any depth, and to each film's", async () => {
    expect(await page("/dav/tv/")).toContain('<a href="/media/dav/tv/?format=m3u">');
    expect(await page("/dav/chain/")).toContain('<a href="/media/dav/chain/?format=m3u">');
    expect(await page("/dav/tv/")).toContain('<a href="/media/dav/tv/z.mkv?format=strm">');
    expect(await page("/dav/tv/")).not.toContain("z.nfo?format");
    expect(await page("/dav/empty/")).not.toContain("format=");
    expect(await page("/dav/rw/sub/")).not.toContain("format=");
  });
});
