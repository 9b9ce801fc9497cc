import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ApiServer, json, pour, sha256, startApiServer } from "./api-server.ts";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

let server: ApiServer;
let children: ChildProcess[];
beforeEach(async () => {
  if (!existsSync(MAIN)) throw new Error("these tests run the built program: npm run build first");
  server = await startApiServer();
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await server[Symbol.asyncDispose]();
});

/** Starts the built program as its own process, with the server's address and a login, and no other settings. */
function start(...args: readonly string[]) {
  const url = server.url.replace("//", "//me:secret@");
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: "/", env: { NEWSREEL_URL: url } });
  children.push(child);
  let stderr = "";
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stderr }));
  return { child, stdout: child.stdout, ended };
}

describe("newsreel as a process", () => {
  test("writes every byte into a pipe before it ends", async () => {
    const { total } = pour(server, "/dav/film", 400);
    const { stdout, ended } = start("cat", "/film");
    const got = createHash("sha256");
    for await (const chunk of stdout) got.update(chunk);
    expect(await ended).toEqual({ code: 0, signal: null, stderr: "" });
    expect(got.digest("hex")).toBe(sha256(Buffer.alloc(total, "newsreel")));
  });

  test("ends quietly when its reader goes, and lets go of the server", async () => {
    const poured = pour(server, "/dav/film", 16 * 1024);
    const { stdout, ended } = start("cat", "/film");
    await once(stdout, "readable");
    stdout.read(100);
    stdout.destroy();
    expect(await ended).toEqual({ code: 0, signal: null, stderr: "" });
    expect(poured.bytes).toBeLessThan(64 * 2 ** 20);
  });

  test("ends quietly when nobody reads a listing", async () => {
    server.on("PROPFIND /dav/", (_, res) => {
      const one = "<response><href>/dav/a/</href></response>";
      res.writeHead(207).end(`<multistatus xmlns="DAV:">${one.repeat(20_000)}</multistatus>`);
    });
    const { stdout, ended } = start("ls");
    stdout.destroy();
    expect(await ended).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("stops at SIGTERM while it follows an import", async () => {
    let polled: () => void = () => {};
    const isFollowing = new Promise<void>((resolve) => {
      polled = resolve;
    });
    server.on("POST /api/v1/imports", (_, res) => json(res, { id: "1", state: "queued" }, 202));
    server.on("GET /api/v1/imports/1", (_, res) => {
      json(res, { id: "1", state: "queued", name: "n" });
      polled();
    });
    const { child, ended } = start("import", "-", "--name", "n");
    child.stdin.end("<nzb/>");
    await isFollowing;
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 130, signal: null });
  });

  test.each<[readonly string[], number, string]>([
    [["version"], 0, ""],
    [["health", "--url", "http://127.0.0.1:1"], 3, ""],
    [["lss"], 2, 'newsreel: there is no command "lss"\n  did you mean ls?\n'],
    [
      ["config", "show", "--config", "/none.yaml"],
      1,
      "newsreel: the configuration has a mistake: /none.yaml: /none.yaml does not exist\n",
    ],
  ])("%j has exit code %d and tells no stack", async (args, code, message) => {
    const { stdout, ended } = start(...args);
    stdout.resume();
    const { stderr, ...end } = await ended;
    expect(end).toEqual({ code, signal: null });
    expect(stderr.startsWith(message)).toBe(true);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
