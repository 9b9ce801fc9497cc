import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type System, startSystem } from "../fixture.ts";
import { CORPUS_FOLDERS, type CorpusArchive, corpusArchives } from "./corpus.ts";
import type { Posting } from "./posting.ts";
import { runArchive } from "./run-corpus.ts";

type Naming = Pick<Posting, "names" | "isShuffled">;

/** Tests all archives of the corpus, posted as `namingOf` says (undefined: not at all), and shows what became of them in a table. */
export function testCorpus(title: string, namingOf: (archive: CorpusArchive) => Naming | undefined): void {
  describe(`the corpus, ${title}`, () => {
    const rows: string[] = [];
    const total = { served: 0, refused: 0, wrong: 0 };
    let system: System;

    beforeAll(async () => {
      system = await startSystem({ settings: { "streaming.holdOffMs": 0 } });
    });

    afterAll(async () => {
      await system[Symbol.asyncDispose]();
      process.stdout.write(`\ncorpus, ${title}: ${inWords(total)}\n${rows.join("\n")}\n`);
    });

    test.each(CORPUS_FOLDERS)(
      "every archive of %s is served as it is listed, or refused for the true reason",
      async (folder) => {
        const count = { served: 0, refused: 0, wrong: 0 };
        const wrong: string[] = [];
        for (const [index, archive] of corpusArchives(folder).entries()) {
          const naming = namingOf(archive);
          if (naming === undefined) continue;
          try {
            count[await runArchive(system, archive, { ...naming, idPrefix: `${folder}-${index}` })] += 1;
          } catch (error) {
            count.wrong += 1;
            wrong.push(`${archive.volumes[0]?.name}: ${error instanceof Error ? error.message : error}`);
          }
        }
        rows.push(`  ${folder.padEnd(24)} ${inWords(count)}`);
        for (const key of ["served", "refused", "wrong"] as const) total[key] += count[key];
        expect(wrong).toEqual([]);
      },
    );
  });
}

function inWords({ served, refused, wrong }: Readonly<Record<"served" | "refused" | "wrong", number>>): string {
  return `${served} served, ${refused} refused, ${wrong} wrong`;
}
