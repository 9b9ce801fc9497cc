import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { silentLogger } from "../../src/base/logger.ts";
import type { Entry } from "../../src/catalog/catalog.ts";
import type { Job, JobWish } from "../../src/catalog/jobs.ts";
import { openCatalog, type SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { type CategoryRule, categoryRules } from "../../src/import/category-rules.ts";
import { createImporter, type Imported, type Importer, type ImporterOptions } from "../../src/import/importer.ts";
import { parseNzb } from "../../src/nzb/parse.ts";
import type { NzbParser } from "../../src/nzb/parser-thread.ts";
import { ManualClock } from "../manual-clock.ts";
import { FakeUsenet } from "./fake-usenet.ts";

/** The real parser, without its thread: that one needs built files. */
export const parser: Pick<NzbParser, "parse"> = {
  parse: (source, { signal, limits }) =>
    parseNzb("path" in source ? createReadStream(source.path) : chunksOf(source.bytes), { signal, limits }),
};

async function* chunksOf(bytes: Uint8Array) {
  yield bytes;
}

/** Rules for all categories. Nothing is checked unless they say so: what an import asks for is counted article by article. */
export function rulesOf(rule: Partial<CategoryRule> = {}) {
  const plain = {
    folder: "",
    priority: "normal",
    leastPercent: 90,
    payload: "any",
    exclude: [],
    samples: "keep",
  } as const;
  return categoryRules([{ ...plain, check: "none", ...rule, name: "*" }]);
}

export interface WorkshopOptions extends Partial<Omit<ImporterOptions, "clock">> {
  readonly clock?: ManualClock;
}

/** A library with a real catalog, an importer and a Usenet of its own; disposing closes and removes everything. */
export class Workshop implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "newsreel-import-"));
  readonly clock: ManualClock;
  readonly usenet = new FakeUsenet();
  readonly catalog: SqliteCatalog;
  readonly importer: Importer;

  constructor({ clock = new ManualClock(), ...options }: WorkshopOptions = {}) {
    this.clock = clock;
    this.catalog = openCatalog({ path: join(this.folder, "catalog.db"), clock: this.clock });
    this.importer = createImporter({
      catalog: this.catalog,
      parser,
      source: this.usenet,
      rules: rulesOf(),
      mustAnnounce: () => false,
      clock: this.clock,
      log: silentLogger,
      ...options,
    });
  }

  /** Queues what was posted, under a name. */
  async queue(name = "Film", { nzb = this.usenet.nzb(), ...wish }: QueueWish = {}): Promise<Job> {
    const { digest } = await parser.parse({ bytes: nzb }, { signal: new AbortController().signal });
    const source = { digest, nzb: gzipSync(nzb), bytes: nzb.length };
    return this.catalog.jobs.add({ name, category: "movies", passwords: [], ...source, ...wish }).job;
  }

  /** Queues what was posted and imports it at once. */
  async import(name?: string, wish?: QueueWish): Promise<Imported> {
    await this.queue(name, wish);
    const job = this.catalog.jobs.claim() as Job;
    return await this.importer.run(job, { signal: new AbortController().signal, onProgress() {} });
  }

  /** What was asked for so far. */
  get asked(): { readonly bodies: number; readonly stats: number } {
    return { bodies: this.usenet.bodies.length, stats: this.usenet.stats.length };
  }

  /** Paths of all files with their sizes, under the release. */
  files(path: string): Readonly<Record<string, number>> {
    const found: Record<string, number> = {};
    const walk = (folder: string) => {
      for (const entry of this.catalog.list(folder, undefined, 1000)) {
        const inner = `${folder}/${entry.name}`;
        if (entry.kind === "folder") walk(inner);
        else found[inner.slice(path.length + 1)] = entry.size;
      }
    };
    walk(path);
    return found;
  }

  /** Begin, size and id of the segments of a file, in order. */
  segments(path: string): readonly (readonly [begin: number, size: number, id: string | undefined])[] {
    const map = this.catalog.extents((this.catalog.find(path) as Entry).id);
    const segments: [number, number, string | undefined][] = [];
    for (let offset = 0; offset < map.size; ) {
      const extent = map.at(offset);
      segments.push([extent.segment.begin, extent.segment.size, extent.segment.id]);
      offset = extent.end;
    }
    return segments;
  }

  [Symbol.dispose](): void {
    this.catalog[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface QueueWish extends Partial<JobWish> {
  /** Instead of what was posted. */
  readonly nzb?: Buffer;
}

/** Lets every promise that can settle do so. */
export async function settle(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

export async function rejection(work: Promise<unknown>): Promise<{ code?: string; message: string; hint?: string }> {
  return await work.then(
    () => {
      throw new Error("nothing was thrown");
    },
    (error: Error) => error,
  );
}
