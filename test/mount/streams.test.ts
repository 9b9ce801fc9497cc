import { describe, expect, test } from "@jest/globals";
import type { Logger } from "../../src/base/logger.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { Streams } from "../../src/mount/streams.ts";
import type { Wait, WaitPhases } from "../../src/reader/wait.ts";
import { ManualClock } from "../manual-clock.ts";

const HOLD_OFF = 15_000;
const FILM = { path: "/library/film.mkv", size: 10_000_000, client: "10.0.0.1", userAgent: "player" };
const ALL = { start: 0, end: FILM.size };

function open() {
  const clock = new ManualClock();
  const lines: (Readonly<Record<string, unknown>> & { readonly message: string })[] = [];
  const log: Logger = { ...silentLogger, info: (fields, message) => void lines.push({ ...fields, message }) };
  const firstBytes: number[] = [];
  const times = { firstByte: (seconds: number) => void firstBytes.push(seconds) };
  return { clock, lines, firstBytes, streams: new Streams({ clock, log, times, holdOffMs: HOLD_OFF }) };
}

function wait(phases: Partial<WaitPhases>, more: Partial<Wait> = {}): Wait {
  const all = { permit: 0, connection: 0, firstByte: 0, body: 0, decode: 0, ...phases };
  const totalMs = all.permit + all.connection + all.firstByte + all.body;
  return { phases: all, totalMs, isFirst: false, tries: [], isHedged: false, ...more };
}

describe("streams", () => {
  test("many requests of one client for one file are one line, once it has ended", () => {
    const { clock, lines, streams } = open();
    for (let number = 0; number < 50; number += 1) {
      const request = streams.begin(FILM, { start: number * 10, end: number * 10 + 100 });
      clock.advance(40 + number);
      request.offered(100);
      request.taken();
      request.end();
    }
    expect(lines).toEqual([]);
    clock.advance(2 * HOLD_OFF);
    expect(lines).toEqual([
      {
        path: FILM.path,
        client: "10.0.0.1",
        userAgent: "player",
        class: "scan",
        requests: 50,
        bytes: 5_000,
        failures: 0,
        durationMs: 50 * 40 + (49 * 50) / 2,
        firstByteMs: 40,
        stalls: 0,
        stallMs: 0,
        message: "stream ended",
      },
    ]);
    expect(streams.snapshot()).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test("other clients, other programs and other files are streams of their own", () => {
    const { clock, lines, streams } = open();
    const others = [{}, { client: "10.0.0.2" }, { userAgent: "scanner" }, { path: "/library/other.mkv" }];
    const requests = others.map((other) => streams.begin({ ...FILM, ...other }, ALL));
    expect(new Set(requests.map(({ stream }) => stream)).size).toBe(4);
    expect(streams.begin(FILM, ALL).stream).toBe(requests[0]?.stream);
    expect(streams.snapshot()).toHaveLength(4);
    for (const request of requests) request.end();
    clock.advance(2 * HOLD_OFF);
    expect(lines).toHaveLength(3);
  });

  test("an open request keeps its stream, however slow", () => {
    const { clock, lines, streams } = open();
    const request = streams.begin(FILM, ALL);
    request.offered(1);
    request.taken();
    streams.begin(FILM, ALL).end();
    clock.advance(10 * HOLD_OFF);
    expect(lines).toEqual([]);
    expect(streams.snapshot()).toMatchObject([{ requests: 2, openRequests: 1, endedAt: undefined }]);
    request.end();
    request.end();
    clock.advance(2 * HOLD_OFF);
    expect(lines).toHaveLength(1);
  });

  test("a request that brought nothing has no time of a first byte, and counts as a failure when it was one", () => {
    const { clock, lines, firstBytes, streams } = open();
    const request = streams.begin(FILM, ALL);
    expect(request.taken()).toBe(false);
    request.failed();
    request.end();
    clock.advance(2 * HOLD_OFF);
    expect(lines).toMatchObject([{ requests: 1, bytes: 0, failures: 1, firstByteMs: undefined }]);
    expect(streams.totals).toMatchObject({ bytes: 0, requests: 1, failures: 1 });
    expect(firstBytes).toEqual([]);
  });

  test("what is open when the server stops is summed up, too", () => {
    const { clock, lines, streams } = open();
    const request = streams.begin(FILM, ALL);
    request.offered(7);
    request.taken();
    streams[Symbol.dispose]();
    expect(lines).toMatchObject([{ path: FILM.path, bytes: 7 }]);
    expect(clock.timers).toBe(0);
  });

  test("totals go on growing when streams end, and count those that have not", () => {
    const { clock, streams } = open();
    const read = (client: string) => {
      const request = streams.begin({ ...FILM, client }, ALL);
      request.observer.waited(wait({ connection: 600, body: 100, decode: 10 }));
      request.offered(1000);
      clock.advance(50);
      request.taken();
      return request;
    };
    read("10.0.0.1").end();
    clock.advance(2 * HOLD_OFF);
    expect(streams.snapshot()).toEqual([]);
    read("10.0.0.2");
    expect(streams.totals).toEqual({
      bytes: 2000,
      requests: 2,
      failures: 0,
      stalls: 2,
      stallMs: 1400,
      phases: { permit: 0, connection: 1200, firstByte: 0, body: 200, decode: 20, send: 100 },
    });
  });

  test("those that ended are remembered for ten minutes, the latest fifty of them", () => {
    const { clock, streams } = open();
    for (let number = 0; number < 60; number += 1) {
      const request = streams.begin({ ...FILM, path: `/library/${number}.mkv` }, ALL);
      clock.advance(1);
      request.end();
    }
    clock.advance(2 * HOLD_OFF);
    const recent = streams.recent();
    expect(recent.map(({ path }) => path)).toEqual(Array.from({ length: 50 }, (_, n) => `/library/${59 - n}.mkv`));
    const endedAt = recent[0]?.endedAt as number;
    expect(endedAt).toBeGreaterThanOrEqual((recent[0]?.lastByteAt as number) + HOLD_OFF);
    clock.advance(endedAt + 10 * 60_000 - clock.wall());
    expect(streams.recent()).toHaveLength(50);
    clock.advance(1);
    expect(streams.recent()).toEqual([]);
  });
});

describe("where the time of a stream goes", () => {
  test("waits by their phases, and the client's own time", () => {
    const { clock, firstBytes, streams } = open();
    const request = streams.begin(FILM, ALL);
    clock.advance(30);
    request.observer.waited(wait({ permit: 1, connection: 2, firstByte: 20, body: 7, decode: 3 }, { isFirst: true }));
    request.offered(1000);
    clock.advance(400);
    request.taken();
    request.observer.waited(wait({ connection: 100, body: 50, decode: 5 }));
    expect(streams.snapshot()).toMatchObject([
      {
        class: "play",
        position: 1000,
        firstByteMs: 30,
        phases: { permit: 1, connection: 102, firstByte: 20, body: 57, decode: 8, send: 400 },
        stalls: { count: 0, totalMs: 0, last: [] },
      },
    ]);
    clock.advance(60_000);
    streams.begin(FILM, { start: 5_000_000, end: FILM.size }).offered(1);
    expect(streams.snapshot()).toMatchObject([{ firstByteMs: 0 }]);
    expect(firstBytes).toEqual([0.03, 0]);
  });

  test("the rate is that of the last ten seconds", () => {
    const { clock, streams } = open();
    const request = streams.begin(FILM, ALL);
    const rate = () => streams.snapshot()[0]?.bytesPerSecond;
    const send = (bytes: number) => {
      request.offered(bytes);
      request.taken();
    };
    send(500);
    expect(rate()).toBe(500);
    for (let second = 0; second < 30; second += 1) {
      clock.advance(500);
      send(2000);
      clock.advance(500);
    }
    expect(rate()).toBe(2000);
    clock.advance(5000);
    expect(rate()).toBe(Math.round((4 * 2000) / 9));
    clock.advance(5000);
    expect(rate()).toBe(0);
  });

  test("a player whose buffer is full is paused, which is no stall", () => {
    const { clock, streams } = open();
    const paused = () => streams.snapshot().map((stream) => stream.paused);
    const request = streams.begin(FILM, ALL);
    clock.advance(10_000);
    expect(paused()).toEqual([false]);
    request.offered(1000);
    clock.advance(2_999);
    expect(paused()).toEqual([false]);
    clock.advance(600_000);
    expect(paused()).toEqual([true]);
    const second = streams.begin(FILM, ALL);
    expect(paused()).toEqual([false]);
    second.end();
    request.taken();
    expect(streams.snapshot()).toMatchObject([{ paused: false, stalls: { count: 0 }, phases: { send: 602_999 } }]);
    request.offered(1);
    request.end();
    clock.advance(5_000);
    expect(paused()).toEqual([false]);
  });

  test.each([
    ["half a second between two bytes is none yet", wait({ body: 500 }), 0],
    ["more than that is one", wait({ body: 501 }), 1],
    ["three seconds after a jump are none yet", wait({ body: 3000 }, { isFirst: true }), 0],
    ["more than that is one", wait({ body: 3001 }, { isFirst: true }), 1],
  ])("a stall: %s", (_claim, waited, count) => {
    const { streams } = open();
    streams.begin(FILM, ALL).observer.waited(waited);
    expect(streams.snapshot()).toMatchObject([{ stalls: { count, totalMs: count * waited.totalMs } }]);
  });

  test("a download cannot be kept waiting: it goes as fast as the providers do", () => {
    const { clock, streams } = open();
    const request = streams.begin({ ...FILM, userAgent: "curl/8.0", size: 1e9 }, { start: 0, end: 1e9 });
    request.offered(20 * 1024 * 1024);
    clock.advance(100);
    request.taken();
    request.observer.waited(wait({ body: 2000 }));
    expect(streams.snapshot()).toMatchObject([
      { class: "download", phases: { body: 2000 }, stalls: { count: 0, last: [] } },
    ]);
  });

  test("the last ten stalls are kept, with when, where, how long and why", () => {
    const { clock, streams } = open();
    const request = streams.begin(FILM, { start: 500, end: FILM.size });
    for (let number = 0; number < 12; number += 1) {
      request.offered(100);
      request.taken();
      clock.advance(1000);
      request.observer.waited(wait({ connection: 1000 + number }));
    }
    const [stream] = streams.snapshot();
    expect(stream?.stalls.count).toBe(12);
    expect(stream?.stalls.totalMs).toBe(12_066);
    expect(stream?.stalls.last).toHaveLength(10);
    expect(stream?.stalls.last.at(-1)).toEqual({
      at: clock.wall(),
      position: 1700,
      durationMs: 1011,
      cause: "waited 1.0 s for a connection: none was free",
    });
  });

  test("a stall is a line in the log, ten seconds apart at least", () => {
    const { clock, lines, streams } = open();
    const { observer } = streams.begin(FILM, ALL);
    const other = streams.begin({ ...FILM, client: "10.0.0.2" }, ALL).observer;
    for (let number = 0; number < 10; number += 1) {
      observer.waited(wait({ firstByte: 2100 }));
      clock.advance(2100);
    }
    other.waited(wait({ permit: 600 }));
    expect(lines.map(({ client, stalls }) => [client, stalls])).toEqual([
      ["10.0.0.1", 1],
      ["10.0.0.1", 6],
      ["10.0.0.2", 1],
    ]);
    expect(lines[0]).toEqual({
      path: FILM.path,
      client: "10.0.0.1",
      position: 0,
      durationMs: 2100,
      stalls: 1,
      cause: "the provider took 2.1 s to answer",
      message: "a stream was kept waiting",
    });
  });
});

describe("the cause of a stall, in words", () => {
  test.each<[string, Wait]>([
    ["no memory was free for 2.1 s", wait({ permit: 2100, body: 20 })],
    ["waited 2.1 s for a connection: none was free", wait({ connection: 2100, firstByte: 40, body: 100 })],
    ["the provider took 1.2 s to answer", wait({ connection: 2, firstByte: 1200, body: 100 })],
    ["main took 1.2 s to answer", wait({ firstByte: 1200 }, { tries: [{ provider: "main", result: "ok" }] })],
    ["the article came slowly from the provider: 0.9 s", wait({ firstByte: 100, body: 900 })],
    [
      "main did not have the article, backup answered after 0.8 s",
      wait(
        { connection: 700, firstByte: 60, body: 40 },
        {
          tries: [
            { provider: "main", result: "missing" },
            { provider: "backup", result: "ok" },
          ],
        },
      ),
    ],
    [
      "main failed, second sent a corrupt article, another try answered after 3.0 s",
      wait(
        { firstByte: 3000 },
        {
          tries: [
            { provider: "main", result: "failed" },
            { provider: "main", result: "failed" },
            { provider: "second", result: "corrupt" },
          ],
        },
      ),
    ],
    [
      "the provider made no progress; asked again on another connection, second answered after 1.5 s",
      wait({ body: 1500 }, { isHedged: true, tries: [{ provider: "second", result: "ok" }] }),
    ],
    [
      "main made no progress; asked again on another connection, main answered after 1.5 s",
      wait(
        { firstByte: 1500 },
        {
          isHedged: true,
          tries: [
            { provider: "main", result: "ok" },
            { provider: "main", result: "lost the race" },
          ],
        },
      ),
    ],
    // Where memory was short, what the providers said meanwhile is not the reason.
    ["no memory was free for 5.0 s", wait({ permit: 5000 }, { tries: [{ provider: "main", result: "missing" }] })],
  ])("%s", (words, waited) => {
    const { streams } = open();
    streams.begin(FILM, ALL).observer.waited({ ...waited, isFirst: false });
    expect(streams.snapshot()[0]?.stalls.last.map(({ cause }) => cause)).toEqual([words]);
  });
});
