import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers, RawClient, requestText } from "./raw-client.ts";

const CONTENT = Buffer.from("<movie><title>Zoë</title></movie>");
const URL = "/dav/movies/film.nfo";

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
  server.tree.addFile("movies/film.nfo", CONTENT.length, { content: CONTENT, contentType: "text/plain", etag: "c" });
});
afterEach(async () => {
  expect(server.tree.counts.reads).toBe(0);
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const get = (headers: Headers = {}, method = "GET") => fetchRaw(server.port, method, URL, headers);

describe("a file whose bytes are at hand", () => {
  test("is sent without a reader, with everything that a film has", async () => {
    const { status, headers, body } = await get();
    expect([status, body]).toEqual([200, CONTENT]);
    expect(headers).toMatchObject({ etag: '"c"', "accept-ranges": "bytes", "content-length": `${CONTENT.length}` });
    expect(server.served).toMatchObject([{ bytesSent: CONTENT.length, outcome: "complete", status: 200 }]);
  });

  test.each([
    ["bytes=0-0", 0, 1],
    ["bytes=7-13", 7, 14],
    ["bytes=-8", CONTENT.length - 8, CONTENT.length],
    ["bytes=30-999", 30, CONTENT.length],
  ])("is sent in part: %s", async (Range, start, end) => {
    const { status, headers, body } = await get({ Range });
    expect([status, body]).toEqual([206, CONTENT.subarray(start, end)]);
    expect(headers["content-range"]).toBe(`bytes ${start}-${end - 1}/${CONTENT.length}`);
  });

  test("keeps its conditions", async () => {
    expect((await get({ "If-None-Match": '"c"' })).status).toBe(304);
    expect((await get({ "If-Match": '"d"' })).status).toBe(412);
    expect((await get({ Range: "bytes=0-0", "If-Range": '"d"' })).status).toBe(200);
    expect((await get({ Range: "bytes=99-" })).headers["content-range"]).toBe(`bytes */${CONTENT.length}`);
    expect((await get({}, "HEAD")).headers["content-length"]).toBe(`${CONTENT.length}`);
  });

  test("is never compressed", async () => {
    const { headers, body } = await get({ "Accept-Encoding": "gzip, br, deflate, zstd, *" });
    expect([headers["content-encoding"], headers["vary"], body]).toEqual([undefined, undefined, CONTENT]);
  });

  test("is sent in turn to who asks a hundred times at once", async () => {
    await using client = await RawClient.open(server.port);
    client.send(Array.from({ length: 100 }, (_, n) => requestText("GET", URL, { Range: `bytes=${n % 30}-` })).join(""));
    for (let n = 0; n < 100; n += 1) expect((await client.response()).body).toEqual(CONTENT.subarray(n % 30));
  });
});
