import { errorCode } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Entry } from "../catalog/catalog.ts";
import type { ContentStore } from "../catalog/contents.ts";
import type { Job, JobId } from "../catalog/jobs.ts";
import type { WritableTree } from "../catalog/writable-tree.ts";
import type { PutRequest } from "../webdav/tree.ts";
import type { DropJobs } from "./drop-jobs.ts";
import { errorTextName, refusalText } from "./drop-report.ts";
import { type BodyLimit, refuseLarge, storedBytes, written } from "./sidecar-bytes.ts";

/** Where a dropped NZB goes: resolves when it is safe there, rejects with what is wrong with it. */
export interface NzbIntake {
  submit(
    submission: Cancel & {
      readonly body: AsyncIterable<Uint8Array>;
      readonly fileName: string;
      readonly category: string;
      readonly isDropped: true;
    },
  ): Promise<Submitted>;
}

export interface Submitted {
  readonly job: Pick<Job, "id">;
  /** False: the same post was there already. */
  readonly isNew: boolean;
}

/** Faults of the NZB, of its place or of its size: the client may look away, so they are written down beside it. */
const REFUSALS: ReadonlySet<string | undefined> = new Set([
  "NZB_MALFORMED",
  "NZB_TOO_LARGE",
  "BODY_TOO_LARGE",
  "BAD_REQUEST",
]);

const DEFAULT_CATEGORY = "default";

export interface DropImportsOptions {
  readonly drops: WritableTree;
  readonly contents: ContentStore;
  readonly jobs: DropJobs;
  readonly intake: NzbIntake;
  readonly limit: BodyLimit;
}

/** Hands NZBs to the intake. Paths are those of the dropped files. */
export class DropImports {
  readonly #options: DropImportsOptions;

  constructor(options: DropImportsOptions) {
    this.#options = options;
  }

  /**
   * Stores the body while the intake reads it; nothing is kept of an NZB that the intake refuses. An empty file waits for its content, and
   * what it stands for until then goes on.
   */
  async put(path: readonly string[], request: PutRequest): Promise<"created" | "replaced"> {
    const { drops, contents, intake, limit } = this.#options;
    const at = path.join("/");
    try {
      refuseLarge(request.length, limit);
      using content = contents.begin();
      const body = written(request, content, limit);
      const first = await firstBytes(body);
      if (first === undefined) {
        const outcome = drops.putSidecar(at, content);
        this.#forget(path);
        return outcome;
      }
      const submitted = await intake.submit({ ...target(path), body: resumed(first, body), signal: request.signal });
      let outcome: "created" | "replaced" = "created";
      this.#settle(path, submitted, () => {
        const before = drops.find(at)?.job;
        outcome = drops.putSidecar(at, content);
        return before === undefined ? [] : [before];
      });
      return outcome;
    } catch (error) {
      this.#tell(path, error);
      throw error;
    }
  }

  /** Imports a dropped file as if it stood at `path`; `place` then puts it there, and says whose import nobody wants any more. */
  async take(entry: Entry, path: readonly string[], place: () => readonly JobId[]): Promise<void> {
    const { contents, intake } = this.#options;
    try {
      const { signal } = new AbortController();
      const range = { start: 0, end: entry.size };
      const body = storedBytes(contents, { id: entry.id, range }, { signal });
      this.#settle(path, await intake.submit({ ...target(path), body, signal }), place);
    } catch (error) {
      this.#tell(path, error);
      throw error;
    }
  }

  /** Nothing waits in here, so nobody comes in between. */
  #settle(path: readonly string[], { job, isNew }: Submitted, place: () => readonly JobId[]): void {
    const { drops, jobs } = this.#options;
    let unwanted: readonly JobId[];
    try {
      unwanted = place();
      drops.setJob(path.join("/"), job.id);
    } catch (error) {
      if (isNew) jobs.abandon([job.id]);
      throw error;
    }
    this.#forget(path);
    jobs.abandon(unwanted);
  }

  /** Deletes what is written beside a path about an earlier refusal. */
  #forget(path: readonly string[]): void {
    const { drops } = this.#options;
    const text = errorTextPath(path);
    if (text !== undefined && drops.find(text)?.kind === "file") drops.remove(text);
  }

  #tell(path: readonly string[], error: unknown): void {
    const { drops, contents } = this.#options;
    const text = errorTextPath(path);
    if (text === undefined || !REFUSALS.has(errorCode(error))) return;
    try {
      using content = contents.begin();
      content.write(Buffer.from(refusalText(path.at(-1) as string, error)));
      drops.putSidecar(text, content);
    } catch {
      // The refusal itself matters more, and says the same.
    }
  }
}

function errorTextPath(path: readonly string[]): string | undefined {
  const name = errorTextName(path.at(-1) as string);
  return name === undefined ? undefined : [...path.slice(0, -1), name].join("/");
}

function target(path: readonly string[]) {
  const category = path.length === 1 ? DEFAULT_CATEGORY : (path[0] as string);
  return { fileName: path.at(-1) as string, category, isDropped: true } as const;
}

async function firstBytes(body: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  for (;;) {
    const next = await body.next();
    if (next.done) return undefined;
    if (next.value.length > 0) return next.value;
  }
}

async function* resumed(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
