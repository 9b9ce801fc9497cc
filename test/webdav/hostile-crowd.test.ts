import { connect, type Socket } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { settled } from "./gate.ts";
import { SMALL } from "./hostile-fixture.ts";
import { fetchRaw, RawClient, requestText } from "./raw-client.ts";

const CROWD = 300;
const MEMBERS = 20_000;
const CHUNK = Buffer.alloc(64 * 1024, "film");
const FILM = requestText("GET", "/dav/movies/huge.mkv");
const ASKS = [
  ...Array.from({ length: 16 }, () => FILM),
  requestText("PROPFIND", "/dav/empty/", { Depth: "1" }),
  requestText("PROPFIND", "/dav/empty/", { Depth: "1" }, '<propfind xmlns="DAV:"><propname/></propfind>'),
  requestText("GET", "/dav/empty/", { Accept: "text/html" }),
  requestText("GET", "/dav/empty/?format=m3u"),
];

async function openCrowd(server: DavServer, text: (index: number) => string): Promise<readonly RawClient[]> {
  const crowd = await Promise.all(Array.from({ length: CROWD }, () => RawClient.open(server.port)));
  for (const [index, client] of crowd.entries()) client.send(text(index));
  await until(() => server.connections() === CROWD);
  return crowd;
}

/** Clients that read nothing. */
async function openPaused(server: DavServer): Promise<readonly Socket[]> {
  const crowd = Array.from({ length: CROWD }, () => connect(server.port, "127.0.0.1").pause());
  for (const socket of crowd) socket.on("error", () => {});
  await until(() => server.connections() === CROWD);
  return crowd;
}

/** Reads that cost nothing to make, so that what is measured is how many there are. */
function cheapRead({ tree }: DavServer): DavServer["tree"]["read"] {
  const { counts } = tree;
  return async function* (_path, { start, end }) {
    counts.openReads += 1;
    try {
      for (let at = start; at < end; at += CHUNK.length) {
        counts.chunks += 1;
        yield CHUNK.subarray(0, Math.min(CHUNK.length, end - at));
      }
    } finally {
      counts.openReads -= 1;
    }
  };
}

/** What somebody else does meanwhile, and gets. */
async function expectServed(server: DavServer): Promise<void> {
  expect((await fetchRaw(server.port, "GET", SMALL)).body.length).toBe(1_000_003);
  expect((await fetchRaw(server.port, "PROPFIND", "/dav/movies", { Depth: "1" })).status).toBe(207);
  expect((await fetchRaw(server.port, "PUT", "/dav/rw/mine.txt", {}, "hello")).status).toBeLessThan(300);
}

async function expectGone(server: DavServer): Promise<void> {
  await until(() => server.connections() === 0);
  expect(server.tree.counts.openReads).toBe(0);
  expect(server.errors).toEqual([]);
}

describe(`${CROWD} slow clients at once`, () => {
  test("that send headers bit by bit are closed in time, and nobody waits for them", async () => {
    await using server = await startDavServer({ headersTimeout: 1_000, connectionsCheckingInterval: 50 });
    const crowd = await openCrowd(server, (index) =>
      index % 3 === 0 ? "" : `GET ${SMALL} HTTP/1.1\r\nHost: h\r\nX: `,
    );
    await expectServed(server);
    await Promise.all(crowd.map((client) => client.closed));
    await expectGone(server);
  });

  test("that send bodies bit by bit are told so when their time is over", async () => {
    const clock = new ManualClock();
    await using server = await startDavServer({ clock });
    const before = clock.timers;
    const crowd = await openCrowd(server, (index) => {
      const method = index % 2 === 0 ? "PUT" : "PROPFIND";
      return requestText(method, `/dav/rw/slow-${index}`, { Depth: "0", "Content-Length": "1000" }, "<");
    });
    // Each of them is waited for by one timer.
    await until(() => clock.timers >= before + CROWD);
    await expectServed(server);
    clock.advance(9_000);
    for (const client of crowd) client.send("x");
    await expectServed(server);
    clock.advance(60_000);
    const statuses = await Promise.all(crowd.map(async (client) => (await client.response()).status));
    expect(new Set(statuses)).toEqual(new Set([408]));
    await Promise.all(crowd.map((client) => client.closed));
    await expectGone(server);
    expect(server.tree.list(["rw"], undefined, CROWD).filter(({ name }) => name.startsWith("slow"))).toEqual([]);
    expect(clock.timers).toBe(before);
  });

  test("that read nothing hold what fits into their sockets, and nobody waits for them", async () => {
    await using server = await startDavServer();
    const { counts } = server.tree;
    server.tree.read = cheapRead(server);
    const long = "x".repeat(200);
    for (let number = 0; number < MEMBERS; number += 1) server.tree.addFile(`empty/${long} ${number}.mkv`, number);
    const readers = await openPaused(server);
    for (const [index, socket] of readers.entries()) socket.write(ASKS[index % ASKS.length] as string);
    const films = (CROWD * 16) / ASKS.length;
    await until(() => counts.openReads === films);
    await settled(() => counts.chunks + counts.lists);
    expect(counts.openReads).toBe(films);
    // Nobody was sent all there is, nor more of a film than the buffers of two sockets take.
    expect(counts.listed).toBeLessThan(((CROWD - films) * MEMBERS) / 2);
    expect(counts.chunks * CHUNK.length).toBeLessThan(films * 16 * 1024 * 1024);
    await expectServed(server);
    for (const socket of readers) socket.destroy();
    await expectGone(server);
  });

  test("that leave at once leave nothing behind", async () => {
    await using server = await startDavServer();
    const readers = await openPaused(server);
    for (const [index, socket] of readers.entries()) {
      const put = requestText("PUT", `/dav/rw/left-${index}`, { "Content-Length": "1000" }, "x");
      socket.write(index % 2 === 0 ? put : (ASKS[index % ASKS.length] as string));
      // Some before they are heard, some in the middle.
      if (index % 3 > 0) setTimeout(() => socket.resetAndDestroy(), index % 7);
    }
    await expectServed(server);
    for (const socket of readers) socket.resetAndDestroy();
    await expectGone(server);
    expect(server.tree.list(["rw"], undefined, CROWD).filter(({ name }) => name.startsWith("left"))).toEqual([]);
  });
});
