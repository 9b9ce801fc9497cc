import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { patternContent } from "../../../src/newsserver/content.ts";
import { toNzb } from "../../../src/newsserver/write-nzb.ts";
import { until } from "../../until.ts";
import { type Film, type System, startSystem } from "../fixture.ts";
import { Conversation, members, sayOnce, textOf } from "./conversation.ts";

// Recorded from rclone 1.60.1 and 1.75.2 (both Debian's) with `vendor = other`: lsl, copy, moveto, deletefile, purge, cat, about. What
// differs is how each looks at one file, the header Overwrite, and how much of a name is escaped.

const MIB = 1024 * 1024;
const ROOT = "/dav/library/test/";
const FILM = `${ROOT}Film%201/film-1.mkv`;
const HEADERS = `User-Agent: rclone/v1
Authorization: {basic}`;
const TAIL = `Referer: http://{host}/dav/
Accept-Encoding: gzip`;
const FOUR = `<?xml version="1.0"?>
<d:propfind xmlns:d="DAV:">
 <d:prop>
  <d:displayname/>
  <d:getlastmodified/>
  <d:getcontentlength/>
  <d:resourcetype/>
 </d:prop>
</d:propfind>
`;
const QUOTA = `<?xml version="1.0" ?>
<D:propfind xmlns:D="DAV:">
 <D:prop>
  <D:quota-available-bytes/>
  <D:quota-used-bytes/>
 </D:prop>
</D:propfind>
`;

interface Version {
  readonly name: string;
  /** One file or folder, as PROPFIND. */
  readonly stat: (talk: Conversation, path: string) => ReturnType<Conversation["say"]>;
  readonly list: (talk: Conversation, path: string) => ReturnType<Conversation["say"]>;
  readonly overwrite: "T" | "F";
  /** A hard name as it stands in a URL. */
  readonly sidecar: string;
}

const propfind = (depth: 0 | 1, body: string) => (talk: Conversation, path: string) =>
  talk.say(
    `PROPFIND ${path} HTTP/1.1\nHost: {host}\n${HEADERS}\n${body === "" ? "" : "Content-Length: {length}\n"}Depth: ${depth}\n${TAIL}`,
    body,
  );

const OLD: Version = {
  name: "1.60.1",
  stat: propfind(1, ""),
  list: propfind(1, ""),
  overwrite: "F",
  sidecar: "Film%20%231%20100%25%20&%20%3Cx%3E.nfo",
};
const NEW: Version = {
  name: "1.75.2",
  stat: propfind(0, FOUR),
  list: propfind(1, FOUR),
  overwrite: "T",
  sidecar: "Film%20%231%20100%25%20%26%20%3Cx%3E.nfo",
};
// nzbdav's report on 1.73: every character that RFC 3986 does not leave alone, and some that it does.
const ESCAPING: Version = { ...NEW, name: "1.73, escaping all", sidecar: "Film%20%231%20100%25%20%26%20%3Cx%3E%2Enfo" };

let system: System;
let film: Film;
beforeAll(async () => {
  system = await startSystem({ settings: { "imports.maxJobsWhileStreaming": 2 } });
  film = system.addCold({ size: 40 * MIB });
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
});

const bare = (talk: Conversation, method: string, path: string) =>
  talk.say(`${method} ${path} HTTP/1.1\nHost: {host}\n${HEADERS}\n${TAIL}`);
const put = (talk: Conversation, path: string, body: string) =>
  talk.say(
    `PUT ${path} HTTP/1.1\nHost: {host}\nUser-Agent: rclone/v1\nContent-Length: {length}\nAuthorization: {basic}\nContent-Type: text/x-nfo; charset=utf-8\n${TAIL}`,
    body,
  );
const move = (talk: Conversation, from: string, to: string, overwrite: string) =>
  talk.say(
    `MOVE ${from} HTTP/1.1\nHost: {host}\n${HEADERS}\nDestination: http://{host}${to}\nOverwrite: ${overwrite}\n${TAIL}`,
  );

describe.each([OLD, NEW, ESCAPING].map((version) => [version.name, version] as const))("rclone %s", (_, version) => {
  const { stat, list, overwrite, sidecar } = version;
  const folder = `${ROOT}Sidecars-${encodeURIComponent(version.name)}`;

  test("finds a folder without its slash, and what is in it", async () => {
    await using talk = await Conversation.open(system);
    const asked = await stat(talk, "/dav/library/test");
    expect([...members(asked).keys()][0]).toBe(ROOT);
    const found = members(await list(talk, `${ROOT}Film%201/`));
    expect(textOf(found.get(FILM), "getcontentlength")).toBe(`${film.size}`);
    expect(found.get(FILM)).toContain("<D:status>HTTP/1.1 200 OK</D:status>");
  });

  test("copies up, sees what it has sent, renames, deletes and purges", async () => {
    await using talk = await Conversation.open(system);
    expect((await stat(talk, folder)).status).toBe(404);
    // From the parent downwards once the folder itself was a 409, as rclone does.
    expect((await bare(talk, "MKCOL", `${folder}/deeper/`)).status).toBe(409);
    expect((await bare(talk, "MKCOL", `${folder}/`)).status).toBe(201);
    expect((await bare(talk, "MKCOL", `${folder}/`)).status).toBe(405);
    expect((await bare(talk, "MKCOL", `${folder}/deeper/`)).status).toBe(201);

    expect((await put(talk, `${folder}/${sidecar}`, "hello\n")).status).toBe(201);
    const [href, xml] = [...members(await stat(talk, `${folder}/${sidecar}`))][0] ?? [];
    expect(decodeURIComponent(href ?? "")).toMatch(/\/Film #1 100% & <x>\.nfo$/);
    expect(textOf(xml, "getcontentlength")).toBe("6");
    expect(textOf(xml, "displayname")).toBe("Film #1 100% &amp; &lt;x&gt;.nfo");
    expect((await put(talk, `${folder}/${sidecar}`, "hello again\n")).status).toBe(204);

    expect((await stat(talk, `${folder}/b.nfo`)).status).toBe(404);
    expect((await bare(talk, "MKCOL", `${folder}/`)).status).toBe(405);
    expect((await move(talk, `${folder}/${sidecar}`, `${folder}/b.nfo`, overwrite)).status).toBe(201);
    expect(textOf([...members(await stat(talk, `${folder}/b.nfo`)).values()][0], "getcontentlength")).toBe("12");
    expect((await stat(talk, `${folder}/${sidecar}`)).status).toBe(404);

    expect((await move(talk, `${folder}/`, `${folder}-moved/`, overwrite)).status).toBe(201);
    expect([...members(await list(talk, `${folder}-moved/`)).keys()].map((path) => path.slice(folder.length))).toEqual([
      "-moved/",
      "-moved/b.nfo",
      "-moved/deeper/",
    ]);
    expect((await bare(talk, "DELETE", `${folder}-moved/b.nfo`)).status).toBe(204);
    expect((await bare(talk, "DELETE", `${folder}-moved/`)).status).toBe(204);
    expect((await stat(talk, `${folder}-moved`)).status).toBe(404);
  });

  test("renames a release, whose film then has the same bytes in its new place", async () => {
    await using talk = await Conversation.open(system);
    const moved = `${ROOT}${encodeURIComponent(`Renamed by ${version.name}`)}/`;
    expect((await move(talk, `${ROOT}Film%201/`, moved, overwrite)).status).toBe(201);
    const start = 1_000_000;
    const head = `GET ${moved}film-1.mkv HTTP/1.1\nHost: {host}\n${HEADERS}\nDepth: 0\nRange: bytes=${start}-${start + 65_535}\n${TAIL}`;
    const { status, headers, body } = await talk.say(head);
    expect(status).toBe(206);
    expect(headers["content-range"]).toBe(`bytes ${start}-${start + 65_535}/${film.size}`);
    expect(headers["content-encoding"]).toBeUndefined();
    expect(body.equals(film.content.read(start, 65_536))).toBe(true);
    expect((await move(talk, moved, `${ROOT}Film%201/`, overwrite)).status).toBe(201);
  });
});

test("rclone about learns two numbers", async () => {
  const head = `PROPFIND /dav/ HTTP/1.1\nHost: {host}\nUser-Agent: rclone/\nContent-Length: 139\nAuthorization: {basic}\nDepth: 0\n${TAIL}`;
  const xml = [...members(await sayOnce(system, head, QUOTA)).values()][0];
  expect(Number(textOf(xml, "quota-available-bytes"))).toBeGreaterThan(0);
  expect(textOf(xml, "quota-used-bytes")).toMatch(/^\d+$/);
});

test("a mount without cache asks for 128 MiB and hangs up after what it wanted, and nothing reads on", async () => {
  {
    await using talk = await Conversation.open(system);
    talk.send(
      `GET ${FILM} HTTP/1.1\nHost: {host}\n${HEADERS}\nDepth: 0\nRange: bytes=65536-134283263\nReferer: http://{host}/dav/`,
    );
    await until(() => talk.bytesReceived > 65_536);
  }
  await until(() => system.app.reader.activeReads === 0);
});

test("an NZB that is uploaded under another name is imported once, when it gets its own", async () => {
  await using talk = await Conversation.open(system);
  const posted = system.store.addFile({ name: "p.mkv", content: patternContent(78, 50_000), partSize: 20_000 });
  const [partial, whole] = ["/dav/nzbs/movies/Post.nzb.1a2b3c4d.partial", "/dav/nzbs/movies/Post.nzb"] as const;
  const jobs = () => system.app.catalog.jobs.list({ limit: 10 });
  expect((await put(talk, partial, toNzb([posted]))).status).toBe(201);
  expect(jobs()).toHaveLength(0);
  expect((await move(talk, partial, whole, "T")).status).toBe(201);
  expect(textOf([...members(await NEW.stat(talk, whole)).values()][0], "displayname")).toBe("Post.nzb");
  const [job] = jobs();
  expect(jobs()).toHaveLength(1);
  expect((await system.ended(job as NonNullable<typeof job>)).state).toBe("completed");
});

test("what a name decomposes to on one machine is found on another", async () => {
  await using talk = await Conversation.open(system);
  const composed = `${ROOT}${encodeURIComponent("Zoë.nfo".normalize("NFC"))}`;
  const decomposed = `${ROOT}${encodeURIComponent("Zoë.nfo".normalize("NFD"))}`;
  expect(decomposed).not.toBe(composed);
  expect((await put(talk, decomposed, "zoe")).status).toBe(201);
  expect([...members(await OLD.stat(talk, composed)).keys()]).toEqual([composed]);
  expect((await bare(talk, "DELETE", decomposed)).status).toBe(204);
});
