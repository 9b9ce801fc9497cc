import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { until } from "../../until.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { Conversation, members, textOf } from "./conversation.ts";

// Recorded from Kodi 20.1 (Debian 12) on a dav:// source; every request comes without credentials first, as libcurl does it. The body
// of the PROPFIND is what xbmc/filesystem/DAVDirectory.cpp gives to libcurl; 20.1 was seen to send none.

const MIB = 1024 * 1024;
const FOLDER = "/dav/library/test/Film%201/";
const FILM = `${FOLDER}film-1.mkv`;
const HEADERS = `User-Agent: Kodi/20.1 (X11; Linux x86_64) App_Bitness/64 Version/20.1
Accept: */*
Accept-Encoding: deflate, gzip, br, zstd
Accept-Charset: UTF-8,*;q=0.8`;
const PROPERTIES =
  '<?xml version="1.0" encoding="utf-8" ?><D:propfind xmlns:D="DAV:"><D:prop><D:resourcetype/><D:getcontentlength/>' +
  "<D:getlastmodified/><D:creationdate/><D:displayname/></D:prop></D:propfind>";

let system: System;
let film: Film;
beforeAll(async () => {
  system = await startSystem();
  film = system.addCold({ size: 24 * MIB });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

test("each request is asked for its login and then answered on the same connection, however often", async () => {
  await using talk = await Conversation.open(system);
  for (let round = 0; round < 30; round += 1) {
    const stranger = await talk.say(`HEAD ${FILM} HTTP/1.1\nHost: {host}\n${HEADERS}`);
    expect(stranger.status).toBe(401);
    expect(stranger.headers["www-authenticate"]).toMatch(/(^|, )Basic realm="/);
    const known = await talk.say(`HEAD ${FILM} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\n${HEADERS}`);
    expect(known.status).toBe(200);
  }
});

describe("the listing of a folder", () => {
  const list = (headers: string, body: string) => async (talk: Conversation) =>
    members(
      await talk.say(
        `PROPFIND /dav/library/test/ HTTP/1.1\nHost: {host}\nAuthorization: {basic}\n${headers}${HEADERS}\nContent-Type: text/xml; charset="utf-8"\ndepth: 1`,
        body,
      ),
    );

  test.each([
    ["as it was recorded, with a Range and no body", list("Range: bytes=0-\n", "")],
    ["with the body of its source", list("Content-Length: {length}\n", PROPERTIES)],
  ])("has what Kodi looks at, %s", async (_, ask) => {
    await using talk = await Conversation.open(system);
    const found = await ask(talk);
    expect([...found.keys()]).toEqual(["/dav/library/test/", FOLDER]);
    for (const xml of found.values()) {
      // Old versions compare the whole status, look at the first child only, and crash without a name.
      expect(xml).toContain("<D:status>HTTP/1.1 200 OK</D:status>");
      expect(xml).toContain("<D:resourcetype><D:collection/></D:resourcetype>");
      expect(textOf(xml, "displayname")).toMatch(/./);
      expect(textOf(xml, "getlastmodified")).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    }
    expect(textOf(found.get(FOLDER), "displayname")).toBe("Film 1");
  });

  test("tells a film's size and that it is no folder", async () => {
    await using talk = await Conversation.open(system);
    const head = `PROPFIND ${FOLDER} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\nRange: bytes=0-\n${HEADERS}\ndepth: 1`;
    const xml = members(await talk.say(head)).get(FILM);
    expect(textOf(xml, "getcontentlength")).toBe(`${film.size}`);
    expect(xml).not.toContain("collection");
  });
});

test("a file is known to be there or not by the status of a PROPFIND", async () => {
  await using talk = await Conversation.open(system);
  const exists = (path: string) =>
    talk.say(`PROPFIND ${path} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\n${HEADERS}\ndepth: 0`);
  expect((await exists(FILM)).status).toBe(207);
  expect((await exists(`${FOLDER}film-1.nfo`)).status).toBe(404);
  expect((await exists(`${FOLDER}film-1.en.srt`)).status).toBe(404);
});

test.each(["VIDEO_TS/VIDEO_TS.IFO", "index.bdmv", "BDMV/index.bdmv", "INDEX.BDM", "folder.jpg", "film-1-poster.jpg"])(
  "is told that there is no %s",
  async (name) => {
    await using talk = await Conversation.open(system);
    const head = `HEAD ${FOLDER}${name} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\n${HEADERS}`;
    expect((await talk.say(head)).status).toBe(404);
  },
);

test("HEAD tells all that a seekable file needs, and that it is no folder", async () => {
  await using talk = await Conversation.open(system);
  const { status, headers } = await talk.say(`HEAD ${FILM} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\n${HEADERS}`);
  expect(status).toBe(200);
  expect(headers["content-length"]).toBe(`${film.size}`);
  expect(headers["accept-ranges"]).toBe("bytes");
  expect(headers["last-modified"]).toMatch(/GMT$/);
  expect(headers["content-type"]).toBe("video/x-matroska");
  expect(headers["content-encoding"] ?? headers["transfer-encoding"]).toBeUndefined();
});

test("a jump takes a second connection while the first one still holds its answer, and both have the right bytes", async () => {
  const get = (start: number) =>
    `GET ${FILM} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\nRange: bytes=${start}-\n${HEADERS}`;
  {
    await using first = await Conversation.open(system);
    first.send(get(0));
    await until(() => first.bytesReceived > MIB);
    first.pause();

    await using second = await Conversation.open(system);
    const start = 22 * MIB + 12_345;
    const { status, headers, body } = await second.say(get(start));
    expect(status).toBe(206);
    expect(headers["content-range"]).toBe(`bytes ${start}-${film.size - 1}/${film.size}`);
    expect(headers["content-length"]).toBe(`${film.size - start}`);
    expect(headers["content-encoding"] ?? headers["transfer-encoding"]).toBeUndefined();
    expect(body.equals(film.content.read(start, film.size - start))).toBe(true);

    first.resume();
    const whole = await first.answer("GET");
    expect(whole.status).toBe(206);
    expect(whole.body.equals(film.content.read(0, film.size))).toBe(true);

    // Stopped: what it has asked for last is left lying.
    second.send(get(0));
    await until(() => second.bytesReceived > 0);
  }
  await until(() => system.app.reader.activeReads === 0);
});

test("nothing names this server so that Kodi would keep to one connection", async () => {
  await using talk = await Conversation.open(system);
  const { headers } = await talk.say(`HEAD ${FILM} HTTP/1.1\nHost: {host}\nAuthorization: {basic}\n${HEADERS}`);
  expect(headers["server"] ?? "").not.toContain("Portable SDK for UPnP devices");
});
