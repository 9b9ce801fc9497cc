import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, GIB, startDavServer } from "./dav-server.ts";
import { fetchRaw } from "./raw-client.ts";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
});
afterEach(async () => {
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const get = (url: string, method = "GET") => fetchRaw(server.port, method, url, { Accept: "text/html,*/*" });

describe("the page for a browser", () => {
  test("lists a folder, escaped, under a policy that allows nothing else", async () => {
    server.tree.addFile("movies/<img src=x onerror=alert(1)>.mkv", 5 * GIB);
    const { status, headers, body } = await get("/dav/movies");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'/,
    );
    const page = body.toString();
    expect(page).toContain("&lt;img src=x onerror=alert(1)&gt;.mkv");
    expect(page).not.toContain("<img");
    expect(page).not.toContain("<script");
    expect(page).toContain('href="/dav/movies/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E.mkv"');
    expect(page).toContain("<td>5.0 GiB</td><td>2024-02-29 12:34</td>");
    expect(page).toContain('<a href="/dav/">..</a>');
    expect(page).toContain('<meta name="viewport"');
  });

  test("sends 20,000 entries page by page, as they come", async () => {
    for (let number = 0; number < 20_000; number += 1) server.tree.addFile(`empty/file ${number}.mkv`, number);
    const { headers, body } = await get("/dav/empty/");
    expect(headers["transfer-encoding"]).toBe("chunked");
    expect(body.toString().match(/<tr>/g)?.length).toBe(20_001);
    // The last page is empty, and one look tells that there is something to play.
    expect(server.tree.counts.lists).toBe(82);
  });

  test("has the proxy's prefix in its links, whether the request came with it or without", async () => {
    await using behind = await startDavServer({ urlBase: "/media" });
    for (const url of ["/media/dav/movies/", "/dav/movies/"]) {
      const page = (await fetchRaw(behind.port, "GET", url, { Accept: "text/html" })).body.toString();
      expect(page).toContain('<a href="/media/dav/movies/small.mkv">');
      expect(page).toContain('<a href="/media/dav/">..</a>');
      expect(page).not.toContain('"/dav/');
    }
  });

  test("has no body for HEAD, and looks at nothing", async () => {
    const { status, headers } = await get("/dav/", "HEAD");
    expect([status, headers["content-type"], server.tree.counts.lists]).toEqual([200, "text/html; charset=utf-8", 0]);
  });
});
