import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type {
  Catalog,
  EntryId,
  Extent,
  ExtentMap,
  NewFile,
  NewPost,
  NewRelease,
  Run,
} from "../../src/catalog/catalog.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import type { JobId, JobState, JobStore, NewJob } from "../../src/catalog/jobs.ts";
import { migrate, readMigrations } from "../../src/catalog/migrations.ts";
import { catalogOver, openCatalog, type SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import type { Database } from "../../src/catalog/sqlite.ts";
import type { WritableTree } from "../../src/catalog/writable-tree.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../random.ts";

/** A folder for one test, with the catalog of a library in it; disposing closes and removes everything. */
export interface Library extends Disposable {
  readonly folder: string;
  readonly path: string;
  readonly clock: ManualClock;
  open(): SqliteCatalog;
  /** Closes the catalog that is open, and opens it again. */
  reopen(): SqliteCatalog;
}

export function library(): Library {
  const folder = mkdtempSync(join(tmpdir(), "newsreel-catalog-"));
  const path = join(folder, "catalog.db");
  const clock = new ManualClock();
  let current: SqliteCatalog | undefined;
  const open = () => {
    current = openCatalog({ path, clock });
    return current;
  };
  return {
    folder,
    path,
    clock,
    open,
    reopen() {
      current?.[Symbol.dispose]();
      return open();
    },
    [Symbol.dispose]() {
      current?.[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Random {
  /** A whole number, 0 <= it < below. */
  below(below: number): number;
  pick<T>(list: readonly T[]): T;
  /** Letters and digits. */
  text(length: number): string;
}

/** The same numbers for the same seed. */
export function seeded(seed: number): Random {
  const next = seededRandom(seed);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const random: Random = {
    below: (below) => Math.floor(next() * below),
    pick: <T>(list: readonly T[]) => list[random.below(list.length)] as T,
    text(length) {
      let text = "";
      while (text.length < length) {
        // Five characters out of one draw: lists of 100 000 ids are made of this.
        let draw = random.below(62 ** 5);
        for (let digit = 0; digit < 5 && text.length < length; digit++) {
          text += alphabet[draw % 62];
          draw = Math.floor(draw / 62);
        }
      }
      return text;
    },
  };
  return random;
}

/** Segments as a poster makes them: 24 random characters, the time, the program's name; 43 characters in all. */
export function segmentList(random: Random, count: number): SegmentList {
  let time = 1_690_000_000_000;
  const segments = Array.from({ length: count }, () => {
    time += random.below(20);
    return { id: `${random.text(24)}-${time}@nyuu` as MessageId, encodedSize: 739_000 + random.below(2000) };
  });
  return SegmentList.from(segments);
}

/** A post of `count` parts of `partSize` bytes, the last of them shorter. */
export function evenPost(random: Random, count: number, partSize = 716_800): NewPost {
  return { segments: segmentList(random, count), size: (count - 1) * partSize + 1 + random.below(partSize), partSize };
}

/** A post whose parts all differ in size. */
export function unevenPost(random: Random, count: number): NewPost {
  const partEnds = new Float64Array(count);
  let end = 0;
  for (let index = 0; index < count; index++) {
    end += 1 + random.below(800_000);
    partEnds[index] = end;
  }
  return { segments: segmentList(random, count), size: end, partEnds };
}

export function wholePost(posts: readonly NewPost[], post: number): Run {
  return { post, start: 0, end: posts[post]?.size ?? 0 };
}

export function fileOf(path: string, runs: readonly Run[]): NewFile {
  return { path, runs, modifiedAt: 1_650_000_000_000 };
}

/** A release of one file over one post, unless told otherwise. */
export function releaseOf(change: Partial<NewRelease> = {}): NewRelease {
  const random = seeded(1);
  const posts = change.posts ?? [evenPost(random, 3)];
  const files = change.files ?? [fileOf("film.mkv", [wholePost(posts, 0)])];
  return { category: "movies", name: "Film", digest: "d1", ...change, posts, files };
}

export function jobOf(change: Partial<NewJob> = {}): NewJob {
  return {
    name: "Film",
    category: "movies",
    digest: "d1",
    passwords: [],
    nzb: new Uint8Array([31, 139, 8]),
    bytes: 1000,
    ...change,
  };
}

/** How to bring a fresh job into each state. */
const WAY: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: [],
  waiting: ["waiting"],
  importing: ["importing"],
  completed: ["importing", "completed"],
  failed: ["failed"],
  paused: ["paused"],
  cancelled: ["cancelled"],
};

/** A job, made and brought into a state. */
export function jobIn(jobs: JobStore, state: JobState, digest: string): JobId {
  const { job } = jobs.add(jobOf({ digest }));
  for (const step of WAY[state]) jobs.update(job.id, { state: step });
  return job.id;
}

/** The counts of a queue that never had a job. */
export function noJobs(): Record<JobState, number> {
  return Object.fromEntries(Object.keys(WAY).map((state) => [state, 0])) as Record<JobState, number>;
}

/** Every extent of a file, worked out without a database. */
export function plainExtents(posts: readonly NewPost[], file: NewFile): Extent[] {
  const extents: Extent[] = [];
  let position = 0;
  for (const run of file.runs) {
    const { segments, size, partSize, partEnds } = posts[run.post] as NewPost;
    let begin = 0;
    for (let index = 0; index < segments.length; index++) {
      const isLast = index === segments.length - 1;
      const end = partEnds?.[index] ?? (isLast ? size : begin + (partSize as number));
      const from = Math.max(begin, run.start);
      const to = Math.min(end, run.end);
      if (from < to) {
        const start = position + from - run.start;
        extents.push({
          start,
          end: start + to - from,
          skip: from - begin,
          segment: {
            id: segments.idAt(index),
            alternates: segments.alternatesAt(index),
            begin,
            size: end - begin,
            encodedSize: segments.encodedSizeAt(index),
          },
        });
      }
      begin = end;
    }
    position += run.end - run.start;
  }
  return extents;
}

/** An extent as plain data, its segment's getters read. */
export function plain({ start, end, skip, segment }: Extent): Extent {
  const { id, alternates, begin, size, encodedSize } = segment;
  return { start, end, skip, segment: { id, alternates, begin, size, encodedSize } };
}

/** Walks a map from its first byte to its last. */
export function walk(map: ExtentMap): Extent[] {
  const extents: Extent[] = [];
  for (let offset = 0; offset < map.size; offset = (extents.at(-1) as Extent).end) extents.push(plain(map.at(offset)));
  return extents;
}

/** A database of the current schema with a catalog over it, for tests that look at its rows; disposing closes both. */
export function openRows(shelf: Library): Disposable & { readonly db: Database; readonly catalog: SqliteCatalog } {
  const db = openDatabase(shelf.path);
  migrate(db, readMigrations());
  const catalog = catalogOver(db, { clock: shelf.clock });
  return { db, catalog, [Symbol.dispose]: () => catalog[Symbol.dispose]() };
}

export function countOf(db: Database, table: string): number {
  return db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() as number;
}

/** Puts a sidecar with these bytes. */
export function put(catalog: Catalog, path: string, bytes: string | Uint8Array, tree: WritableTree = catalog) {
  using content = catalog.contents.begin();
  content.write(Buffer.from(bytes));
  return tree.putSidecar(path, content);
}

/** Of something that is there. */
export function idOf(catalog: Catalog, path: string, tree: WritableTree = catalog): EntryId {
  const entry = tree.find(path);
  if (entry === undefined) throw new Error(`there is no ${path}`);
  return entry.id;
}

/** The bytes of a sidecar. */
export function bytesOf(catalog: Catalog, path: string, tree: WritableTree = catalog): Buffer {
  return Buffer.concat([...catalog.contents.read(idOf(catalog, path, tree), { start: 0, end: Infinity })]);
}

/** Empties the trash, a few rows at a time. */
export function purgeAll(catalog: Catalog, limit = 10): void {
  const { trash } = catalog;
  for (let item = trash.oldest(Infinity); item !== undefined; item = trash.oldest(Infinity)) {
    while (trash.purge(item.id, limit));
  }
}

/** Steps of each plan, with how SQLite takes them: `SEARCH entry USING INDEX ...`. */
export function plansOf(db: Database, queries: Readonly<Record<string, string>>): string[] {
  return Object.values(queries).flatMap((sql) => {
    const named = Object.fromEntries(Array.from(sql.matchAll(/@(\w+)/g), ([, name]) => [name, 0]));
    const blanks = Array.from(sql.matchAll(/\?/g), () => 0);
    const plan = db.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`);
    return (blanks.length > 0 ? plan.all(...blanks) : plan.all(named)).map(({ detail }) => detail);
  });
}

export function thrownBy(call: () => unknown): { code?: unknown; message: string; hint?: string | undefined } {
  try {
    call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
