import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { Conversation, sayOnce } from "./conversation.ts";

// Recorded from VLC 3.0.24 (Debian 12) with an http URL that has user and password in it, and from mpv 0.35.1, whose requests are ffmpeg's.

const MIB = 1024 * 1024;
const FILM = "/dav/library/test/Film%201/film-1.mkv";

let system: System;
let film: Film;
beforeAll(async () => {
  system = await startSystem();
  film = system.addCold({ size: 24 * MIB });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

const vlc = (path: string, start: number) => `
GET ${path} HTTP/1.1
Host: {host}
Accept: */*
Accept-Language: en_US
Authorization: {basic}
User-Agent: VLC/3.0.24 LibVLC/3.0.24
Range: bytes=${start}-`;

const mpv = (start: number, login: string) => `
GET ${FILM} HTTP/1.1
User-Agent: libmpv
Accept: */*
Range: bytes=${start}-
Connection: close
Host: {host}
Icy-MetaData: 1${login}`;

function expectPart(answer: { status: number; headers: Readonly<Record<string, string>> }, start: number): void {
  expect(answer.status).toBe(206);
  expect(answer.headers["content-range"]).toBe(`bytes ${start}-${film.size - 1}/${film.size}`);
  expect(answer.headers["content-length"]).toBe(`${film.size - start}`);
  expect(answer.headers["accept-ranges"]).toBe("bytes");
  expect(answer.headers["content-encoding"] ?? answer.headers["transfer-encoding"]).toBeUndefined();
}

test("VLC begins at the first byte and jumps to the index, back, and on; it hangs up on each answer once the next one is asked for", async () => {
  let before = await Conversation.open(system);
  before.send(vlc(FILM, 0));
  await until(() => before.bytesReceived > MIB);
  for (const start of [film.size - 2461, 123, 20 * MIB + 7]) {
    const next = await Conversation.open(system);
    next.send(vlc(FILM, start));
    await before[Symbol.asyncDispose]();
    const answer = await next.answer("GET");
    expectPart(answer, start);
    expect(answer.body.equals(film.content.read(start, film.size - start))).toBe(true);
    before = next;
  }
  await before[Symbol.asyncDispose]();
  await until(() => system.app.reader.activeReads === 0);
});

test("VLC asks for subtitles beside the film, which are not there, and for the end of the file", async () => {
  expect((await sayOnce(system, vlc(FILM.replace(".mkv", ".srt"), 0))).status).toBe(404);
  const { status, headers } = await sayOnce(system, vlc(FILM, film.size));
  expect(status).toBe(416);
  expect(headers["content-range"]).toBe(`bytes */${film.size}`);
});

test("mpv asks without its login first, and gets one connection closed for each request", async () => {
  await using stranger = await Conversation.open(system);
  const refused = await stranger.say(mpv(0, ""));
  expect(refused.status).toBe(401);
  expect(refused.headers["www-authenticate"]).toMatch(/(^|, )Basic realm="/);
  expect(refused.headers["connection"]).toBe("close");

  const start = 21 * MIB;
  const answer = await sayOnce(system, mpv(start, "\nAuthorization: {basic}"));
  expectPart(answer, start);
  expect(answer.headers["connection"]).toBe("close");
  expect(answer.body.equals(film.content.read(start, film.size - start))).toBe(true);
});
