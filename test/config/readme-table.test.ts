import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { configTable } from "../../src/config/describe.ts";

test("README's table of settings is the one the program works with", () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const [, table] = /table: begin -->\n([\s\S]*?)\n<!-- newsreel config table: end/.exec(readme) ?? [];
  expect(table).toBe(configTable().trim());
});
