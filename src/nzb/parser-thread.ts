/**
 * NZBs are parsed in a thread of their own, so that a big one does not break the rhythm of a running stream. The thread starts with the first
 * job, does one at a time in order, and is stopped after a minute without work. It does not keep the process alive unless a job waits for it.
 */

import { Readable } from "node:stream";
import { Worker } from "node:worker_threads";
import { onAbort, raceAbort } from "../base/abort.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { ConfigError, errorCode, errorMessage, FormatError } from "../base/errors.ts";
import type { NzbLimits } from "./limits.ts";
import type { Nzb } from "./nzb.ts";
import { parseNzb } from "./parse.ts";
import { type FromWorker, type NzbSource, type ToWorker, unpackError } from "./parser-protocol.ts";
import { smallDocument } from "./small-source.ts";
import { unpackNzb, type WireNzb } from "./wire.ts";

export interface NzbParserOptions {
  /** The built parse-worker.js, when that is not beside this file. */
  readonly workerUrl?: URL;
  readonly clock?: Clock;
  /** Most memory that the thread's JavaScript objects may take; an NZB that needs more is NZB_TOO_LARGE. */
  readonly heapMb?: number;
  /** Unpacked documents of at most this size are parsed in the calling thread; 1 MiB (3 ms) unless given. */
  readonly inlineBytes?: number;
}

export interface NzbParserStats {
  /** Threads started so far. */
  readonly started: number;
  readonly isRunning: boolean;
  /** Jobs that wait or are under way. */
  readonly jobs: number;
}

interface ParseOptions {
  readonly signal: AbortSignal;
  readonly limits?: Partial<NzbLimits>;
}

interface Job {
  readonly source: NzbSource;
  readonly limits: Partial<NzbLimits> | undefined;
  readonly resolve: (nzb: WireNzb) => void;
  readonly reject: (error: unknown) => void;
}

const IDLE_MS = 60_000;
const HEAP_MB = 1024;
const INLINE_BYTES = 2 ** 20;

export class NzbParser implements AsyncDisposable {
  readonly #workerUrl: URL;
  readonly #clock: Clock;
  readonly #heapMb: number;
  readonly #inlineBytes: number;
  readonly #waiting: Job[] = [];
  #running: Job | undefined;
  #worker: Worker | undefined;
  #idle: Disposable | undefined;
  #stopping: Promise<unknown> = Promise.resolve();
  #started = 0;
  #isClosed = false;

  constructor({ workerUrl, clock, heapMb, inlineBytes }: NzbParserOptions = {}) {
    this.#workerUrl = workerUrl ?? new URL("./parse-worker.js", import.meta.url);
    this.#clock = clock ?? systemClock;
    this.#heapMb = heapMb ?? HEAP_MB;
    this.#inlineBytes = inlineBytes ?? INLINE_BYTES;
  }

  /**
   * Parses an NZB, plain or gzip. Rejects with NZB_MALFORMED, NZB_TOO_LARGE, the file system's error for a path, the signal's reason at
   * once, or a plain Error when the thread dies or the parser is closed; the next parse works in any case but the last.
   */
  async parse(source: NzbSource, { signal, limits }: ParseOptions): Promise<Nzb> {
    signal.throwIfAborted();
    if (this.#isClosed) throw closedError();
    if (this.#inlineBytes > 0) {
      const small = await smallDocument(source, this.#inlineBytes);
      signal.throwIfAborted();
      // It is over before a thread would have started.
      if (small !== undefined) return await parseNzb(Readable.from([small]), { signal, ...(limits && { limits }) });
      if (this.#isClosed) throw closedError();
    }
    let leave = () => {};
    const wire = new Promise<WireNzb>((resolve, reject) => {
      const job = { source, limits, resolve, reject };
      leave = () => this.#abandon(job);
      this.#waiting.push(job);
    });
    this.#startNext();
    using _ = onAbort(signal, leave);
    return await raceAbort(wire.then(unpackNzb), signal);
  }

  stats(): NzbParserStats {
    const jobs = this.#waiting.length + (this.#running ? 1 : 0);
    return { started: this.#started, isRunning: this.#worker !== undefined, jobs };
  }

  /** Stops the thread; whoever still waits is rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const job of this.#waiting.splice(0)) job.reject(closedError());
    this.#running?.reject(closedError());
    this.#running = undefined;
    this.#stop();
    await this.#stopping;
  }

  #startNext(): void {
    if (this.#running) return;
    const job = this.#waiting.shift();
    if (!job) return;
    this.#idle?.[Symbol.dispose]();
    this.#running = job;
    this.#worker ??= this.#start();
    this.#worker.ref();
    try {
      this.#post(this.#worker, { kind: "parse", source: job.source, limits: job.limits });
    } catch (error) {
      // Bytes that were handed to another thread in the meantime cannot be copied.
      this.#settle()?.reject(error);
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#workerUrl, { resourceLimits: { maxOldGenerationSizeMb: this.#heapMb } });
    this.#started += 1;
    worker.on("message", (message: FromWorker) => this.#answered(message));
    worker.on("error", (error) => this.#lost(worker, error));
    worker.on("messageerror", (error) => this.#lost(worker, error));
    worker.on("exit", (code) => this.#lost(worker, new Error(`exit code ${code}`)));
    return worker;
  }

  #post(worker: Worker, message: ToWorker): void {
    worker.postMessage(message);
  }

  #answered(message: FromWorker): void {
    const job = this.#settle();
    if ("nzb" in message) job?.resolve(message.nzb);
    else job?.reject(unpackError(message.failure));
  }

  /** Ends the job under way and lets the next one begin; the caller tells whoever waits for the ended one. */
  #settle(): Job | undefined {
    const job = this.#running;
    this.#running = undefined;
    this.#worker?.unref();
    this.#idle?.[Symbol.dispose]();
    this.#idle = this.#worker && this.#clock.after(IDLE_MS, () => this.#stop());
    this.#startNext();
    return job;
  }

  /** The caller has its rejection already. A job under way keeps its place until the thread says that it stopped. */
  #abandon(job: Job): void {
    const place = this.#waiting.indexOf(job);
    if (place >= 0) this.#waiting.splice(place, 1);
    else if (this.#running === job && this.#worker) this.#post(this.#worker, { kind: "cancel" });
  }

  #lost(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#stop();
    this.#settle()?.reject(lossError(error, this.#heapMb));
  }

  #stop(): void {
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker) this.#stopping = worker.terminate();
  }
}

function closedError(): Error {
  return new Error("the nzb parser was closed");
}

function lossError(error: unknown, heapMb: number): Error {
  if (errorCode(error) === "ERR_WORKER_OUT_OF_MEMORY") {
    return new FormatError("NZB_TOO_LARGE", `the nzb needs more than ${heapMb} MB of memory to be read`, {
      cause: error,
    });
  }
  if (errorCode(error) === "ERR_MODULE_NOT_FOUND" || errorCode(error) === "MODULE_NOT_FOUND") {
    return new ConfigError("INSTALL_INCOMPLETE", "the nzb parser's worker file is missing", {
      hint: "build or install the program again",
      cause: error,
    });
  }
  return new Error(`the nzb parser's thread died: ${errorMessage(error)}`, { cause: error });
}
