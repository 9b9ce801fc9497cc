import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { loadSecrets, readSecrets } from "../../src/config/secrets.ts";

const EMPTY = { auth: { user: "admin", password: "" }, apiKey: "" };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "newsreel-secrets-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("loadSecrets", () => {
  test("generates what is empty once, and reads it back ever after", async () => {
    const data = join(dir, "not", "there", "yet");
    const first = await loadSecrets(data, EMPTY);
    expect(first).toMatchObject({
      isNew: true,
      generated: ["auth.password", "apiKey"],
      file: join(data, "secrets.json"),
    });
    expect(first.password).toMatch(/^[A-Za-z2-9]{20}$/);
    expect(first.apiKey).toMatch(/^[0-9a-f]{32}$/);
    expect(await loadSecrets(data, EMPTY)).toEqual({ ...first, isNew: false });
    expect(await readSecrets(data, EMPTY)).toEqual({ ...first, isNew: false });
  });

  test("generates others for another data folder", async () => {
    const [one, two] = [await loadSecrets(join(dir, "a"), EMPTY), await loadSecrets(join(dir, "b"), EMPTY)];
    expect(one.password).not.toBe(two.password);
    expect(one.apiKey).not.toBe(two.apiKey);
  });

  test("keeps them from other users, and leaves no draft behind", async () => {
    const { file } = await loadSecrets(dir, EMPTY);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(["secrets.json"]);
  });

  test("uses the configured ones and writes nothing when none is empty", async () => {
    const config = { auth: { user: "u", password: "p" }, apiKey: "k" };
    expect(await loadSecrets(dir, config)).toMatchObject({ password: "p", apiKey: "k", generated: [], isNew: false });
    expect(await readdir(dir)).toEqual([]);
  });

  test("never writes a configured secret down, and keeps what is stored when another one is added", async () => {
    const first = await loadSecrets(dir, { auth: { user: "u", password: "" }, apiKey: "configured" });
    expect(await readFile(first.file, "utf8")).not.toContain("configured");
    const second = await loadSecrets(dir, { auth: { user: "u", password: "configured" }, apiKey: "" });
    expect(second).toMatchObject({ password: "configured", isNew: true });
    expect(JSON.parse(await readFile(first.file, "utf8"))).toEqual({ password: first.password, apiKey: second.apiKey });
  });

  test.each(["", "hunter2", '"hunter2"', '{"password":7}', '{"apiKey":""}'])(
    "refuses a file of %j without showing it",
    async (text) => {
      await writeFile(join(dir, "secrets.json"), text);
      const error = await loadSecrets(dir, EMPTY).catch((thrown) => thrown);
      expect(error).toMatchObject({ code: "CONFIG_INVALID" });
      expect(`${error.message} ${error.hint} ${error.cause}`).not.toContain("hunter2");
      expect(await readFile(join(dir, "secrets.json"), "utf8")).toBe(text);
    },
  );

  test("says what to do when the data folder cannot be written", async () => {
    await writeFile(join(dir, "file"), "");
    const error = await loadSecrets(join(dir, "file", "data"), EMPTY).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", hint: expect.stringContaining("NEWSREEL_DATA_DIR") });
  });

  test("leaves no draft when the file cannot be put in its place", async () => {
    await mkdir(join(dir, "secrets.json", "occupied"), { recursive: true });
    await expect(loadSecrets(dir, EMPTY)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await chmod(dir, 0o700);
    expect(await readdir(dir)).toEqual(["secrets.json"]);
  });
});

describe("readSecrets", () => {
  test("generates nothing", async () => {
    expect(await readSecrets(dir, EMPTY)).toMatchObject({ password: "", apiKey: "", isNew: false });
    expect(await readdir(dir)).toEqual([]);
  });
});
