import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdmissionController } from "../../src/admission/controller.ts";
import { AppPasswords } from "../../src/auth/app-passwords.ts";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { Closers } from "../../src/base/closers.ts";
import type { Logger } from "../../src/base/logger.ts";
import { SegmentList } from "../../src/base/segment-list.ts";
import type { Job, JobId, NewJob } from "../../src/catalog/jobs.ts";
import { openCatalog } from "../../src/catalog/open-catalog.ts";
import type { CategoryConfig } from "../../src/config/settings.ts";
import { categoryRules } from "../../src/import/category-rules.ts";
import { createImportQueue } from "../../src/import/import-queue.ts";
import type { Importer } from "../../src/import/importer.ts";
import { startImports } from "../../src/import/runner.ts";
import { createIntake } from "../../src/import/spooled-intake.ts";
import { ArticleStore } from "../../src/newsserver/article-store.ts";
import { patternContent } from "../../src/newsserver/content.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import type { ProviderSnapshot } from "../../src/nntp/snapshot.ts";
import { NzbParser } from "../../src/nzb/parser-thread.ts";
import { authorizeWith } from "../../src/sab/access.ts";
import type { CompletedPlace } from "../../src/sab/paths.ts";
import { startPauseTimer } from "../../src/sab/pause-timer.ts";
import { createSabHandler } from "../../src/sab/sab.ts";
import { startTrafficMeter } from "../../src/sab/traffic-meter.ts";
import { RecentWarnings } from "../../src/sab/warnings.ts";
import { ManualClock } from "../manual-clock.ts";
import { until } from "../until.ts";
import { ArrClient, type ArrSettings } from "./arr-client.ts";

/** `npm test` builds first: NZBs that are too long for the calling thread are parsed as in production. */
const NZB_WORKER = new URL("../../dist/nzb/parse-worker.js", import.meta.url);

export const KEY = "k3y";
export const COMPLETE = "/mnt/newsreel/completed";
const MAX_NZB = 128 * 1024 * 1024;

const place: CompletedPlace = { style: "rclonelink", mountPath: "/mnt/newsreel", strmFolder: "", strmSeenAs: "" };

const provider: ProviderSnapshot = {
  id: "main",
  host: "news.example.com",
  port: 563,
  isTls: true,
  tier: 1,
  isBackup: false,
  state: "ready",
  reason: undefined,
  retryAt: undefined,
  connections: { open: 4, busy: 3, opening: 1, limit: 20, ceiling: 10 },
  commands: { ok: 100, missing: 2, corrupt: 1, failed: 5 },
  bytes: 70_000_000,
  rttMs: 40,
  bytesPerSecond: 2_000_000,
};

/** An import under way, which goes on as the test says. */
export interface Run {
  readonly job: Job;
  progress(share: number): void;
  /** Its release is in the library, and its folder is there; nobody is told of it unless `mustAnnounce`. */
  complete(options?: { readonly mustAnnounce?: true }): void;
  fail(error: unknown): void;
}

export interface HouseOptions {
  readonly categories?: readonly CategoryConfig[];
  readonly completed?: Partial<CompletedPlace>;
  readonly maxJobs?: number;
}

/** The API on a port of its own over a real catalog, intake, queue, runner and authenticator; only what imports is the test's. */
export async function openSab(options: HouseOptions = {}) {
  const closers = new Closers();
  const folder = mkdtempSync(join(tmpdir(), "newsreel-sab-"));
  closers.defer(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new ManualClock();
  const warnings = new RecentWarnings(clock);
  const lines: unknown[] = [];
  const write: Logger["info"] = (...line) => void lines.push(line);
  const log = warnings.watch({ debug: write, info: write, warn: write, error: write });
  const catalog = closers.use(openCatalog({ path: join(folder, "catalog.db"), clock }));
  const { jobs } = catalog;
  const parser = closers.use(new NzbParser({ workerUrl: NZB_WORKER }));
  const rules = categoryRules(options.categories ?? []);
  const runs: Run[] = [];
  const admission = closers.use(
    new AdmissionController({
      limits: {
        connections: 20,
        maxJobs: options.maxJobs ?? 2,
        maxJobsWhileStreaming: 0,
        perStreamConnections: 2,
        floor: 1,
        holdOffMs: 15_000,
      },
      clock,
      log,
    }),
  );

  const importer: Importer = {
    run: (job, { signal, onProgress }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        runs.push({
          job,
          progress: onProgress,
          fail: reject,
          complete(more = {}) {
            const release = catalog.addRelease({ ...releaseOf(job), ...more });
            resolve({ release, files: 1, note: undefined });
          },
        });
      }),
  };
  const imports = await startImports({ catalog, importer, admission, secondLookMs: 0, clock, log });
  let isStopped = false;
  const stopImports = async () => {
    if (isStopped) return;
    isStopped = true;
    await imports[Symbol.asyncDispose]();
  };
  closers.defer(stopImports);
  const queue = createImportQueue({ jobs, onChange: () => imports.wake(), clock });
  const intake = await createIntake({
    ...{ dataDir: folder, jobs, parser, rules, maxNzbBytes: MAX_NZB },
    onQueued: () => imports.wake(),
    onFetch: () => {},
  });
  const appPasswords = new AppPasswords({ store: catalog.appPasswords, owner: "tester", clock });
  const authenticator = createAuthenticator({
    users: [{ name: "tester", password: "secret" }],
    apiKey: KEY,
    ...{ appPasswords, clock },
  });
  const counted = { ...provider };
  const pauseTimer = closers.use(startPauseTimer({ settings: catalog.settings, queue, clock }));
  const meter = closers.use(startTrafficMeter({ traffic: catalog.traffic, providers: () => [counted], clock, log }));
  const handle = createSabHandler({
    ...{ catalog, intake, queue, rules, parser, pauseTimer, meter, warnings, clock, log },
    completed: { ...place, ...options.completed },
    authorize: authorizeWith((request, req, key) =>
      authenticator.authenticate(request, req.socket.remoteAddress ?? "", key),
    ),
    providers: () => [counted],
    space: () => ({ available: 900 * 2 ** 30, used: 100 * 2 ** 30 }),
  });
  const server = createServer((req, res) => {
    void handle(req, res).then((isOurs) => {
      if (!isOurs) res.writeHead(418).end("somebody else's");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.defer(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const arr = (settings: Partial<ArrSettings> = {}) =>
    new ArrClient({ base: origin, apiKey: KEY, category: "tv", ...settings });

  return {
    ...{
      folder,
      /** Of the log. */
      lines,
      origin,
      clock,
      catalog,
      jobs,
      queue,
      rules,
      warnings,
      log,
      meter,
      counted,
      runs,
      arr,
      stopImports,
      appPasswords,
    },
    client: arr(),
    /** Has the runner look at what was put into the queue behind its back. */
    wake: () => imports.wake(),
    /** The run of a job, once it is under way. */
    async runOf(id: string): Promise<Run> {
      const jobId = id.replace("SABnzbd_nzo_", "");
      const find = () => runs.findLast(({ job }) => job.id === jobId);
      await until(() => find() !== undefined);
      return find() as Run;
    },
    async state(id: string, state: Job["state"]): Promise<Job> {
      const jobId = id.replace("SABnzbd_nzo_", "");
      await until(() => jobs.get(jobId)?.state === state);
      return jobs.get(jobId) as Job;
    },
    [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose](),
  };
}

export type SabHouse = Awaited<ReturnType<typeof openSab>>;

let posted = 0;
const store = new ArticleStore();

/** An NZB of one file that nobody has posted before. */
export function freshNzb(size = 3_000_000): string {
  posted += 1;
  const file = { name: `show-${posted}.mkv`, content: patternContent(posted, size), partSize: 700_000 };
  return toNzb([store.addFile({ ...file, idPrefix: `sab${posted}-` })]);
}

export function releaseOf({ id, name, category, digest }: Pick<Job, "id" | "name" | "category" | "digest">) {
  return {
    ...{ name, category, digest, job: id },
    posts: [
      { segments: SegmentList.from([{ id: `${id}@example` as never, encodedSize: 110 }]), size: 100, partSize: 100 },
    ],
    files: [{ path: `${name}.mkv`, runs: [{ post: 0, start: 0, end: 100 }], modifiedAt: 1_700_000_000_000 }],
  };
}

/** Puts a job straight into the queue. */
export function addJob({ jobs }: Pick<SabHouse, "jobs">, name: string, more: Partial<NewJob> = {}): Job {
  const nzb = new Uint8Array([0x1f, 0x8b]);
  return jobs.add({ name, category: "tv", digest: name, passwords: [], nzb, bytes: 100 * 2 ** 20, ...more }).job;
}

/** A job that has ended, without a run; nobody imports meanwhile. */
export function endedJob(
  house: Pick<SabHouse, "jobs" | "catalog">,
  name: string,
  state: "completed" | "failed",
): JobId {
  addJob(house, name);
  const { jobs, catalog } = house;
  const job = jobs.claim() as Job;
  if (state === "failed") jobs.update(job.id, { state, error: "Missing articles: 14 of 1,866 (all providers)" });
  else catalog.addRelease(releaseOf(job));
  return job.id;
}
