import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdmissionController } from "../../src/admission/controller.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { Job, JobId } from "../../src/catalog/jobs.ts";
import { openCatalog, type SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { categoryRules } from "../../src/import/category-rules.ts";
import { createImportQueue } from "../../src/import/import-queue.ts";
import type { Intake } from "../../src/import/intake.ts";
import { createIntake } from "../../src/import/spooled-intake.ts";
import { DamageKeeper } from "../../src/mount/damage-keeper.ts";
import { LibraryTree, type LibraryTreeOptions } from "../../src/mount/library-tree.ts";
import { standIns } from "../../src/mount/stand-ins.ts";
import { Streams } from "../../src/mount/streams.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import { Reader } from "../../src/reader/reader.ts";
import { SegmentCache } from "../../src/reader/segment-cache.ts";
import type { DavEntry } from "../../src/webdav/tree.ts";
import { FakeUsenet } from "../import/fake-usenet.ts";
import { parser } from "../import/workshop.ts";
import { ManualClock } from "../manual-clock.ts";

const LIMITS = {
  connections: 8,
  maxJobs: 2,
  maxJobsWhileStreaming: 0,
  perStreamConnections: 2,
  floor: 1,
  holdOffMs: 15_000,
};

export const MIB = 1024 * 1024;

const LINKS = standIns({
  style: "rclonelink",
  mountPath: "/mnt/newsreel",
  strmFolder: "",
  strmSeenAs: "",
  strmUrl: "",
});

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** The bytes of an NZB that nobody else has; the same for the same number. */
export function nzb(number: number): Buffer {
  const segments = [1, 2].map((part) => ({
    id: `${number}.${part}@example.com` as MessageId,
    number: part,
    encodedSize: 1000,
  }));
  const subject = `[1/1] - "Film.${number}.mkv" yEnc (1/2)`;
  const file = { subject, poster: "p@example.com", postedAt: Date.UTC(2025, 4, 1), groups: ["a.b.test"], segments };
  return Buffer.from(toNzb([file]));
}

/**
 * A tree over a real catalog with a real intake, of which nothing is imported unless the test says so. `/a/b` in its methods is the
 * path of clients. Disposing closes and removes everything.
 */
export class Shelf implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "newsreel-mount-"));
  readonly clock = new ManualClock();
  readonly admission = new AdmissionController({ limits: LIMITS, clock: this.clock, log: silentLogger });
  readonly usenet = new FakeUsenet();
  readonly #settings: Partial<LibraryTreeOptions>;
  catalog: SqliteCatalog;
  intake!: Intake;
  streams!: Streams;
  tree!: LibraryTree;
  #cache!: SegmentCache;

  private constructor(settings: Partial<LibraryTreeOptions>) {
    this.#settings = settings;
    this.catalog = this.#openCatalog();
  }

  static async open(settings: Partial<LibraryTreeOptions> = {}): Promise<Shelf> {
    const shelf = new Shelf(settings);
    await shelf.#build();
    return shelf;
  }

  /** What a restart does. */
  async reopen(): Promise<void> {
    this.#close();
    this.catalog = this.#openCatalog();
    await this.#build();
  }

  find(path: string): DavEntry | undefined {
    return this.tree.find(split(path));
  }

  names(path: string, limit = 1000): readonly string[] {
    return this.tree.list(split(path), undefined, limit).map(({ name }) => name);
  }

  /** All names, page by page. */
  paged(path: string, limit: number): readonly string[] {
    const all: string[] = [];
    for (let page = this.tree.list(split(path), undefined, limit); page.length > 0; ) {
      all.push(...page.map(({ name }) => name));
      page = page.length < limit ? [] : this.tree.list(split(path), all.at(-1), limit);
    }
    return all;
  }

  put(path: string, body: string | Uint8Array | Chunks, length?: number): Promise<"created" | "replaced"> {
    const chunks = typeof body === "string" ? [Buffer.from(body)] : body instanceof Uint8Array ? [body] : body;
    const { signal } = new AbortController();
    return this.tree.put(split(path), { body: inTurn(chunks), length, signal });
  }

  async text(path: string): Promise<string> {
    const { size = 0, content } = this.find(path) ?? {};
    const chunks: Buffer[] = [];
    for await (const chunk of this.read(path, 0, size)) chunks.push(Buffer.from(chunk));
    const read = Buffer.concat(chunks);
    if (content !== undefined && !read.equals(content)) throw new Error("what is read is not what is at hand");
    return read.toString();
  }

  read(path: string, start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal } = new AbortController();
    return this.tree.read(
      split(path),
      { start, end },
      { signal, client: { address: "a", userAgent: "u", user: "me" } },
    );
  }

  remove(path: string): void {
    this.tree.remove(split(path));
  }

  make(path: string): void {
    this.tree.makeCollection(split(path));
  }

  async move(from: string, to: string): Promise<void> {
    await this.tree.move(split(from), split(to));
  }

  async copy(from: string, to: string): Promise<void> {
    await this.tree.copy(split(from), split(to), "infinity");
  }

  /** Sets a property `urn:x` to a value. */
  setProperty(path: string, local: string, value: string): void {
    const xml = `<x:${local} xmlns:x="urn:x">${value}</x:${local}>`;
    this.tree.patchProperties(split(path), [{ kind: "set", property: { namespace: "urn:x", local, xml } }]);
  }

  /** Oldest first. */
  jobs(): readonly Job[] {
    return this.catalog.jobs.list({ limit: 100_000 }).toReversed();
  }

  /** A film of 600 bytes of which nobody has an article. */
  addFilm(category = "movies", name = "Film"): string {
    const { path } = this.catalog.addRelease({
      category,
      name,
      digest: `${category}/${name}`,
      posts: [{ segments: SegmentList.from([{ id: undefined, encodedSize: 0 }]), size: 600, partSize: 600 }],
      files: [{ path: "film.mkv", runs: [{ post: 0, start: 0, end: 600 }], modifiedAt: Date.UTC(2026, 0, 1) }],
    });
    return `/library/${path}/film.mkv`;
  }

  /** Takes the oldest job, which fails. */
  failNext(error: string, hint: string): JobId {
    const job = this.catalog.jobs.claim() as Job;
    return this.catalog.jobs.update(job.id, { state: "failed", error, hint }).id;
  }

  /** Takes the oldest job, which is done. */
  completeNext(): JobId {
    const { id, category, name, digest } = this.catalog.jobs.claim() as Job;
    this.catalog.addRelease({ category, name, digest, posts: [], files: [], job: id });
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    this.admission[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openCatalog(): SqliteCatalog {
    return openCatalog({ path: join(this.folder, "catalog.db"), clock: this.clock });
  }

  async #build(): Promise<void> {
    const { catalog, clock, folder, admission } = this;
    const log = silentLogger;
    const maxNzbBytes = this.#settings.maxNzbBytes ?? MIB;
    this.streams = new Streams({ clock, log, holdOffMs: LIMITS.holdOffMs });
    this.intake = await createIntake({
      dataDir: folder,
      jobs: catalog.jobs,
      parser,
      maxNzbBytes,
      rules: categoryRules([]),
      onQueued: () => undefined,
      onFetch: () => undefined,
    });
    const queue = createImportQueue({ jobs: catalog.jobs, onChange: () => undefined, clock });
    this.#cache = new SegmentCache({ source: this.usenet, budgetBytes: MIB, clock });
    this.tree = new LibraryTree({
      catalog,
      reader: new Reader({ cache: this.#cache, clock, readAheadBytes: 0 }),
      admission,
      intake: this.intake,
      streams: this.streams,
      damage: new DamageKeeper({ recorded: catalog.damage, policy: "fail", clock, log }),
      space: () => undefined,
      sidecarBytes: MIB,
      maxNzbBytes,
      standIns: LINKS,
      categories: ["movies", "tv"],
      cancelJob: (id) => queue.cancel(id),
      isReadOnly: false,
      clock,
      log,
      ...this.#settings,
    });
  }

  #close(): void {
    this.tree[Symbol.dispose]();
    this.streams[Symbol.dispose]();
    this.#cache[Symbol.dispose]();
    this.catalog[Symbol.dispose]();
  }
}

function split(path: string): readonly string[] {
  return path.split("/").filter(Boolean);
}

async function* inTurn(chunks: Chunks): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
