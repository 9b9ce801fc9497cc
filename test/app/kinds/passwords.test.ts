import { describe, expect, test } from "@jest/globals";
import { startSystem } from "../fixture.ts";
import { film } from "./contents.ts";
import { type ImportRequest, importOverHttp } from "./http-import.ts";
import { postFiles } from "./posting.ts";
import { smallRar } from "./rar.ts";

const PASSWORD = "pässwort {42}.x";
const CONTENT = film(5, 60_003);

interface Way extends Omit<ImportRequest, "nzb"> {
  readonly meta?: readonly string[];
  readonly configured?: readonly string[];
}

const WAYS: readonly (readonly [string, Way])[] = [
  ["the NZB, among several", { name: "Film", meta: ["one", PASSWORD, "two"] }],
  ["the name, in braces", { name: `Film{{${PASSWORD}}}` }],
  ["the name of the file, in braces", { fileName: `Film{{${PASSWORD}}}.nzb` }],
  ["the name of the file, behind a word", { fileName: `Film password=${PASSWORD}.nzb` }],
  ["the request", { name: "Film", password: PASSWORD }],
  ["the settings", { name: "Film", meta: ["wrong"], configured: ["no", PASSWORD] }],
];

describe.each(["RAR4", "RAR5"] as const)("the password of a %s set with encrypted headers", (kind) => {
  test.each(WAYS)("is taken from %s", async (_, { meta, configured = [], ...request }) => {
    await using system = await startSystem({ settings: { "imports.passwords": [...configured] } });
    const format = kind === "RAR4" ? 4 : 5;
    const inside = [{ name: "Film.2026.mkv", content: CONTENT }];
    const files = smallRar({ format, volumeSize: 20_000, password: PASSWORD, encryptsHeaders: true, files: inside });
    const passwords = meta === undefined ? {} : { passwords: meta };
    const posted = postFiles(system, "pw", { files, partSize: 7_000, ...passwords });
    const job = await importOverHttp(system, { ...request, nzb: posted.nzb });
    expect([job.state, job.error]).toEqual(["completed", null]);
    // Nobody who looks at the library is told.
    expect(JSON.stringify([job, system.logged])).not.toContain(PASSWORD);
    const answer = await system.get("/dav/library/kinds/Film/Film.2026.mkv");
    expect(answer.body.equals(CONTENT.read(0, CONTENT.size))).toBe(true);
  });
});
