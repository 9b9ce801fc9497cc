/**
 * Imports the NZBs that somebody puts into a folder of this machine. It is looked at every few seconds, since network shares tell nobody of a
 * change. Starts at once, whether or not the folder is there; disposing ends a submission that is under way, and its file stays.
 */
import type { Clock } from "../base/clock.ts";
import { AppError, errorCode, errorMessage, FormatError, RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { BundleResult, Intake } from "./intake.ts";
import { setAside } from "./watch-aside.ts";
import {
  DONE,
  FAILED,
  listWatched,
  stateOf,
  type WatchedFile,
  WatchedFileChanged,
  watchedBytes,
} from "./watch-list.ts";

export interface WatchFolderOptions {
  readonly folder: string;
  readonly intervalMs: number;
  readonly intake: Pick<Intake, "submitBundle">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of a file that is still there. */
interface Memory {
  /** Its size and time when it was last looked at; everything else holds for that state alone. */
  readonly state: string;
  /** By the clock: when that state was seen first. */
  readonly since: number;
  /** By the clock; infinity when it has been dealt with and could not be moved. */
  readonly notBefore: number;
  readonly isWarnedOf: boolean;
}

/** How long a file is left alone that could not be taken for reasons that are not its own. */
const TROUBLE_MS = 60_000;
/** How long a file must have held still that cannot be read as an NZB: whoever writes it may only have paused. */
const WRITTEN_MS = 60_000;
/** What Node makes of bytes in a name that are no UTF-8. */
const UNREADABLE = "\ufffd";

/**
 * Takes `.nzb`, `.nzb.gz` and `.zip` files out of a folder, those of a folder in it into the category that it is named after, as soon as they
 * have not changed between two looks; for a minute, where they cannot be read. What was queued goes to `_done`, what was refused to `_failed`, with a text beside it that says why.
 */
export function startWatchFolder(options: WatchFolderOptions): AsyncDisposable {
  const watcher = new Watcher(options);
  watcher.start();
  return watcher;
}

class Watcher implements AsyncDisposable {
  readonly #options: WatchFolderOptions;
  readonly #closing = new AbortController();
  #known: ReadonlyMap<string, Memory> = new Map();
  /** What could not be read at the last look, the folder itself or one in it: each is warned of once. */
  #unreadable: ReadonlySet<string> = new Set();
  #timer: Disposable | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: WatchFolderOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, intervalMs } = this.#options;
    this.#looking = this.#look().then(() => {
      if (!this.#closing.signal.aborted) this.#timer = clock.after(intervalMs, () => this.start());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("the watch folder is left"));
    this.#timer?.[Symbol.dispose]();
    await this.#looking;
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { folder, log } = this.#options;
    try {
      const { files, unreadable } = await listWatched(folder);
      if (this.#unreadable.has(folder)) log.info({ folder }, "the watch folder is there again");
      this.#warnOf(unreadable);
      await this.#visitAll(files);
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#warnOf([{ path: folder, error }]);
    }
  }

  #warnOf(unreadable: readonly { readonly path: string; readonly error: unknown }[]): void {
    for (const { path, error } of unreadable) {
      if (this.#unreadable.has(path)) continue;
      this.#options.log.warn(
        { folder: path, error: errorMessage(error) },
        "a watched folder cannot be read; it is tried again",
      );
    }
    this.#unreadable = new Set(unreadable.map(({ path }) => path));
  }

  async #visitAll(files: readonly WatchedFile[]): Promise<void> {
    const known = new Map<string, Memory>();
    for (const file of files) {
      this.#closing.signal.throwIfAborted();
      const memory = await this.#visit(file, this.#known.get(file.path));
      if (memory !== undefined) known.set(file.path, memory);
    }
    this.#known = known;
  }

  /** What is to be remembered of the file; undefined when it is not there any more. */
  async #visit(file: WatchedFile, last: Memory | undefined): Promise<Memory | undefined> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    const { state, since } = last ?? { state: "", since: clock.now() };
    try {
      const now = await stateOf(file);
      if (now === undefined) return file.name.includes(UNREADABLE) ? this.#unreachable(file, last) : undefined;
      if (now !== last?.state) return seen(now, clock.now());
      if (clock.now() < last.notBefore) return last;
      const results = await this.#submit(file, state);
      if (mayBeUnfinished(results) && clock.now() < since + WRITTEN_MS) {
        return { ...last, notBefore: since + WRITTEN_MS };
      }
      // Meanwhile another file may have taken its place, which nobody has read.
      const after = await stateOf(file);
      if (after === state) return await this.#settle(file, last, results);
      return after === undefined ? undefined : seen(after, clock.now());
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WatchedFileChanged || errorCode(error) === "ENOENT") return undefined;
      if (last?.isWarnedOf !== true) {
        log.warn(
          { file: file.path, error: errorMessage(error) },
          "a watched file cannot be taken now; it is tried again",
        );
      }
      return { state, since, notBefore: clock.now() + TROUBLE_MS, isWarnedOf: true };
    }
  }

  #unreachable({ path }: WatchedFile, last: Memory | undefined): Memory {
    if (last === undefined) {
      this.#options.log.warn(
        { file: path },
        "a watched file cannot be reached: its name is no UTF-8; give it another one",
      );
    }
    return last ?? seen("", this.#options.clock.now());
  }

  /** Rejects with whatever is no fault of the file. */
  async #submit(file: WatchedFile, state: string): Promise<readonly BundleResult[]> {
    const { category, name: fileName } = file;
    const { signal } = this.#closing;
    try {
      const body = watchedBytes(file, state);
      const results = await this.#options.intake.submitBundle({ body, fileName, category, signal });
      for (const { outcome } of results) if ("error" in outcome && !isRefusal(outcome.error)) throw outcome.error;
      return results;
    } catch (error) {
      if (isRefusal(error)) return [{ fileName, outcome: { error } }];
      throw error;
    }
  }

  /** Moves a file that was dealt with out of the way. */
  async #settle(file: WatchedFile, last: Memory, results: readonly BundleResult[]): Promise<Memory | undefined> {
    const { folder, log } = this.#options;
    const jobs = results.flatMap(({ outcome }) => ("job" in outcome ? [outcome.job.id] : []));
    const refused = results.filter(({ outcome }) => "error" in outcome);
    const text = refused.length === 0 ? undefined : refusalText(refused);
    log.info(
      { file: file.path, jobs, refused: refused.length },
      jobs.length > 0 ? "watched file queued" : "watched file refused",
    );
    try {
      await setAside(file, { folder, to: jobs.length > 0 ? DONE : FAILED, text });
      return undefined;
    } catch (error) {
      const why = { file: file.path, error: errorMessage(error) };
      log.warn(why, "a watched file was dealt with and cannot be moved; it stays where it is");
      return { ...last, notBefore: Number.POSITIVE_INFINITY, isWarnedOf: true };
    }
  }
}

function seen(state: string, since: number): Memory {
  return { state, since, notBefore: Number.NEGATIVE_INFINITY, isWarnedOf: false };
}

/** Nothing of it could be read, which the end of the file may mend. */
function mayBeUnfinished(results: readonly BundleResult[]): boolean {
  return results.every(({ outcome }) => "error" in outcome && errorCode(outcome.error) === "NZB_MALFORMED");
}

/** A fault of the file or of its place, which no later try would mend. */
function isRefusal(error: unknown): boolean {
  return error instanceof FormatError || error instanceof RequestError;
}

function refusalText(refused: readonly BundleResult[]): string {
  const lines = refused.flatMap(({ fileName, outcome }) => {
    const error = "error" in outcome ? outcome.error : undefined;
    const hint = error instanceof AppError ? error.hint : undefined;
    return [`${fileName ?? "It"} was not imported.`, errorMessage(error), ...(hint === undefined ? [] : [hint])];
  });
  return `${lines.join("\n")}\n`;
}
