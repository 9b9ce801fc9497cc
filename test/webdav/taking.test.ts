import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Grant } from "../../src/webdav/handler.ts";
import { type DavServer, startDavServer } from "./dav-server.ts";
import { fetchRaw, type Headers } from "./raw-client.ts";
import { lock } from "./take-lock.ts";

/** Who sends the next requests. */
let grant: Grant;
let server: DavServer;
beforeEach(async () => {
  grant = { user: "reader", mayWrite: false };
  server = await startDavServer({ authenticate: async () => grant });
  server.tree.addFolder("rw/taken");
  server.tree.addFolder("rw/taken/job");
  server.tree.addFile("rw/taken/job/film.mkv", 10);
});
afterEach(async () => {
  expect(server.errors).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const status = async (method: string, path: string, headers: Headers = {}, body = "") =>
  (await fetchRaw(server.port, method, path, headers, body)).status;

describe("what is there for taking", () => {
  test("is removed by a login that may only read: files and folders", async () => {
    expect(await status("DELETE", "/dav/rw/taken/job/film.mkv")).toBe(204);
    expect(await status("DELETE", "/dav/rw/taken/job/film.mkv")).toBe(404);
    expect(await status("DELETE", "/dav/rw/taken/job/")).toBe(204);
    expect(server.tree.find(["rw", "taken", "job"])).toBeUndefined();
  });

  test("is not removed by a guest", async () => {
    grant = { user: "", mayWrite: false };
    expect(await status("DELETE", "/dav/rw/taken/job/film.mkv")).toBe(403);
    expect(server.tree.find(["rw", "taken", "job", "film.mkv"])).toBeDefined();
  });

  test.each([
    ["DELETE", "/dav/rw/old.txt"],
    ["DELETE", "/dav/rw/taken/"],
    ["DELETE", "/dav/rw/taken/../old.txt"],
    ["DELETE", "/dav/movies/small.mkv"],
    ["DELETE", "/dav/"],
    ["PUT", "/dav/rw/taken/job/new.mkv"],
    ["PUT", "/dav/rw/taken/job/film.mkv"],
    ["MKCOL", "/dav/rw/taken/job/new"],
    ["PROPPATCH", "/dav/rw/taken/job/film.mkv"],
    ["LOCK", "/dav/rw/taken/job/film.mkv"],
    ["UNLOCK", "/dav/rw/taken/job/film.mkv"],
  ])("gives no right to %s %s", async (method, path) => {
    expect([400, 403]).toContain(await status(method, path));
    expect(server.tree.find(["rw", "old.txt"])).toBeDefined();
    expect(server.tree.find(["rw", "taken", "job", "film.mkv"])?.size).toBe(10);
    expect(server.tree.find(["rw", "taken", "job", "new.mkv"])).toBeUndefined();
  });

  test.each(["MOVE", "COPY"])("gives no right to %s it", async (method) => {
    const headers = { Destination: `http://h/dav/rw/taken/job/other.mkv` };
    expect(await status(method, "/dav/rw/taken/job/film.mkv", headers)).toBe(403);
  });

  test("is not taken from under somebody's lock", async () => {
    grant = { user: "writer", mayWrite: true };
    await lock(server, "/dav/rw/taken/job/film.mkv");
    grant = { user: "reader", mayWrite: false };
    expect(await status("DELETE", "/dav/rw/taken/job/")).toBe(423);
  });
});
