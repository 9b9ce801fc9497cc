import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ArticleError, ProviderError } from "../../src/base/errors.ts";
import { until } from "../until.ts";
import { type DavServer, GIB, startDavServer } from "./dav-server.ts";
import { countTurns, createGate, settled } from "./gate.ts";
import { pattern } from "./memory-tree.ts";
import { fetchRaw, RawClient, requestText } from "./raw-client.ts";

const SMALL = "/dav/movies/small.mkv";
const HUGE = "/dav/movies/huge.mkv";
const SMALL_SIZE = 1_000_003;

let server: DavServer;
beforeEach(async () => {
  server = await startDavServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

describe("the body of a GET", () => {
  test("is the file, though the tree reuses the memory of each chunk", async () => {
    const { status, headers, body } = await fetchRaw(server.port, "GET", SMALL);
    expect([status, headers["content-length"]]).toEqual([200, String(SMALL_SIZE)]);
    expect(body.equals(pattern({ start: 0, end: SMALL_SIZE }))).toBe(true);
  });

  test.each([1, 1000, 65_536, 2 ** 20])(
    "is right with chunks of %d bytes, and no reader is left",
    async (chunkBytes) => {
      server.tree.chunkBytes = chunkBytes;
      const range = { start: 65_000, end: 65_000 + Math.min(chunkBytes * 50, 900_000) };
      const { body } = await fetchRaw(server.port, "GET", SMALL, { Range: `bytes=${range.start}-${range.end - 1}` });
      expect(body.equals(pattern(range))).toBe(true);
      expect(server.tree.counts.openReads).toBe(0);
    },
  );

  test("waits for its first chunk before there is a header", async () => {
    const gate = createGate();
    server.tree.faults = { gate: () => gate.pass() };
    await using client = await RawClient.open(server.port);
    client.send(requestText("GET", SMALL));
    await gate.reached;
    expect(await settled(() => client.bytesReceived)).toBe(0);
    gate.open();
    expect((await client.response()).status).toBe(200);
  });

  test("of an empty file needs no reader", async () => {
    const { status, headers } = await fetchRaw(server.port, "GET", "/dav/movies/nothing.nfo");
    expect([status, headers["content-length"], server.tree.counts.reads]).toEqual([200, "0", 0]);
  });

  test("tells the tree who reads", async () => {
    await fetchRaw(server.port, "GET", SMALL, { "User-Agent": "Kodi/21", Range: "bytes=0-0" });
    expect(server.tree.lastRead?.client).toEqual({ address: "127.0.0.1", userAgent: "Kodi/21", user: "tester" });
  });

  test("is reported once, with what was sent", async () => {
    await fetchRaw(server.port, "GET", SMALL, { Range: "bytes=10-29" });
    await server.servedCount(1);
    expect(server.served).toMatchObject([
      {
        path: ["movies", "small.mkv"],
        range: { start: 10, end: 30 },
        size: SMALL_SIZE,
        status: 206,
        bytesSent: 20,
        outcome: "complete",
      },
    ]);
    expect(server.served[0]?.ttfbMs).toBeLessThanOrEqual(server.served[0]?.durationMs as number);
    expect(server.served[0]).not.toHaveProperty("error");
  });

  test.each([
    ["HEAD", {}],
    ["HEAD", { Range: "bytes=0-1" }],
    ["GET", { "If-None-Match": "*" }],
    ["GET", { "If-Match": '"x"' }],
    ["GET", { Range: "bytes=99999999-" }],
  ])("is not opened by %s with %j", async (method, headers) => {
    await fetchRaw(server.port, method, SMALL, headers);
    expect(server.tree.counts.reads).toBe(0);
    expect(server.served).toEqual([]);
  });

  test("that a browser could run as a page of ours is put into a sandbox, a film is not", async () => {
    const page = await fetchRaw(server.port, "GET", "/dav/movies/nothing.nfo");
    expect(page.headers).toMatchObject({ "content-security-policy": "default-src 'none'; sandbox" });
    const film = await fetchRaw(server.port, "HEAD", SMALL);
    expect(film.headers["content-security-policy"]).toBeUndefined();
    for (const { headers } of [page, film]) expect(headers["x-content-type-options"]).toBe("nosniff");
  });
});

describe("a failing reader", () => {
  test.each([
    [
      new ArticleError("ARTICLE_MISSING", "article missing everywhere", { hint: "repost it" }),
      502,
      undefined,
      "repost it",
    ],
    [new ArticleError("ARTICLE_CORRUPT", "article corrupt"), 502, undefined, "article corrupt"],
    [new ProviderError("PROVIDER_BUSY", "no connection"), 503, "10", "no connection"],
    [new Error("secret detail"), 500, undefined, "internal error"],
  ])("is told honestly while nothing has been sent: %s", async (error, status, retryAfter, text) => {
    server.tree.faults = { failAfter: { bytes: 0, error } };
    await using client = await RawClient.open(server.port);
    client.send(requestText("GET", SMALL));
    const answer = await client.response();
    expect([answer.status, answer.headers["retry-after"]]).toEqual([status, retryAfter]);
    expect(answer.body.toString()).toContain(text);
    expect(answer.body.toString()).not.toMatch(/secret|at .*\.ts/);
    expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
    expect(server.served).toMatchObject([{ outcome: "failed", bytesSent: 0, error }]);
    server.tree.faults = {};
    client.send(requestText("GET", SMALL, { Range: "bytes=0-0" }));
    expect((await client.response()).status).toBe(206);
  });

  test("breaks the connection after the header, short of the promised length", async () => {
    const error = new ArticleError("ARTICLE_MISSING", "gone");
    server.tree.faults = { failAfter: { bytes: 100_000, error } };
    await using client = await RawClient.open(server.port);
    client.send(requestText("GET", SMALL));
    await expect(client.response()).rejects.toThrow("closed after");
    await server.servedCount(1);
    expect(server.served).toMatchObject([{ outcome: "failed", status: 200, error }]);
    expect(server.tree.counts.openReads).toBe(0);
  });

  test.each([-1, -50_000, 1, 50_000])("that gives %d bytes too many never looks complete", async (excess) => {
    server.tree.faults = { excess };
    await expect(fetchRaw(server.port, "GET", SMALL, { Range: "bytes=0-99999" })).rejects.toThrow("closed after");
    await server.servedCount(1);
    expect(server.served).toMatchObject([{ outcome: "failed", status: 206 }]);
  });
});

describe("a client that leaves", () => {
  test("in the middle of a body ends its read at once", async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.port)));
    for (const client of clients) client.send(requestText("GET", HUGE));
    await until(() => clients.every((client) => client.bytesReceived > 100_000));
    expect(server.tree.counts.openReads).toBe(20);
    for (const client of clients) client.socket.destroy();
    await server.servedCount(20);
    expect(server.tree.counts.openReads).toBe(0);
    for (const { outcome, bytesSent } of server.served) {
      expect(outcome).toBe("aborted");
      expect(bytesSent).toBeLessThan(50 * GIB);
    }
    expect(server.errors).toEqual([]);
  });

  test.each(["destroy", "end"] as const)("by %s, while the first chunk is on its way, aborts the read", async (how) => {
    const gate = createGate();
    server.tree.faults = { gate: () => gate.pass() };
    await using client = await RawClient.open(server.port);
    client.send(requestText("GET", HUGE));
    await gate.reached;
    client.socket[how]();
    await server.servedCount(1);
    expect(server.tree.lastRead?.signal.aborted).toBe(true);
    expect(server.tree.counts.openReads).toBe(0);
    expect(server.served).toMatchObject([{ outcome: "aborted", bytesSent: 0, ttfbMs: undefined }]);
  });

  test("before its turn came never opens a reader", async () => {
    const gate = createGate();
    server.tree.faults = { gate: () => gate.pass() };
    await using client = await RawClient.open(server.port);
    client.send(requestText("GET", HUGE).repeat(5));
    await gate.reached;
    client.socket.destroy();
    await server.servedCount(1);
    await settled(() => server.tree.counts.reads);
    expect(server.tree.counts).toMatchObject({ reads: 1, openReads: 0 });
  });

  test("only ends its own read", async () => {
    await using stays = await RawClient.open(server.port);
    const gate = createGate();
    server.tree.faults = { gate: (chunk) => (chunk === 3 ? gate.pass() : Promise.resolve()) };
    stays.send(requestText("GET", SMALL));
    await gate.reached;
    const leaves = await RawClient.open(server.port);
    leaves.send(requestText("GET", SMALL));
    await until(() => server.tree.counts.openReads === 2);
    leaves.socket.destroy();
    await server.servedCount(1);
    gate.open();
    expect((await stays.response()).body.length).toBe(SMALL_SIZE);
  });
});

describe("a paused client", () => {
  test("causes no further chunks to be asked for, and goes on where it was", async () => {
    await using client = await RawClient.open(server.port);
    client.socket.pause();
    client.send(requestText("GET", HUGE, { Range: `bytes=0-${100 * 1024 ** 2 - 1}` }));
    const chunks = await settled(() => server.tree.counts.chunks, 200);
    expect(chunks).toBeGreaterThan(0);
    expect(chunks * server.tree.chunkBytes).toBeLessThan(30 * 1024 ** 2);
    expect(await settled(() => server.tree.counts.chunks, 200)).toBe(chunks);
    client.socket.resume();
    await until(() => server.tree.counts.chunks > chunks);
    expect(server.tree.counts.openReads).toBe(1);
  });
});

describe("a connection", () => {
  test("answers 100 ranged GETs sent in one write, in their order, one reader at a time", async () => {
    await using client = await RawClient.open(server.port);
    let mostOpen = 0;
    server.tree.faults = {
      gate: async () => {
        mostOpen = Math.max(mostOpen, server.tree.counts.openReads);
      },
    };
    const ranges = Array.from({ length: 100 }, (_, n) => ({
      start: n * 9_973,
      end: n * 9_973 + 1 + ((n * 331) % 40_000),
    }));
    client.send(
      ranges.map(({ start, end }) => requestText("GET", HUGE, { Range: `bytes=${start}-${end - 1}` })).join(""),
    );
    for (const range of ranges) {
      const { status, body } = await client.response();
      expect(status).toBe(206);
      expect(body.equals(pattern(range))).toBe(true);
    }
    expect(mostOpen).toBe(1);
    expect(server.tree.counts.openReads).toBe(0);
  });

  test("keeps no listeners of requests that are over", async () => {
    await using client = await RawClient.open(server.port);
    const counts: number[] = [];
    for (let request = 0; request < 5; request += 1) {
      client.send(requestText("GET", SMALL));
      await client.response();
      client.send(requestText("PROPFIND", "/dav/", { Depth: "1" }, '<propfind xmlns="DAV:"><allprop/></propfind>'));
      await client.response();
      client.send(requestText("PUT", "/dav/rw/f", {}, "body"));
      await client.response();
      await settled(() => server.listeners(), 3);
      counts.push(server.listeners());
    }
    expect(new Set(counts).size).toBe(1);
  });

  test("leaves a turn of the event loop to others after each MiB, however much the kernel would take", async () => {
    using turns = countTurns();
    server.tree.chunkBytes = 64 * 1024;
    const chunksIn = new Map<number, number>();
    server.tree.faults = {
      gate: async () => {
        chunksIn.set(turns.now, (chunksIn.get(turns.now) ?? 0) + 1);
      },
    };
    await fetchRaw(server.port, "GET", HUGE, { Range: `bytes=0-${16 * 1024 ** 2 - 1}` });
    expect(server.tree.counts.chunks).toBe(256);
    expect(Math.max(...chunksIn.values())).toBeLessThanOrEqual(17);
  });

  test("that sends far ahead of its answers is cut off", async () => {
    await using server = await startDavServer({ limits: { requestsAhead: 20 } });
    const gate = createGate();
    server.tree.faults = { gate: () => gate.pass() };
    await using client = await RawClient.open(server.port);
    client.send(requestText("GET", SMALL));
    await gate.reached;
    client.send(requestText("GET", SMALL).repeat(40));
    await client.closed;
    await server.servedCount(1);
    expect(server.tree.counts).toMatchObject({ reads: 1, openReads: 0 });
  });
});
