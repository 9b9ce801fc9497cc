import { readdirSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { patternContent } from "../../../src/newsserver/content.ts";
import { toNzb } from "../../../src/newsserver/write-nzb.ts";
import { ToldServer } from "../../announce/told-server.ts";
import { until } from "../../until.ts";
import { type System, startSystem } from "../fixture.ts";
import { Conversation, members } from "./conversation.ts";

// What Sonarr does with a completed download through an rclone mount: its DiskProvider makes the link anew where it wants it, unlinks the
// old one, and removes the folder as .NET does, file by file and then each folder; rclone lists a folder before it removes it. The requests
// are those of rclone 1.75.2 with `--links`.

const HEADERS = `User-Agent: rclone/v1.75.2-DEV
Authorization: {auth}`;
const TAIL = `Referer: http://{host}/dav/
Accept-Encoding: gzip`;
const NAME = "Show.S01E01.1080p.WEB-DL-GRP";
const FOLDER = `/dav/completed/tv/${NAME}`;
const LIBRARY = `/dav/library/tv/${NAME}`;

let posted = 0;

/** Imports a release of two files; resolves when its folder is ready. */
async function completed(system: System, name = NAME): Promise<void> {
  posted += 1;
  const files = [`${name}.mkv`, `${name}.nfo`].map((file, index) =>
    system.store.addFile({
      name: file,
      content: patternContent(posted * 10 + index, 90_000 + index),
      partSize: 50_000,
    }),
  );
  const job = await system.ended(await system.submit(name, toNzb(files), "tv"));
  expect(job).toMatchObject({ state: "completed", name });
}

/** One client's way to talk, with a login of its own. */
async function open(system: System, auth: string) {
  const talk = await Conversation.open(system);
  const ask = (method: string, path: string, more = "") =>
    talk.say(`${method} ${path} HTTP/1.1\nHost: {host}\n${HEADERS}\n${more}${TAIL}`, "", { auth });
  return {
    ask,
    list: async (path: string) => [...members(await ask("PROPFIND", path, "Depth: 1\n")).keys()].slice(1),
    [Symbol.asyncDispose]: () => talk[Symbol.asyncDispose](),
  };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

async function appPassword(system: System, query: string): Promise<string> {
  const made = await system.get(`/api/v1/app-passwords?${query}`, {}, "POST");
  const { user, password } = JSON.parse(made.body.toString()) as { readonly user: string; readonly password: string };
  return basic(user, password);
}

const WHO = {
  "the owner, on a server whose library is read-only": {
    settings: { "library.readOnly": true },
    login: async () => basic("tester", "secret"),
  },
  "an app password that may only read": {
    settings: {},
    login: (system: System) => appPassword(system, "name=Sonarr"),
  },
  "an app password that may only read, on a server whose library is read-only": {
    settings: { "library.readOnly": true },
    login: (system: System) => appPassword(system, "name=Sonarr"),
  },
} as const;

describe.each(Object.entries(WHO))("%s", (_, { settings, login }) => {
  let system: System;
  let auth: string;
  beforeAll(async () => {
    system = await startSystem({ settings });
    auth = await login(system);
  });
  afterAll(async () => {
    await system[Symbol.asyncDispose]();
  });

  test("finds a link for each file, removes them one by one, then the folder; the library stays", async () => {
    await completed(system);
    await using client = await open(system, auth);
    const links = await client.list(`${FOLDER}/`);
    expect(links).toEqual([`${FOLDER}/${NAME}.mkv.rclonelink`, `${FOLDER}/${NAME}.nfo.rclonelink`]);
    const { body } = await client.ask("GET", links[0] as string);
    expect(body.toString()).toBe(`/mnt/newsreel/library/tv/${NAME}/${NAME}.mkv`);
    for (const link of links) {
      expect((await client.ask("DELETE", link)).status).toBe(204);
      expect((await client.ask("PROPFIND", link, "Depth: 0\n")).status).toBe(404);
    }
    expect(await client.list(`${FOLDER}/`)).toEqual([]);
    expect((await client.ask("DELETE", `${FOLDER}/`)).status).toBe(204);
    expect((await client.ask("PROPFIND", `${FOLDER}/`, "Depth: 1\n")).status).toBe(404);
    expect(await client.list("/dav/completed/tv/")).toEqual([]);
    expect(await client.list(`${LIBRARY}/`)).toEqual([`${LIBRARY}/${NAME}.mkv`, `${LIBRARY}/${NAME}.nfo`]);
  });

  test("removes a job's folder with everything in it", async () => {
    await completed(system, "Another");
    await using client = await open(system, auth);
    expect((await client.ask("DELETE", "/dav/completed/tv/Another/")).status).toBe(204);
    expect(await client.list("/dav/completed/tv/")).toEqual([]);
    expect((await client.list("/dav/library/tv/Another/")).length).toBe(2);
  });

  test("changes nothing else", async () => {
    await completed(system, "Third");
    await using client = await open(system, auth);
    const [link, film] = ["/dav/completed/tv/Third/Third.mkv.rclonelink", "/dav/library/tv/Third/Third.mkv"];
    const to = (path: string) => `Destination: http://{host}${path}\n`;
    for (const [method, path, more = ""] of [
      ["DELETE", "/dav/completed/tv/"],
      ["DELETE", "/dav/completed/"],
      ["DELETE", film],
      ["DELETE", "/dav/library/tv/Third/"],
      ["DELETE", "/dav/library/tv/"],
      ["MKCOL", "/dav/library/new/"],
      ["PUT", "/dav/library/tv/Third/x.nfo", "Content-Length: 0\n"],
      ["PUT", "/dav/nzbs/tv/x.nzb", "Content-Length: 0\n"],
      ["MOVE", film, to("/dav/library/tv/x.mkv")],
      ["MOVE", link, to("/dav/library/tv/x.mkv.rclonelink")],
      ["COPY", film, to("/dav/library/tv/x.mkv")],
      ["PUT", `${link}x`, "Content-Length: 0\n"],
      ["MKCOL", "/dav/completed/tv/Third/new/"],
    ] as const) {
      expect({ method, path, status: (await client.ask(method, path, more)).status }).toEqual({
        method,
        path,
        status: 403,
      });
    }
    expect(await client.list("/dav/completed/tv/Third/")).toHaveLength(2);
    expect(await client.list("/dav/library/tv/Third/")).toHaveLength(2);
  });
});

test("a guest takes nothing away: it is asked for a login", async () => {
  await using system = await startSystem({ settings: { "auth.anonymous": "read" } });
  await completed(system);
  await using guest = await Conversation.open(system);
  expect((await guest.say(`DELETE ${FOLDER}/ HTTP/1.1\nHost: {host}`)).status).toBe(401);
  expect((await system.get(`${FOLDER}/`, { Depth: "1" }, "PROPFIND")).status).toBe(207);
});

test("with the files themselves, a root folder in the same mount is an import by rename: the same bytes in the new place", async () => {
  await using system = await startSystem({ settings: { "completed.style": "files" } });
  await completed(system);
  await using client = await open(system, basic("tester", "secret"));
  const film = `${FOLDER}/${NAME}.mkv`;
  const range = "Range: bytes=49990-50009\n";
  const before = await client.ask("GET", film, range);
  expect(before.headers["content-range"]).toBe("bytes 49990-50009/90000");
  for (const path of ["/dav/library/shows/", "/dav/library/shows/Show/"]) {
    expect((await client.ask("MKCOL", path)).status).toBe(201);
  }
  const to = "/dav/library/shows/Show/S01E01.mkv";
  expect((await client.ask("MOVE", film, `Destination: http://{host}${to}\nOverwrite: T\n`)).status).toBe(201);
  const after = await client.ask("GET", to, range);
  expect(after.body.equals(before.body)).toBe(true);
  expect(after.headers["etag"]).toBe(before.headers["etag"]);
  expect(await client.list(`${FOLDER}/`)).toEqual([`${FOLDER}/${NAME}.nfo`]);
});

test("with .strm files a job is ready once they are on the disk; what is played is their URL", async () => {
  const strmFolder = await mkdtemp(join(tmpdir(), "newsreel-strm-"));
  try {
    await using system = await startSystem({
      settings: {
        "completed.style": "strm",
        "completed.strmFolder": strmFolder,
        "completed.strmUrl": "http://nas:8119",
      },
    });
    await completed(system);
    await until(() => system.app.catalog.completed.find("tv", NAME)?.isReady === true);
    expect((await readdir(join(strmFolder, "tv", NAME))).toSorted()).toEqual([".newsreel", `${NAME}.mkv.strm`]);
    const url = new URL((await readFile(join(strmFolder, "tv", NAME, `${NAME}.mkv.strm`), "utf8")).trim());
    expect(url.origin).toBe("http://nas:8119");
    expect((await system.get(url.pathname, { Range: "bytes=0-9" })).status).toBe(206);
    const [job] = system.app.catalog.jobs.list({ limit: 1 });
    expect((await system.get(`/api/v1/imports/${job?.id}/archive`, {}, "POST")).status).toBe(200);
    await until(() => readdirSync(join(strmFolder, "tv")).length === 0);
    expect((await system.get(url.pathname, { Range: "bytes=0-9" })).status).toBe(206);
  } finally {
    await rm(strmFolder, { recursive: true, force: true });
  }
});

test("a job is ready once the mount has read its folder from this very server; then Sonarr is asked to look", async () => {
  await using mount = await ToldServer.open();
  await using sonarr = await ToldServer.open();
  await using system = await startSystem({
    settings: {
      rclone: JSON.stringify([{ url: mount.url, folder: "news" }]),
      arrs: JSON.stringify([{ url: sonarr.url, apiKey: "k3y" }]),
    },
  });
  const { answer } = mount;
  const seen: { readonly status: number; readonly isReady: boolean | undefined }[] = [];
  mount.answer = (told, res) => {
    void (async () => {
      const { status } = await system.get(`${FOLDER}/`, { Depth: "1" }, "PROPFIND");
      seen.push({ status, isReady: system.app.catalog.completed.find("tv", NAME)?.isReady });
      answer(told, res);
    })();
  };
  await completed(system);
  await until(() => sonarr.told.length === 1);
  expect(mount.told[1]?.body).toMatchObject({ dir1: `news/completed/tv/${NAME}`, dir2: `news/library/tv/${NAME}` });
  expect(seen).toEqual([
    { status: 207, isReady: false },
    { status: 207, isReady: false },
  ]);
  expect(system.app.catalog.completed.find("tv", NAME)?.isReady).toBe(true);
});
