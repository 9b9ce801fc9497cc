import { describe, expect, test } from "@jest/globals";
import { envName } from "../../src/config/environment.ts";
import { settingRows } from "../../src/config/settings.ts";

describe("variables", () => {
  test.each([
    ["port", "NEWSREEL_PORT"],
    ["dataDir", "NEWSREEL_DATA_DIR"],
    ["cache.memoryBytes", "NEWSREEL_CACHE_MEMORY_BYTES"],
    ["imports.maxJobsWhileStreaming", "NEWSREEL_IMPORTS_MAX_JOBS_WHILE_STREAMING"],
    ["apiKey", "NEWSREEL_API_KEY"],
    ["providers", "NEWSREEL_PROVIDERS"],
  ])("%s is set by %s", (key, name) => {
    expect(envName(key)).toBe(name);
  });

  test("are one per setting, and none looks like the file of another", () => {
    const names = settingRows().map(({ env }) => env);
    expect(new Set([...names, ...names.map((name) => `${name}_FILE`)]).size).toBe(2 * names.length);
  });
});
