import { describe, expect, test } from "@jest/globals";
import type { Logger } from "../../src/base/logger.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { Streams } from "../../src/mount/streams.ts";
import { ManualClock } from "../manual-clock.ts";

const HOLD_OFF = 15_000;
const FILM = { path: "/library/film.mkv", size: 1_000, client: "10.0.0.1", userAgent: "player" };

function open() {
  const clock = new ManualClock();
  const lines: (Readonly<Record<string, unknown>> & { readonly message: string })[] = [];
  const log: Logger = { ...silentLogger, info: (fields, message) => void lines.push({ ...fields, message }) };
  return { clock, lines, streams: new Streams({ clock, log, holdOffMs: HOLD_OFF }) };
}

describe("streams", () => {
  test("many requests of one client for one file are one line, once it has ended", () => {
    const { clock, lines, streams } = open();
    for (let number = 0; number < 50; number += 1) {
      const request = streams.begin(FILM);
      clock.advance(40);
      request.sent(100, number * 10);
      request.end("complete");
    }
    expect(lines).toEqual([]);
    clock.advance(2 * HOLD_OFF);
    expect(lines).toEqual([
      {
        path: FILM.path,
        client: "10.0.0.1",
        userAgent: "player",
        requests: 50,
        bytes: 5_000,
        failures: 0,
        durationMs: 2_000,
        firstByteMs: 40,
        message: "stream ended",
      },
    ]);
    expect(streams.snapshot()).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test("other clients, other programs and other files are streams of their own", () => {
    const { clock, lines, streams } = open();
    const others = [{}, { client: "10.0.0.2" }, { userAgent: "scanner" }, { path: "/library/other.mkv" }];
    for (const other of others) {
      const request = streams.begin({ ...FILM, ...other });
      request.sent(1, 1);
      request.end("aborted");
    }
    expect(streams.snapshot()).toHaveLength(4);
    clock.advance(2 * HOLD_OFF);
    expect(lines).toHaveLength(4);
  });

  test("an open request keeps its stream, however slow", () => {
    const { clock, lines, streams } = open();
    const request = streams.begin(FILM);
    request.sent(1, 1);
    streams.begin(FILM).end("aborted");
    clock.advance(10 * HOLD_OFF);
    expect(lines).toEqual([]);
    expect(streams.snapshot()).toMatchObject([{ requests: 2, openRequests: 1 }]);
    request.end("complete");
    request.end("complete");
    clock.advance(2 * HOLD_OFF);
    expect(lines).toHaveLength(1);
  });

  test("a request that brought nothing has no time of a first byte, and counts as a failure when it was one", () => {
    const { clock, lines, streams } = open();
    streams.begin(FILM).end("failed");
    clock.advance(2 * HOLD_OFF);
    expect(lines).toMatchObject([{ requests: 1, bytes: 0, failures: 1, firstByteMs: undefined }]);
    expect(streams.totals).toEqual({ bytes: 0, requests: 1, failures: 1 });
  });

  test("what is open when the server stops is summed up, too", () => {
    const { clock, lines, streams } = open();
    streams.begin(FILM).sent(7, 7);
    streams[Symbol.dispose]();
    expect(lines).toMatchObject([{ path: FILM.path, bytes: 7 }]);
    expect(clock.timers).toBe(0);
  });
});
