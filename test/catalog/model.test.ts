import { describe, expect, test } from "@jest/globals";
import type { CatalogStats, NewFile, NewPost, NewRelease } from "../../src/catalog/catalog.ts";
import { openDatabase } from "../../src/catalog/database.ts";
import { LEGAL_MOVES } from "../../src/catalog/job-moves.ts";
import type { Job, JobState } from "../../src/catalog/jobs.ts";
import {
  evenPost,
  fileOf,
  jobOf,
  library,
  plain,
  plainExtents,
  type Random,
  releaseOf,
  seeded,
  thrownBy,
  unevenPost,
} from "./fixture.ts";

interface ModelFile {
  readonly posts: readonly NewPost[];
  readonly file: NewFile;
  readonly size: number;
}

/** What a library should hold, in plain maps. Paths of folders map to nothing. */
class Model {
  readonly entries = new Map<string, ModelFile | undefined>();
  readonly releases = new Map<string, { readonly path: string; readonly files: string[] }>();
  readonly jobs: Job[] = [];
  readonly stats: { -readonly [Key in keyof CatalogStats]: number } = { files: 0, releases: 0, segments: 0, bytes: 0 };

  add(release: NewRelease): { path: string; isNew: boolean } {
    const known = this.releases.get(release.digest);
    if (known !== undefined) return { path: known.path, isNew: false };
    this.entries.set(release.category, undefined);
    const top = this.#free(`${release.category}/${release.name}`);
    this.entries.set(top, undefined);
    const files: string[] = [];
    const folders = new Map<string, string>([["", top]]);
    for (const file of release.files) {
      const names = file.path.split("/");
      let wanted = "";
      let folder = top;
      for (const name of names.slice(0, -1)) {
        wanted += `/${name}`;
        const made = folders.get(wanted) ?? this.#free(`${folder}/${name}`);
        this.entries.set(made, undefined);
        folders.set(wanted, made);
        folder = made;
      }
      const [stem, extension] = (names.at(-1) as string).split(".");
      const path = this.#free(`${folder}/${stem}`, extension === undefined ? "" : `.${extension}`);
      const size = file.runs.reduce((sum, { start, end }) => sum + end - start, 0);
      this.entries.set(path, { posts: release.posts, file, size });
      files.push(path);
      this.stats.files += 1;
      this.stats.bytes += size;
    }
    this.stats.releases += 1;
    this.stats.segments += release.posts.reduce((sum, { segments }) => sum + segments.length, 0);
    this.releases.set(release.digest, { path: top, files });
    return { path: top, isNew: true };
  }

  members(folder: string): string[] {
    const prefix = folder === "" ? "" : `${folder}/`;
    return [...this.entries.keys()]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes("/"))
      .map((path) => path.slice(prefix.length))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  #free(stem: string, extension = ""): string {
    let path = stem + extension;
    for (let number = 2; this.entries.has(path); number++) path = `${stem} (${number})${extension}`;
    return path;
  }
}

const STATES = Object.keys(LEGAL_MOVES) as JobState[];
const NAMES = ["a", "b", "a (2)", "ü", "日本", "x.mkv", "x (2).mkv", "Z"];

function randomRelease(random: Random): NewRelease {
  const posts = Array.from({ length: 1 + random.below(3) }, () => {
    const make = random.pick([evenPost, unevenPost]);
    return make(random, 1 + random.below(random.pick([4, 4, 30, 30, 1500])));
  });
  const files = Array.from({ length: 1 + random.below(4) }, () => {
    const runs = Array.from({ length: 1 + random.below(3) }, () => {
      const post = random.below(posts.length);
      const bounds = [random.below((posts[post] as NewPost).size + 1), random.below((posts[post] as NewPost).size + 1)];
      return { post, start: Math.min(...bounds), end: Math.max(...bounds) };
    });
    const depth = random.below(3);
    return fileOf([...Array.from({ length: depth }, () => random.pick(NAMES)), random.pick(NAMES)].join("/"), runs);
  });
  const digest = `digest ${random.below(120)}`;
  return releaseOf({ category: random.pick(["movies", "tv", "ü"]), name: random.pick(NAMES), digest, posts, files });
}

describe("a library", () => {
  test("does what its model does over a thousand random operations", () => {
    using shelf = library();
    const random = seeded(1);
    const model = new Model();
    let catalog = shelf.open();

    const operations: Readonly<Record<string, () => void>> = {
      add() {
        const release = randomRelease(random);
        expect(catalog.addRelease(release)).toMatchObject(model.add(release));
      },
      addBroken() {
        const release = randomRelease(random);
        if (model.releases.has(release.digest)) return;
        const broken = [...release.files, fileOf("bad", [{ post: 9, start: 0, end: 1 }])];
        expect(() => catalog.addRelease({ ...release, files: broken })).toThrow(RangeError);
      },
      find() {
        const path = random.pick(["", "nowhere", "movies/a/a/a/a", ...model.entries.keys()]);
        const entry = catalog.find(path);
        if (path !== "" && !model.entries.has(path)) return expect(entry).toBeUndefined();
        const file = model.entries.get(path);
        const kind = file === undefined ? "folder" : "file";
        expect(entry).toMatchObject({ kind, name: path.split("/").at(-1), size: file?.size ?? 0 });
      },
      list() {
        const folder = random.pick(["", ...model.entries.keys()]);
        const members = model.members(folder);
        const after = random.pick([undefined, ...members]);
        const limit = 1 + random.below(6);
        const from = after === undefined ? 0 : members.indexOf(after) + 1;
        const names = catalog.list(folder, after, limit).map(({ name }) => name);
        expect(names).toEqual(members.slice(from, from + limit));
      },
      read() {
        const files = [...model.entries].filter(([, file]) => file !== undefined && file.size > 0);
        if (files.length === 0) return;
        const [path, file] = random.pick(files) as [string, ModelFile];
        const map = catalog.extents(catalog.find(path)?.id as never);
        const offset = random.below(file.size);
        const expected = plainExtents(file.posts, file.file).find(({ end }) => end > offset);
        expect(plain(map.at(offset))).toEqual(expected);
      },
      releaseFiles() {
        const release = random.pick([...model.releases.values()]);
        if (release === undefined) return;
        const digest = [...model.releases].find(([, { path }]) => path === release.path)?.[0] as string;
        const { id } = catalog.addRelease(releaseOf({ digest }));
        const found = catalog.releaseFiles(id).map(({ path }) => path);
        expect(found.toSorted()).toEqual(release.files.toSorted());
      },
      queue() {
        const wanted = jobOf({ digest: `digest ${random.below(20)}`, category: random.pick(["movies", "tv"]) });
        const isOver = ({ state }: Job) => state === "failed" || state === "cancelled";
        const isSame = (job: Job) => job.digest === wanted.digest && job.category === wanted.category;
        const living = model.jobs.find((job) => isSame(job) && !isOver(job));
        const { job, isNew } = catalog.jobs.add(wanted);
        expect([isNew, job.id]).toEqual([living === undefined, living?.id ?? job.id]);
        if (isNew) model.jobs.push(job);
      },
      claim() {
        const now = shelf.clock.wall();
        const isReady = (job: Job) =>
          job.state === "queued" || (job.state === "waiting" && (job.notBefore ?? 0) <= now);
        const at = model.jobs.findIndex(isReady);
        const job = catalog.jobs.claim();
        expect(job?.id).toBe(model.jobs[at]?.id);
        if (job === undefined) return;
        expect(job.attempts).toBe((model.jobs[at]?.attempts ?? 0) + 1);
        model.jobs[at] = job;
      },
      complete() {
        const at = model.jobs.findIndex(({ state }) => state === "importing");
        const job = model.jobs[at];
        if (job === undefined) return;
        const release = { ...randomRelease(random), job: job.id };
        const added = catalog.addRelease(release);
        expect(added).toMatchObject(model.add(release));
        const stored = catalog.jobs.get(job.id) as Job;
        expect(stored).toMatchObject({ state: "completed", progress: 1, release: added.id });
        model.jobs[at] = stored;
      },
      move() {
        const at = random.below(model.jobs.length);
        const job = model.jobs[at];
        if (job === undefined) return;
        // A job is completed by its release.
        const state = random.pick(STATES.filter((other) => other !== "completed"));
        const revives = (job.state === "failed" || job.state === "cancelled") && state === "queued";
        const isTaken = model.jobs.some(
          (other) =>
            other.id !== job.id &&
            other.digest === job.digest &&
            other.category === job.category &&
            other.state !== "failed" &&
            other.state !== "cancelled",
        );
        const patch = { state, ...(state === "waiting" && { notBefore: shelf.clock.wall() + random.below(100) }) };
        const isLegal = state === job.state || LEGAL_MOVES[job.state].includes(state);
        if (!isLegal || (revives && isTaken)) {
          expect(thrownBy(() => catalog.jobs.update(job.id, patch)).code).toBe("CONFLICT");
          return;
        }
        model.jobs[at] = catalog.jobs.update(job.id, patch);
        expect(model.jobs[at]?.state).toBe(state);
      },
      jobs() {
        const state = random.pick([undefined, ...STATES]);
        const wanted = model.jobs.filter((job) => state === undefined || job.state === state).toReversed();
        expect(catalog.jobs.list({ ...(state && { states: [state] }), limit: 7 })).toEqual(wanted.slice(0, 7));
      },
      totals() {
        expect(catalog.stats()).toEqual(model.stats);
        const sum = (state: string) => model.jobs.filter((job) => job.state === state).length;
        expect(catalog.jobs.counts()).toEqual(Object.fromEntries(STATES.map((state) => [state, sum(state)])));
      },
      restart() {
        if (random.below(4) === 0) catalog = shelf.reopen();
      },
    };

    for (let step = 0; step < 1000; step++) {
      shelf.clock.advance(random.below(20));
      random.pick(Object.values(operations))();
    }
    operations["totals"]?.();
    expect(model.stats.releases).toBeGreaterThan(50);
    catalog[Symbol.dispose]();
    const db = openDatabase(shelf.path);
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    expect(db.pragma("foreign_key_check")).toEqual([]);
    db.close();
  });
});
