import { describe, expect, test } from "@jest/globals";
import { run } from "../cli/run.ts";
import { type Film, type System, startSystem } from "./fixture.ts";

function newsreelVerify(system: System, ...args: readonly string[]) {
  const url = new URL(system.app.url);
  url.username = "tester";
  url.password = "secret";
  return run(["verify", ...args], { cwd: system.dataDir, env: { NEWSREEL_URL: url.href } });
}

/** Two films of 20 articles, of which the second lacks two; paths as people type them. */
async function startWithDamage() {
  const system = await startSystem();
  const films: Film[] = [];
  for (let number = 0; number < 2; number += 1) films.push(await system.addPattern({ size: 20_000, partSize: 1_000 }));
  const [sound, damaged] = films.map(({ path }) => decodeURIComponent(path.slice("/dav".length))) as [string, string];
  const gone = [3, 9].map((number) => films[1]?.posted.idOf(number) as string);
  system.servers[0]?.behave({ faults: (id) => (gone.includes(id) ? "missing" : undefined) });
  return { system, sound, damaged, [Symbol.asyncDispose]: () => system[Symbol.asyncDispose]() };
}

describe("newsreel verify, against the server", () => {
  test("a sound file is healthy, a damaged one is not", async () => {
    await using world = await startWithDamage();
    const { system, sound, damaged } = world;
    expect(await newsreelVerify(system, sound)).toMatchObject({
      code: 0,
      stdout: `${sound}: healthy (20 of 20 articles checked, 0 missing, 0 unknown)\n`,
    });
    expect(await newsreelVerify(system, damaged)).toMatchObject({
      code: 1,
      stdout: `${damaged}: damaged (20 of 20 articles checked, 2 missing, 0 unknown)\n`,
    });
  });

  test("a folder names the files in it that are damaged, and so does the whole library", async () => {
    await using world = await startWithDamage();
    for (const folder of ["/library/test", "/library"]) {
      expect(await newsreelVerify(world.system, folder)).toMatchObject({
        code: 1,
        stdout:
          `${world.damaged}: 2 of 20 articles missing, 0 unknown\n` +
          `${folder}: damaged (40 of 40 articles checked, 2 missing, 0 unknown)\n`,
      });
    }
  });

  test("in JSON, every finding is a line", async () => {
    await using world = await startWithDamage();
    const { stdout } = await newsreelVerify(world.system, "--json", "/library");
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { file: world.damaged, articles: 20, missing: 2, unknown: 0 },
      { checked: 40, total: 40, missing: 2, unknown: 0, verdict: "damaged" },
    ]);
  });
});
