import { describe, expect, test } from "@jest/globals";
import { configSchema, configTable, describeConfig } from "../../src/config/describe.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { settingRows } from "../../src/config/settings.ts";

const YAML = `
port: 9000
auth: { password: hunter2 }
imports: { passwords: [hunter2] }
providers: [{ name: main, host: h, username: u, password: hunter2 }, { host: open.example }]
`;

function views(yaml: string, env: Record<string, string> = {}) {
  return describeConfig(loadConfig({ env, cwd: "/srv", readFile: () => yaml }));
}

function view(key: string, all: ReturnType<typeof views>) {
  return all.find((one) => one.key === key);
}

describe("describeConfig", () => {
  test("shows every setting once, with its source", () => {
    const all = views(YAML, { NEWSREEL_CACHE_MEMORY_BYTES: "64MiB" });
    expect(all.map(({ key }) => key)).toEqual(settingRows().map(({ key }) => key));
    expect(view("port", all)).toMatchObject({
      value: 9000,
      text: "9000",
      source: { kind: "file", place: "newsreel.yaml:2" },
    });
    expect(view("cache.memoryBytes", all)).toMatchObject({
      value: 64 * 2 ** 20,
      text: "64MiB",
      env: "NEWSREEL_CACHE_MEMORY_BYTES",
      source: { kind: "environment", place: "NEWSREEL_CACHE_MEMORY_BYTES" },
    });
  });

  test("hides secrets that are set and tells those that are not", () => {
    const all = views(YAML, { NEWSREEL_API_KEY: "hunter2" });
    expect(JSON.stringify(all)).not.toContain("hunter2");
    expect([
      view("auth.password", all)?.text,
      view("apiKey", all)?.value,
      view("imports.passwords", all)?.value,
    ]).toEqual(["***", "***", "***"]);
    expect(view("providers", all)?.value).toMatchObject([
      { name: "main", username: "u", password: "***" },
      { name: "open.example", username: "", password: "" },
    ]);
    expect(view("apiKey", views(""))?.value).toBe("");
  });
});

describe("configSchema", () => {
  const schema = configSchema();

  test("knows every key, and no other", () => {
    const keysOf = (node: Record<string, unknown>, prefix: string): string[] =>
      Object.entries((node["properties"] ?? {}) as Record<string, Record<string, unknown>>).flatMap(([name, member]) =>
        member["properties"] === undefined ? [prefix + name] : keysOf(member, `${prefix}${name}.`),
      );
    expect(keysOf(schema, "")).toEqual(settingRows().map(({ key }) => key));
    expect(schema["additionalProperties"]).toBe(false);
  });

  test("requires a provider's host and nothing else", () => {
    const providers = (schema as { properties: { providers: { items: { required: unknown } } } }).properties.providers;
    expect(providers.items.required).toEqual(["host"]);
    expect(schema).not.toHaveProperty("required");
  });

  test("takes sizes as numbers and as text, as the loader does", () => {
    const { cache } = (schema as { properties: Record<string, { properties: Record<string, object> }> }).properties;
    expect(cache?.properties["memoryBytes"]).toMatchObject({
      anyOf: [{ type: "number" }, { type: "string" }],
      default: "128MiB",
    });
  });

  test("holds only patterns that JSON Schema's regular expressions know", () => {
    for (const [, pattern] of JSON.stringify(schema).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)) {
      expect(() => new RegExp(JSON.parse(pattern as string), "u")).not.toThrow();
    }
  });
});

describe("configTable", () => {
  test("has one row per key, with variable and default", () => {
    const rows = configTable().trimEnd().split("\n");
    for (const { key, env } of settingRows()) {
      expect(rows.filter((row) => row.startsWith(`| \`${key}\` | \`${env}\``))).toHaveLength(1);
    }
    expect(rows).toContain(
      "| `port` | `NEWSREEL_PORT` | `8119` | Port to listen on; 0 takes a free one. Takes a whole number from 0 to 65535. |",
    );
    expect(rows.some((row) => row.startsWith("| `apiKey` | `NEWSREEL_API_KEY`, `_FILE` | empty |"))).toBe(true);
    expect(rows.some((row) => row.startsWith("| `providers[].host` |  | required |"))).toBe(true);
  });

  test("has four columns in every row", () => {
    for (const row of configTable().trimEnd().split("\n")) expect(row.split("|")).toHaveLength(6);
  });
});
