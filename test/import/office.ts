import { AdmissionController } from "../../src/admission/controller.ts";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import type { Job, JobId, JobWish } from "../../src/catalog/jobs.ts";
import { createImportQueue, type ImportQueue } from "../../src/import/import-queue.ts";
import type { Importer } from "../../src/import/importer.ts";
import { type Imports, startImports } from "../../src/import/runner.ts";
import { Workshop } from "./workshop.ts";

export type Line = readonly [level: string, message: string, fields: Readonly<Record<string, unknown>>];

/** A library with a real queue, a real admission and a log that can be read. */
export class Office extends Workshop {
  readonly lines: Line[] = [];
  readonly ended: Job[] = [];
  readonly admission = new AdmissionController({
    limits: {
      connections: 20,
      maxJobs: 2,
      maxJobsWhileStreaming: 0,
      perStreamConnections: 2,
      floor: 1,
      holdOffMs: 15_000,
    },
    clock: this.clock,
    log: silentLogger,
  });
  readonly log: Logger = {
    debug: () => {},
    info: (fields, message) => void this.lines.push(["info", message, fields]),
    warn: (fields, message) => void this.lines.push(["warn", message, fields]),
    error: (fields, message) => void this.lines.push(["error", message, fields]),
  };

  /** What people do; wakes whoever was started last. */
  readonly controls: ImportQueue = createImportQueue({
    jobs: this.catalog.jobs,
    onChange: () => this.#imports?.wake(),
    clock: this.clock,
  });
  #imports: Imports | undefined;

  async start(importer: Importer = this.importer, secondLookMs = 0): Promise<Imports> {
    const { catalog, admission, clock, log } = this;
    const onEnded = (job: Job) => void this.ended.push(job);
    this.#imports = await startImports({
      catalog,
      importer,
      admission,
      secondLookMs,
      onEnded,
      clock,
      log,
      random: () => 0.5,
    });
    return this.#imports;
  }

  /** Adds a job straight to the queue, for importers that do not look at it. */
  add(name: string, wish: Partial<JobWish> = {}): JobId {
    const nzb = new Uint8Array([0x1f, 0x8b]);
    return this.catalog.jobs.add({ name, category: "movies", digest: name, passwords: [], nzb, bytes: 1, ...wish }).job
      .id;
  }

  job(id: JobId): Job {
    return this.catalog.jobs.get(id) as Job;
  }

  get ticketsOut(): number {
    return this.admission.state.jobs.running;
  }
}

/** An importer whose runs end when the test says so, or with the signal's reason. */
export function gatedImporter() {
  const runs: { job: Job; signal: AbortSignal; onProgress: (p: number) => void; fail: (error: unknown) => void }[] = [];
  const importer: Importer = {
    run: (job, { signal, onProgress }) =>
      new Promise((_, reject) => {
        runs.push({ job, signal, onProgress, fail: reject });
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  };
  return { importer, runs };
}
