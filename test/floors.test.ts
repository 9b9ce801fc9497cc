import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

const SRC = fileURLToPath(new URL("../src", import.meta.url));

/** A file imports from its own folder and from floors beneath it. Never sideways, never up. */
const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  yenc: 1,
  nzb: 1,
  archive: 1,
  par2: 1,
  webdav: 1,
  admission: 1,
  config: 1,
  auth: 1,
  newsserver: 2,
  nntp: 2,
  catalog: 2,
  reader: 3,
  import: 4,
  mount: 4,
  health: 4,
  announce: 4,
  sab: 5,
  api: 5,
  ui: 5,
  cli: 6,
  ".": 6,
};

function sources(): string[] {
  return readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
}

function folderOf(file: string): string {
  return file.split("/").length === 1 ? "." : (file.split("/")[0] as string);
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"|new URL\(\s*"(\.[^"]+\.ts)"/g)];
  return specifiers.map((match) => (match[1] ?? match[2]) as string);
}

describe("the house", () => {
  test("every folder under src has a floor", () => {
    const unknown = sources().filter((file) => FLOORS[folderOf(file)] === undefined);
    expect(unknown).toEqual([]);
  });

  test("no file imports sideways or up", () => {
    const crossings = sources().flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.startsWith("."))
        .map((specifier) => relative(SRC, join(SRC, dirname(file), specifier)))
        .filter((target) => folderOf(target) !== folderOf(file))
        .filter((target) => {
          const here = FLOORS[folderOf(file)] ?? -1;
          const there = FLOORS[folderOf(target)] ?? 99;
          return here === 6 && there === 6 ? false : there >= here;
        })
        .map((target) => `${file} -> ${target}`),
    );
    expect(crossings).toEqual([]);
  });

  test("base stands on Node alone", () => {
    const foreign = sources()
      .filter((file) => folderOf(file) === "base")
      .flatMap((file) => importsOf(file).filter((s) => !s.startsWith("./") && !s.startsWith("node:")));
    expect(foreign).toEqual([]);
  });

  test("only config reads the environment", () => {
    const readers = sources().filter(
      (file) => folderOf(file) !== "config" && readFileSync(join(SRC, file), "utf8").includes("process.env"),
    );
    expect(readers).toEqual([]);
  });

  test("no file is longer than 500 lines", () => {
    const long = sources().filter((file) => readFileSync(join(SRC, file), "utf8").split("\n").length > 500);
    expect(long).toEqual([]);
  });
});
