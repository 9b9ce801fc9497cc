import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type System, startSystem } from "../app/fixture.ts";
import { freshNzb } from "../app/posts.ts";
import { run } from "./run.ts";

/** The commands against the product itself, where the other tests of this folder script the server's answers. */
let system: System;
let dir: string;
beforeAll(async () => {
  system = await startSystem();
  dir = await mkdtemp(join(tmpdir(), "newsreel-cli-"));
});
afterAll(async () => {
  await system[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

const newsreel = (...args: readonly string[]) =>
  run([...args, "--url", system.app.url, "--user", "tester:secret"], { cwd: dir });

interface View {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly priority: string;
  readonly position: number | null;
}
const views = (stdout: string): readonly View[] =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

test("a folder of NZBs is imported and its paths are printed in their order, the second time without an import", async () => {
  await mkdir(join(dir, "season"));
  const names = Array.from({ length: 12 }, (_, index) => `Episode ${String(index + 1).padStart(2, "0")}`);
  for (const name of names)
    await writeFile(join(dir, "season", `${name}.nzb`), freshNzb(system, name.replace(" ", "")));
  const paths = names.map((name) => `/dav/library/tv/${name}/a0.mkv\n`).join("");
  expect(await newsreel("import", "season", "--category", "tv")).toMatchObject({ code: 0, stdout: paths });
  expect(await newsreel("import", "season", "--category", "tv")).toMatchObject({ code: 0, stdout: paths, stderr: "" });
  expect(views((await newsreel("history", "--search", "episode", "--json")).stdout).map(({ name }) => name)).toEqual(
    [...names].reverse(),
  );
});

test("imports that wait are listed, moved, given another priority, resumed, cancelled, tried again and forgotten", async () => {
  for (const name of ["One", "Two", "Three"]) await writeFile(join(dir, `${name}.nzb`), freshNzb(system, name));
  const handed = await newsreel("import", "One.nzb", "Two.nzb", "Three.nzb", "--category", "q", "--paused");
  const [one = "", two = "", three = ""] = handed.stdout.trim().split("\n");
  const queue = async () =>
    views((await newsreel("queue", "ls", "--json")).stdout).map(({ name, state, position }) => [name, state, position]);
  expect(await queue()).toEqual([
    ["One", "paused", 0],
    ["Two", "paused", 1],
    ["Three", "paused", 2],
  ]);
  expect((await newsreel("queue", "move", three, "top")).stdout).toBe("Three: number 1 of the queue\n");
  expect((await newsreel("queue", "priority", two, "high")).stdout).toBe("Two: priority high\n");
  expect((await queue()).map(([name]) => name)).toEqual(["Two", "Three", "One"]);

  expect((await newsreel("queue", "pause", "--json")).stdout).toContain('"isPaused":true');
  expect((await newsreel("queue", "resume", one)).stdout).toBe("One: queued\n");
  expect((await newsreel("queue", "resume")).code).toBe(0);
  expect(await newsreel("import", "One.nzb", "--category", "q")).toMatchObject({
    code: 0,
    stdout: "/dav/library/q/One/a0.mkv\n",
  });
  expect((await newsreel("queue", "cancel", two, "nothing")).stderr).toBe(
    "newsreel: nothing: there is no import with this id\n",
  );
  expect(views((await newsreel("history", "--state", "cancelled", "--json")).stdout).map(({ id }) => id)).toEqual([
    two,
  ]);
  expect((await newsreel("queue", "retry", two)).code).toBe(0);
  expect(await newsreel("import", "Two.nzb", "--category", "q")).toMatchObject({ code: 0 });
  expect((await newsreel("queue", "rm", three)).stdout).toBe(`${three}: removed\n`);
  expect(await queue()).toEqual([]);
});
