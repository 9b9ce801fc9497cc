import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { runProgram, serve, serveVariables, tempDir, type Variables } from "./product.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
beforeEach(async () => {
  dir = await tempDir();
});
afterEach(async () => {
  await dir[Symbol.asyncDispose]();
});

/** What a start that fails says: exit code 1, and a message and a hint for a person, without a stack. */
async function refusal(env: Variables, args: readonly string[] = []): Promise<string> {
  await using child = runProgram(["serve", ...args], env);
  expect(await child.ended).toEqual({ code: 1, signal: null });
  expect(child.stderr()).toMatch(/^newsreel: .+\n {2}.+\n$/s);
  expect(child.output()).not.toMatch(/^\s+at |node:internal|should not happen/m);
  return child.stderr();
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
  });
}

describe("newsreel serve refuses to start, and says what to do", () => {
  test("with a typo in the configuration file", async () => {
    const file = join(dir.path, "newsreel.yaml");
    await writeFile(file, "cache:\n  memoryByte: 64MiB\n");
    const text = await refusal(serveVariables(dir.path), ["--config", file]);
    expect(text).toContain("cache.memoryByte");
    expect(text).toMatch(/did you mean (cache\.)?memoryBytes\?/);
  });

  test("with a typo in a variable", async () => {
    expect(await refusal(serveVariables(dir.path, undefined, { NEWSREEL_API_KEI: "x" }))).toContain(
      "did you mean NEWSREEL_API_KEY?",
    );
  });

  test("on a port that is taken", async () => {
    const other = await listenAnywhere();
    const address = other.address();
    const port = typeof address === "object" ? `${address?.port}` : "";
    const text = await refusal(serveVariables(dir.path, undefined, { NEWSREEL_PORT: port }));
    expect(text).toContain(`cannot listen on 127.0.0.1:${port}`);
    expect(text).toContain("--port");
    await new Promise((resolve) => other.close(resolve));
  });

  test.each(["a configured", "a generated"])("with a data folder that is a file, and %s login", async (kind) => {
    const file = join(dir.path, "file");
    await writeFile(file, "");
    const login = kind === "a configured" ? {} : { NEWSREEL_AUTH_PASSWORD: "", NEWSREEL_API_KEY: "" };
    expect(await refusal(serveVariables(file, undefined, login))).toContain(file);
  });

  // Of this one not even root may write anything.
  test.each(["a configured", "a generated"])(
    "with a data folder that cannot be written, and %s login",
    async (kind) => {
      const login = kind === "a configured" ? {} : { NEWSREEL_AUTH_PASSWORD: "", NEWSREEL_API_KEY: "" };
      expect(await refusal(serveVariables("/sys", undefined, login))).toContain("/sys");
    },
  );

  test.each([
    ["garbage", "this is no database ".repeat(500)],
    ["cut off", "SQLite format 3\0"],
  ])("with a catalog that is %s", async (_, content) => {
    const file = join(dir.path, "catalog.db");
    await writeFile(file, content);
    expect(await refusal(serveVariables(dir.path))).toContain(file);
  });

  test("on a data folder that another server uses, which goes on undisturbed", async () => {
    await using first = await serve(serveVariables(dir.path));
    const text = await refusal(serveVariables(dir.path));
    expect(text).toContain("another process has it open");
    expect(text).toContain("NEWSREEL_DATA_DIR");
    expect(await first.json("/healthz")).toEqual({ status: "ok" });
    expect((await first.request("/dav/nzbs/movies/a.nzb", { method: "PUT", body: "<nzb/>" })).status).toBe(422);
    first.kill("SIGTERM");
    expect(await first.ended).toEqual({ code: 0, signal: null });
  });
});
