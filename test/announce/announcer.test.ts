import { describe, expect, test } from "@jest/globals";
import { mustAnnounce } from "../../src/announce/announcer.ts";
import { RcloneMount } from "../../src/announce/rclone-mount.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { Desk, rclone } from "./desk.ts";
import { ToldServer } from "./told-server.ts";

const REFRESH = { name: "RefreshMonitoredDownloads" };

describe("a mount of rclone", () => {
  test("forgets what is above a new folder, then reads it; and only then the job is ready", async () => {
    await using desk = new Desk();
    await using mount = await ToldServer.open();
    const { answer } = mount;
    const seen: boolean[] = [];
    mount.answer = (told, res) => {
      seen.push(desk.isReady(job));
      answer(told, res);
    };
    const job = desk.complete({ name: "Show #1 & é", files: ["a.mkv", "extras/b.mkv"] });
    desk.start({ rclone: [rclone(mount.url)] });
    await desk.ready(job);
    expect(seen).toEqual([false, false]);
    const dirs = { dir1: "completed/tv/Show #1 & é", dir2: "library/tv/Show #1 & é" };
    const above = { file1: "completed", file2: "completed/tv", file3: "library", file4: "library/tv" };
    expect(mount.told).toMatchObject([
      { method: "POST", path: "/vfs/forget", body: { ...dirs, ...above } },
      { method: "POST", path: "/vfs/refresh", body: dirs },
    ]);
    for (const { headers, body } of mount.told) {
      expect(headers["content-type"]).toBe("application/json");
      expect(headers.authorization).toBeUndefined();
      expect(body).not.toHaveProperty("fs");
    }
    expect(desk.trouble()).toEqual([]);
  });

  test("is asked with its login, for its remote, and below the folder that /dav is there", async () => {
    await using desk = new Desk();
    await using one = await ToldServer.open();
    await using other = await ToldServer.open();
    const job = desk.complete({ files: [] });
    const withLogin = other.url.replace("//", "//me%40home:p%25w@");
    desk.start({
      rclone: [
        rclone(`${one.url}/rc`, { user: "u", password: "p:w", folder: "/usenet/dav/", remote: "news:" }),
        rclone(withLogin),
      ],
    });
    await desk.ready(job);
    expect(one.paths()).toEqual(["/rc/vfs/forget", "/rc/vfs/refresh"]);
    const login = `Basic ${Buffer.from("u:p:w").toString("base64")}`;
    expect(one.told[1]).toMatchObject({
      headers: { authorization: login },
      body: { fs: "news:", dir1: "usenet/dav/completed/tv/Show S01E01" },
    });
    expect(other.told[0]?.headers.authorization).toBe(`Basic ${Buffer.from("me@home:p%w").toString("base64")}`);
  });

  test("is told once of all that complete in one moment, and once more of all that complete meanwhile", async () => {
    await using desk = new Desk();
    await using mount = await ToldServer.open();
    const { answer } = mount;
    const held: (() => void)[] = [];
    mount.answer = (told, res) => {
      if (mount.told.length === 1) held.push(() => answer(told, res));
      else answer(told, res);
    };
    desk.start({ rclone: [rclone(mount.url)] });
    const completeTen = () =>
      Array.from({ length: 10 }, (_, n) => {
        const job = desk.complete({ name: `Show ${n}` });
        desk.wake();
        return job;
      });
    const first = completeTen();
    await until(() => held.length === 1);
    const second = completeTen();
    for (const release of held) release();
    await desk.ready(...first, ...second);
    expect(mount.paths()).toEqual(["/vfs/forget", "/vfs/refresh", "/vfs/forget", "/vfs/refresh"]);
    expect(Object.keys(mount.told[1]?.body ?? {})).toHaveLength(20);
  });

  test("that does not answer holds a job for ten seconds, the next ones not at all, and is named in the log once", async () => {
    await using desk = new Desk();
    await using dead = await ToldServer.open();
    await using alive = await ToldServer.open();
    const { answer } = dead;
    dead.answer = () => undefined;
    const first = desk.complete();
    desk.start({ rclone: [rclone(dead.url), rclone(alive.url)] });
    await until(() => dead.told.length === 1 && alive.told.length === 2 && desk.clock.waits.length === 1);
    desk.clock.advance(9_999);
    const second = desk.complete();
    desk.wake();
    await new Promise((resolve) => setImmediate(resolve));
    expect(desk.isReady(first)).toBe(false);
    desk.clock.advance(1);
    await desk.ready(first, second);
    expect(desk.trouble()).toHaveLength(1);
    expect(desk.trouble()[0]).toContain("it does not answer in time");

    // It is tried all the same, one round at a time, with all that it has not heard of.
    const third = desk.complete();
    desk.wake();
    await desk.ready(third);
    await until(() => dead.told.length === 2);
    dead.answer = answer;
    desk.clock.advance(10_000);
    await until(() => desk.logged.some(({ message }) => message === "is told of completed imports again"));
    expect(desk.trouble()).toHaveLength(1);
    expect(dead.paths().slice(2)).toEqual(["/vfs/forget", "/vfs/refresh"]);
  });

  test("that cannot be reached, refuses or does not see the folder holds nobody up", async () => {
    await using desk = new Desk();
    await using refusing = await ToldServer.open();
    await using blind = await ToldServer.open();
    await using leading = await ToldServer.open();
    await using target = await ToldServer.open();
    const gone = await ToldServer.open();
    const { url } = gone;
    await gone[Symbol.asyncDispose]();
    refusing.answer = (_, res) => res.writeHead(401).end(JSON.stringify({ error: "who are you?", input: {} }));
    blind.answer = ({ path, body }, res) =>
      res.end(
        JSON.stringify(path === "/vfs/forget" ? {} : { result: { [String(body["dir1"])]: "file does not exist" } }),
      );
    leading.answer = (_, res) => res.writeHead(307, { Location: target.url }).end();
    const job = desk.complete();
    desk.start({
      rclone: [url, refusing.url, blind.url, leading.url].map((at) => rclone(at, { user: "u", password: "secret" })),
    });
    await desk.ready(job);
    const all = desk.trouble().join("\n");
    for (const words of [
      "(ECONNREFUSED)",
      "it answers 401: who are you?",
      "does not see a new folder (file does not exist)",
    ]) {
      expect(all).toContain(words);
    }
    expect(all).toContain("it answers 307");
    expect(all).not.toContain("secret");
    expect(target.told).toEqual([]);
    const { length } = desk.trouble();
    const second = desk.complete({ name: "Another" });
    desk.wake();
    await desk.ready(second);
    expect(desk.trouble()).toHaveLength(length);
  });

  test("an answer without an end is not read to its end", async () => {
    await using desk = new Desk();
    await using mount = await ToldServer.open();
    let closed = 0;
    mount.answer = (_, res) => {
      res.on("close", () => {
        closed += 1;
      });
      const more = () => {
        while (!res.destroyed && res.write(Buffer.alloc(65_536, 32)));
      };
      res.on("drain", more);
      more();
    };
    const job = desk.complete();
    desk.start({ rclone: [rclone(mount.url)] });
    await desk.ready(job);
    await until(() => closed === 2);
  });
});

test("a mount that has missed more than it could be told forgets everything, of its remote alone", async () => {
  await using mount = await ToldServer.open();
  const { signal } = new AbortController();
  const settings = rclone(mount.url, { remote: "news:" });
  const one = new RcloneMount({ settings, clock: new ManualClock(), log: silentLogger, signal });
  await one.tell(Array.from({ length: 501 }, (_, n) => `completed/tv/${n}`));
  expect(mount.told.map(({ path, body }) => ({ path, body }))).toEqual([
    { path: "/vfs/forget", body: { fs: "news:" } },
  ]);
});

describe("a Sonarr", () => {
  test("is asked to look when a job is ready, and again after five seconds at the soonest", async () => {
    await using desk = new Desk();
    await using mount = await ToldServer.open();
    await using sonarr = await ToldServer.open();
    desk.start({ rclone: [rclone(mount.url)], arrs: [{ url: `${sonarr.url}/sonarr`, apiKey: "k3y" }] });
    const first = desk.complete();
    desk.wake();
    await desk.ready(first);
    await until(() => desk.clock.waits.includes(5_000));
    expect(sonarr.told).toHaveLength(1);
    expect(sonarr.told[0]).toMatchObject({
      method: "POST",
      path: "/sonarr/api/v3/command",
      headers: { "x-api-key": "k3y" },
      body: REFRESH,
    });
    for (let n = 0; n < 5; n += 1) {
      const job = desk.complete({ name: `More ${n}` });
      desk.wake();
      await desk.ready(job);
    }
    desk.clock.advance(4_999);
    expect(sonarr.told).toHaveLength(1);
    desk.clock.advance(1);
    await until(() => sonarr.told.length === 2 && desk.clock.waits.includes(5_000));
    desk.clock.advance(5_000);
    await until(() => desk.clock.timers === 0);
    expect(sonarr.told).toHaveLength(2);
  });

  test("is asked by whoever wakes, where nobody else has to be told; and its key is in no log", async () => {
    await using desk = new Desk();
    await using sonarr = await ToldServer.open();
    sonarr.answer = (_, res) => res.writeHead(401).end("no");
    desk.start({ arrs: [{ url: sonarr.url, apiKey: "k3y" }] });
    desk.wake();
    await until(() => desk.trouble().length === 1);
    expect(desk.trouble()[0]).toContain("it answers 401");
    expect(JSON.stringify(desk.logged)).not.toContain("k3y");
  });
});

test("what a dead process left untold is told at the start, and what is under way at the end stays untold", async () => {
  await using desk = new Desk();
  await using mount = await ToldServer.open();
  const { answer } = mount;
  mount.answer = () => undefined;
  const job = desk.complete();
  desk.start({ rclone: [rclone(mount.url)] });
  await until(() => mount.told.length === 1);
  await desk.stop();
  expect(desk.isReady(job)).toBe(false);
  expect(desk.clock.timers).toBe(0);
  expect(desk.trouble()).toEqual([]);
  mount.answer = answer;
  desk.start({ rclone: [rclone(mount.url)] });
  await desk.ready(job);
});

test("a job that was removed while a mount was told of it is no trouble", async () => {
  await using desk = new Desk();
  await using mount = await ToldServer.open();
  const { answer } = mount;
  mount.answer = (told, res) => {
    desk.catalog.completed.remove(job);
    answer(told, res);
  };
  const job = desk.complete();
  desk.start({ rclone: [rclone(mount.url)] });
  await until(() => mount.told.length === 2);
  const next = desk.complete();
  desk.wake();
  await desk.ready(next);
  expect(desk.trouble()).toEqual([]);
});

test("somebody must be told where .strm files are written, or a mount is configured", () => {
  const must = (overrides: Readonly<Record<string, unknown>>) =>
    mustAnnounce(loadConfig({ env: {}, cwd: "/", overrides }));
  expect(must({})).toBe(false);
  expect(must({ arrs: JSON.stringify([{ url: "http://nas:8989", apiKey: "k" }]) })).toBe(false);
  expect(must({ "completed.style": "strm" })).toBe(true);
  expect(must({ rclone: JSON.stringify([{ url: "http://nas:5572" }]) })).toBe(true);
});
