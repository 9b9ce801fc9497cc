import { readdirSync } from "node:fs";
import { join } from "node:path";
import { categoryRules } from "../../src/import/category-rules.ts";
import type { Submission } from "../../src/import/intake.ts";
import { createIntake } from "../../src/import/spooled-intake.ts";
import { parts } from "./fake-usenet.ts";
import { parser, Workshop } from "./workshop.ts";

export async function* inPieces(bytes: Uint8Array, size = 100) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const RULE = { folder: "", check: "none", leastPercent: 0, payload: "any", exclude: [], samples: "keep" } as const;

/** A library with an intake; counts what it is told. */
export class Desk extends Workshop {
  queued = 0;
  fetches = 0;

  async open(maxNzbBytes = 1_000_000) {
    return await createIntake({
      dataDir: this.folder,
      jobs: this.catalog.jobs,
      parser,
      maxNzbBytes,
      rules: categoryRules([{ ...RULE, name: "urgent", priority: "high" }]),
      onQueued: () => {
        this.queued += 1;
      },
      onFetch: () => {
        this.fetches += 1;
      },
    });
  }

  get spooled(): readonly string[] {
    return readdirSync(join(this.folder, "spool"));
  }

  get jobs(): number {
    return this.catalog.jobs.list({ limit: 100 }).length;
  }
}

export function desk(): Desk {
  const made = new Desk();
  made.usenet.post({ name: "Some.Film.mkv", parts: parts(10, 1000) });
  return made;
}

export function submission(bytes: Uint8Array, change: Partial<Submission> = {}): Submission {
  return {
    body: inPieces(bytes),
    fileName: undefined,
    category: "movies",
    signal: new AbortController().signal,
    ...change,
  };
}
