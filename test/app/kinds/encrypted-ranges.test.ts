import { describe, expect, test } from "@jest/globals";
import type { Content } from "../../../src/newsserver/content.ts";
import { seededRandom } from "../../random.ts";
import { bytes } from "../client.ts";
import { startSystem } from "../fixture.ts";
import { serverOf, settledFetches } from "../wire.ts";
import { film, type Named } from "./contents.ts";
import { importOverHttp } from "./http-import.ts";
import { postFiles } from "./posting.ts";
import { smallRar } from "./rar.ts";
import { sevenZip, splitInto } from "./seven-zip.ts";

const VOLUME = 300_000;
const PART = 10_000;
const SIZE = 3_600_007;
const PASSWORD = "pässword-42";
const NAME = "Ranges.2026";

function rar(format: 4 | 5, encryptsHeaders: boolean, content: Content): readonly Named[] {
  const files = [{ name: `${NAME}.mkv`, content }];
  return smallRar({ format, volumeSize: VOLUME, password: PASSWORD, encryptsHeaders, files });
}

const SETS: readonly (readonly [string, (content: Content) => readonly Named[]])[] = [
  ["RAR4, headers in the clear", (content) => rar(4, false, content)],
  ["RAR4, headers encrypted", (content) => rar(4, true, content)],
  ["RAR5, headers in the clear", (content) => rar(5, false, content)],
  ["RAR5, headers encrypted", (content) => rar(5, true, content)],
  [
    "split 7z",
    (content) => {
      const files = [{ name: `${NAME}.mkv`, content }];
      return splitInto(NAME, sevenZip({ files, header: "encrypted", password: PASSWORD }), VOLUME);
    },
  ],
];

describe.each(SETS)("an encrypted set of thirteen volumes: %s", (_, write) => {
  test("a range costs the articles that it lies in, one before and one behind, never a volume", async () => {
    await using system = await startSystem({ settings: { "streaming.holdOffMs": 0 } });
    const content = film(3, SIZE);
    const posted = postFiles(system, "ranges", { files: write(content), partSize: PART, passwords: [PASSWORD] });
    const job = await importOverHttp(system, { name: NAME, nzb: posted.nzb });
    expect(job.error).toBeNull();
    const { counters } = serverOf(system);
    const random = seededRandom(9);
    for (let round = 0; round < 60; round += 1) {
      const start = Math.floor(random() * (SIZE - 1));
      const end = Math.min(SIZE, start + 1 + Math.floor(random() ** 2 * 3 * PART));
      counters.reset();
      const answer = await system.get(`/dav/library/kinds/${NAME}/${NAME}.mkv`, bytes(start, end));
      expect([answer.status, answer.body.equals(content.read(start, end - start))]).toEqual([206, true]);
      // Where a volume ends inside, it and the next one have a short article each.
      const touched = Math.ceil((end - start) / PART) + 2;
      expect(await settledFetches(system)).toBeLessThanOrEqual(touched + 2);
      expect(Math.max(0, ...counters.bodies.values())).toBeLessThanOrEqual(1);
    }
  });
});
