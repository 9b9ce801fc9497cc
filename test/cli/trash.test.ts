import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ApiServer, json, startApiServer } from "./api-server.ts";
import { run } from "./run.ts";

let server: ApiServer;
beforeEach(async () => {
  server = await startApiServer();
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const removedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
const FILM = { id: 7, kind: "folder", path: "/dav/library/movies/Film", size: 0, removedAt };
const NFO = { id: 3, kind: "file", path: "/dav/library/movies/a\nb.nfo", size: 1234, removedAt };
const newsreel = (...args: readonly string[]) => run([...args, "--url", server.url, "--user", "me:secret"]);

describe("trash", () => {
  beforeEach(() => {
    server.on("GET /api/v1/trash", ({ url }, res) => {
      const isFirst = !url?.includes("after=");
      json(res, isFirst ? { items: [FILM], next: "5-7" } : { items: [NFO], next: null });
    });
  });

  test("ls shows all pages, folders with a slash, and no control characters", async () => {
    expect(await newsreel("trash", "ls")).toMatchObject({
      code: 0,
      stdout:
        "       7  2026-01-02T03:04:05Z                0  /library/movies/Film/\n" +
        "       3  2026-01-02T03:04:05Z             1234  /library/movies/a?b.nfo\n",
    });
    expect(server.seen.map(({ url }) => url)).toEqual(["/api/v1/trash?limit=500", "/api/v1/trash?limit=500&after=5-7"]);
    expect((await newsreel("trash", "ls", "--json")).stdout).toBe(`${JSON.stringify(FILM)}\n${JSON.stringify(NFO)}\n`);
  });

  test("restore tells where it stands now", async () => {
    const path = "/dav/library/movies/Film (2)";
    server.on("POST /api/v1/trash/7/restore", (_, res) => json(res, { id: 7, path }));
    expect(await newsreel("trash", "restore", "7")).toMatchObject({ code: 0, stdout: "/library/movies/Film (2)\n" });
    expect((await newsreel("trash", "restore", "7", "--json")).stdout).toBe(`${JSON.stringify({ id: 7, path })}\n`);
  });

  test("rm deletes it for good", async () => {
    server.on("DELETE /api/v1/trash/7", (_, res) => json(res, { id: 7 }));
    expect(await newsreel("trash", "rm", "7")).toMatchObject({ code: 0, stdout: "7 is gone\n" });
  });

  test("passes on what the server refuses", async () => {
    const error = { code: "PATH_MISSING", message: "the trash has no item 9", hint: null };
    server.on("POST /api/v1/trash/9/restore", (_, res) => json(res, { error }, 404));
    expect(await newsreel("trash", "restore", "9")).toMatchObject({
      code: 1,
      stderr: "newsreel: 9: the trash has no item 9\n",
    });
  });

  test.each([
    [[]],
    [["empty"]],
    [["rm"]],
    [["restore"]],
    [["ls", "7"]],
    [["rm", "Film"]],
    [["rm", "../x"]],
    [["rm", "0"]],
  ])("cannot be called with %j", async (args) => {
    expect((await newsreel("trash", ...args)).code).toBe(2);
    expect(server.seen).toEqual([]);
  });
});
