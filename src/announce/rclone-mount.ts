import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Config } from "../config/settings.ts";
import { Peer } from "./peer.ts";

export interface RcloneMountOptions extends Cancel {
  readonly settings: Config["rclone"][number];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Of both calls of a round together. */
const ROUND_MS = 10_000;
/** Folders that one round names; for more, everything is forgotten. */
const MOST_FOLDERS = 500;

/**
 * An rclone mount that keeps listings in memory, told through its remote control which folders are new: `vfs/forget` marks what is above them
 * as out of date, `vfs/refresh` reads them at once and says whether they are there. One round at a time; what is told meanwhile is in the next.
 */
export class RcloneMount {
  readonly #options: RcloneMountOptions;
  readonly #peer: Peer;
  readonly #untold = new Set<string>();
  #rounds = Promise.resolve();
  #isBusy = false;
  #isSilent = false;

  constructor(options: RcloneMountOptions) {
    const { settings, clock, log } = options;
    const { url, user, password } = settings;
    this.#options = options;
    this.#peer = new Peer({ url, ...(user === "" ? {} : { login: { user, password } }), kind: "rclone", clock, log });
  }

  /**
   * Folders as they stand below `/dav`. Resolves when the mount has them, or cannot be told, within 10 s; at once while it does not answer
   * anybody, in which case it is tried all the same. Never rejects.
   */
  tell(folders: readonly string[]): Promise<void> {
    for (const folder of folders) this.#untold.add(folder);
    if (!this.#isBusy) this.#rounds = this.#tellAll();
    return this.#isSilent ? Promise.resolve() : this.#rounds;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#rounds;
  }

  async #tellAll(): Promise<void> {
    const { signal } = this.#options;
    this.#isBusy = true;
    try {
      while (this.#untold.size > 0) {
        const folders = [...this.#untold];
        this.#untold.clear();
        await this.#round(folders);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#isBusy = false;
    }
  }

  async #round(folders: readonly string[]): Promise<void> {
    const { settings, clock, signal } = this.#options;
    const fs: Readonly<Record<string, string>> = settings.remote === "" ? {} : { fs: settings.remote };
    const prefix = settings.folder.replace(/^\/+|\/+$/g, "");
    const seen = folders.map((folder) => (prefix === "" ? folder : `${prefix}/${folder}`));
    const isTooMany = seen.length > MOST_FOLDERS;
    const startedAt = clock.now();

    // Of a file only what is above it goes out of date, so that the folders beside these are not read anew.
    const stale = isTooMany ? {} : { ...numbered("dir", seen), ...numbered("file", foldersAbove(seen)) };
    const forgotten = await this.#peer.post("/vfs/forget", { ...fs, ...stale }, { signal, withinMs: ROUND_MS });
    this.#isSilent = forgotten.kind === "silence";
    if (forgotten.kind !== "answer") return this.#peer.report(forgotten.why);
    if (isTooMany) return this.#peer.report(undefined);

    const withinMs = Math.max(1, startedAt + ROUND_MS - clock.now());
    const read = await this.#peer.post("/vfs/refresh", { ...fs, ...numbered("dir", seen) }, { signal, withinMs });
    this.#isSilent = read.kind === "silence";
    if (read.kind !== "answer") return this.#peer.report(read.why);
    const results = (read.json as { result?: Readonly<Record<string, unknown>> } | null | undefined)?.result ?? {};
    const failed = seen.find((folder) => results[folder] !== "OK");
    if (failed === undefined) return this.#peer.report(undefined);
    this.#peer.report(
      `it does not see a new folder (${String(results[failed]).slice(0, 200)})`,
      "rclone[].folder must say where /dav stands in the mount, and rclone[].remote which one is meant where there are several",
    );
  }
}

/** `dir1`, `dir2` ...: how rclone takes several. */
function numbered(key: string, paths: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(paths.map((path, index) => [`${key}${index + 1}`, path]));
}

function foldersAbove(folders: readonly string[]): readonly string[] {
  const above = new Set<string>();
  for (const folder of folders) {
    const names = folder.split("/");
    for (let end = 1; end < names.length; end += 1) above.add(names.slice(0, end).join("/"));
  }
  return [...above];
}
