import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Announcer, type AnnouncerOptions, startAnnouncer } from "../../src/announce/announcer.ts";
import type { Logger } from "../../src/base/logger.ts";
import type { JobId } from "../../src/catalog/jobs.ts";
import { openCatalog, type SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import { ManualClock } from "../manual-clock.ts";
import { type CompletedJob, complete, standInsOf } from "../mount/completed-shelf.ts";
import { until } from "../until.ts";

/** Also knows for how long each of its timers was set. */
class WatchedClock extends ManualClock {
  readonly waits: number[] = [];

  override after(ms: number, call: () => void): Disposable {
    const over = () => {
      const at = this.waits.indexOf(ms);
      if (at !== -1) this.waits.splice(at, 1);
    };
    this.waits.push(ms);
    const timer = super.after(ms, () => {
      over();
      call();
    });
    return {
      [Symbol.dispose]() {
        over();
        timer[Symbol.dispose]();
      },
    };
  }
}

type Wish = Partial<Pick<AnnouncerOptions, "rclone" | "arrs">> & { readonly strmFolder?: string };

/** A catalog and an announcer over it, whose time stands still. */
export class Desk implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "newsreel-announce-"));
  readonly clock = new WatchedClock();
  readonly catalog: SqliteCatalog = openCatalog({ path: join(this.folder, "catalog.db"), clock: this.clock });
  readonly logged: { readonly level: keyof Logger; readonly fields: object; readonly message: string }[] = [];
  #announcer: Announcer | undefined;

  start({ rclone = [], arrs = [], strmFolder }: Wish): void {
    const keep = (level: keyof Logger) => (fields: object, message: string) => {
      this.logged.push({ level, fields, message });
    };
    const log = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
    const strm = strmFolder === undefined ? undefined : { folder: strmFolder, ...standInsOf("strm", { strmFolder }) };
    this.#announcer = startAnnouncer({
      ...{ completed: this.catalog.completed, strm, rclone, arrs, clock: this.clock, log },
    });
  }

  async stop(): Promise<void> {
    await this.#announcer?.[Symbol.asyncDispose]();
  }

  /** A job that somebody must be told of; nobody is woken. */
  complete(wish: CompletedJob = {}): JobId {
    return complete(this.catalog, { mustAnnounce: true, ...wish });
  }

  wake(): void {
    this.#announcer?.wake();
  }

  sweepSoon(): void {
    this.#announcer?.sweepSoon();
  }

  isReady(job: JobId): boolean {
    return this.catalog.completed.ofJob(job)?.isReady ?? false;
  }

  ready(...jobs: readonly JobId[]): Promise<void> {
    return until(() => jobs.every((job) => this.isReady(job)));
  }

  /** Warnings and errors, as text. */
  trouble(): readonly string[] {
    const wrong = this.logged.filter(({ level }) => level === "warn" || level === "error");
    return wrong.map(({ fields, message }) => `${message}: ${JSON.stringify(fields)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.catalog[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function rclone(url: string, more: Partial<AnnouncerOptions["rclone"][number]> = {}) {
  return { url, user: "", password: "", folder: "", remote: "", ...more };
}
