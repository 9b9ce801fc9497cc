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

const TV = { id: 3, name: "TV", mayWrite: false, createdAt: 0, lastUsedAt: Date.UTC(2026, 0, 2, 3, 4, 5) };
const RADARR = { id: 12, name: "Rad\u001barr", mayWrite: true, createdAt: 0, lastUsedAt: null };
const SECRET = "aaaa-bbbb-cccc-dddd-eeee-ffff-gggg-hhhh";
const newsreel = (...args: readonly string[]) => run([...args, "--url", server.url, "--user", "me:secret"]);
const calls = () => server.seen.map(({ method, url }) => `${method} ${url}`);

function answerAll(): void {
  server.on("GET /api/v1/app-passwords", (_, res) => json(res, { appPasswords: [TV, RADARR] }));
  server.on("POST /api/v1/app-passwords", ({ url }, res) => {
    const query = new URLSearchParams(url?.split("?")[1]);
    const made = {
      ...TV,
      name: query.get("name"),
      mayWrite: query.get("write") === "1",
      user: "admin",
      password: SECRET,
    };
    json(res, made, 201);
  });
  for (const one of [TV, RADARR]) server.on(`DELETE /api/v1/app-passwords/${one.id}`, (_, res) => json(res, one));
}

describe("apppass", () => {
  test("add shows the secret once, for reading only unless told otherwise", async () => {
    answerAll();
    expect(await newsreel("apppass", "add", "Zoë's TV & co")).toMatchObject({
      code: 0,
      stdout: `user      admin\npassword  ${SECRET}\nIt may only read. It is not shown again.\n`,
    });
    const { stdout } = await newsreel("apppass", "add", "Radarr", "--write", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ name: "Radarr", mayWrite: true, user: "admin", password: SECRET });
    expect(calls()).toEqual([
      "POST /api/v1/app-passwords?name=Zo%C3%AB%27s+TV+%26+co",
      "POST /api/v1/app-passwords?name=Radarr&write=1",
    ]);
  });

  test("ls shows what each may do and when it was used, and no control characters", async () => {
    answerAll();
    expect((await newsreel("apppass", "ls")).stdout).toBe(
      "    3  read   used 2026-01-02T03:04Z  TV\n   12  write  never used              Rad?arr\n",
    );
    expect((await newsreel("apppass", "ls", "--json")).stdout).toBe(
      `${JSON.stringify(TV)}\n${JSON.stringify(RADARR)}\n`,
    );
  });

  test.each([["TV"], ["3"]])("rm %s revokes that one", async (wanted) => {
    answerAll();
    expect(await newsreel("apppass", "rm", wanted)).toMatchObject({ code: 0, stdout: "TV is revoked\n" });
    expect(calls()).toContain("DELETE /api/v1/app-passwords/3");
  });

  test("rm means the name before the id", async () => {
    server.on("GET /api/v1/app-passwords", (_, res) => json(res, { appPasswords: [TV, { ...RADARR, name: "3" }] }));
    server.on("DELETE /api/v1/app-passwords/12", (_, res) => json(res, RADARR));
    expect((await newsreel("apppass", "rm", "3")).code).toBe(0);
  });

  test("rm of what is not there fails, and revokes nothing", async () => {
    answerAll();
    expect(await newsreel("apppass", "rm", "tv")).toMatchObject({
      code: 1,
      stderr: 'newsreel: there is no app password "tv"\n  newsreel apppass ls shows them\n',
    });
    expect(calls()).toEqual(["GET /api/v1/app-passwords"]);
  });

  test("passes on what the server refuses", async () => {
    const error = { code: "CONFLICT", message: "another app password has this name", hint: "revoke that one first" };
    server.on("POST /api/v1/app-passwords", (_, res) => json(res, { error }, 409));
    expect(await newsreel("apppass", "add", "TV")).toMatchObject({
      code: 1,
      stderr: "newsreel: TV: another app password has this name\n  revoke that one first\n",
    });
  });

  test.each([[[]], [["list"]], [["add"]], [["rm"]], [["ls", "x"]], [["ls", "--write"]], [["add", "a", "b"]]])(
    "cannot be called with %j",
    async (args) => {
      expect((await newsreel("apppass", ...args)).code).toBe(2);
      expect(server.seen).toEqual([]);
    },
  );

  test("fails on an answer that is no list of passwords, and where nobody answers", async () => {
    server.on("GET /api/v1/app-passwords", (_, res) => json(res, { appPasswords: [{ ...TV, lastUsedAt: 1e17 }] }));
    expect(await newsreel("apppass", "ls")).toMatchObject({ code: 1, stdout: "" });
    expect((await run(["apppass", "ls", "--url", "http://127.0.0.1:1", "--user", "me:secret"])).code).toBe(3);
  });
});
