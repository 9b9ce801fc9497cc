import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

const root = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const lines = readFileSync(root("Dockerfile"), "utf8").split("\n");
const copies = lines.map((line) => /^COPY (?!--from)(.+) \S+$/.exec(line)?.[1]).filter((found) => found !== undefined);
const sources = copies.flatMap((found) => found.split(" "));

describe("the image", () => {
  test("copies only what exists and is let in", () => {
    const letIn = readFileSync(root(".dockerignore"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("!"));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      const name = source.replace(/^\.\//, "");
      expect([name, existsSync(root(name))]).toEqual([name, true]);
      expect(letIn).toContain(`!${name}`);
    }
    expect(letIn).toHaveLength(new Set(sources).size);
  });

  test("takes along every folder that the package ships", () => {
    const { files } = JSON.parse(readFileSync(root("package.json"), "utf8")) as { files: string[] };
    for (const folder of files)
      expect(lines.some((line) => new RegExp(`^COPY .*\\b${folder} \\./${folder}$`).test(line))).toBe(true);
  });

  test("runs as a user without privileges, on the documented port, with data in /config", () => {
    expect(lines.lastIndexOf("USER node")).toBeGreaterThan(lines.findLastIndex((line) => line.startsWith("RUN ")));
    expect(lines).toContain("EXPOSE 8119");
    expect(lines.some((line) => /^ENV .*NEWSREEL_DATA_DIR=\/config\b/.test(line))).toBe(true);
  });

  test("starts and checks a file that the build makes", () => {
    const commands = lines.flatMap((line) => /^(?:ENTRYPOINT|HEALTHCHECK .*CMD) (\[.*\])$/.exec(line)?.[1] ?? []);
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const program = (JSON.parse(command) as string[]).find((word) => word.endsWith(".js"));
      expect(program).toMatch(/^\/app\/dist\//);
      expect(existsSync(root((program as string).replace("/app/dist/", "src/").replace(/\.js$/, ".ts")))).toBe(true);
    }
  });
});
