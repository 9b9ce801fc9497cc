import { LRUCache } from "lru-cache";
import type { ByteRange } from "../base/byte-range.ts";
import type { Clock } from "../base/clock.ts";
import { ArticleError, errorCode, errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Entry, EntryId, Extent } from "../catalog/catalog.ts";
import { type DamageKind, type DamageLog, MAX_HOLES_PER_FILE } from "../catalog/damage.ts";
import type { Damage, DamagePolicy } from "../reader/damage.ts";
import { DAMAGE_LIMITS, DamageLimits } from "../reader/damage-limits.ts";
import { type FillerKind, filler, fillerKind } from "../reader/filler.ts";

/** Files whose holes are kept in mind; the others' are read from the catalog again. */
const MAX_FILES = 256;

/** A hole that is come across again and again is written down no more often than this. */
const SEEN_AGAIN_MS = 10 * 60_000;

export interface DamageKeeperOptions {
  readonly recorded: DamageLog;
  readonly policy: DamagePolicy;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Since the start. */
export interface DamageTotals {
  /** Holes that were found and not known before, by kind. */
  readonly holes: Readonly<Record<DamageKind, number>>;
  /** Bytes that stood in for those that nobody had. */
  readonly filledBytes: number;
}

interface Seen {
  readonly kind: DamageKind;
  /** When it was written down last, by the wall; 0 when that failed. */
  readonly recordedAt: number;
}

interface DamagedFile {
  readonly limits: DamageLimits;
  /** By offset. */
  readonly seen: Map<number, Seen>;
}

interface FileRead {
  readonly id: EntryId;
  readonly path: string;
  readonly filler: FillerKind;
  readonly file: DamagedFile;
}

/**
 * Decides what players get for articles that nobody has, and sees to it that it is known: every new hole is a row of the catalog and a
 * line of the log, whatever the policy. One per process; all reads of a file share its limits.
 */
export class DamageKeeper {
  readonly #options: DamageKeeperOptions;
  readonly #files = new LRUCache<EntryId, DamagedFile>({ max: MAX_FILES });
  readonly #holes: Record<DamageKind, number> = { missing: 0, corrupt: 0 };
  #filledBytes = 0;

  constructor(options: DamageKeeperOptions) {
    this.#options = options;
  }

  get totals(): DamageTotals {
    return { holes: { ...this.#holes }, filledBytes: this.#filledBytes };
  }

  /** For one read of a file; `path` is what the log calls it. At most one indexed query. */
  forFile(entry: Pick<Entry, "id" | "name" | "size">, path: string): Damage {
    const read = { id: entry.id, path, filler: fillerKind(entry.name), file: this.#file(entry) };
    return {
      fill: (extent, wanted, error) => this.#fill(read, { extent, wanted, error }),
      sound: (extent) => this.#sound(read, extent),
    };
  }

  #file({ id, size }: Pick<Entry, "id" | "size">): DamagedFile {
    const known = this.#files.get(id);
    if (known !== undefined) return known;
    const file: DamagedFile = { limits: new DamageLimits(size), seen: new Map() };
    // In the order in which they were found, so that the limits let through what they let through then.
    for (const hole of [...this.#options.recorded.list(id)].sort((a, b) => a.since - b.since)) {
      file.seen.set(hole.start, { kind: hole.kind, recordedAt: hole.lastSeen });
      file.limits.refusal(hole);
    }
    this.#files.set(id, file);
    return file;
  }

  #fill(read: FileRead, at: { extent: Extent; wanted: ByteRange; error: unknown }): Iterable<Uint8Array> {
    const { extent, wanted, error } = at;
    const kind = kindOf(error);
    if (kind === undefined) throw error;
    const { policy } = this.#options;
    const refusal = read.file.limits.refusal(extent);
    const done = policy === "fail" ? "failed" : refusal === undefined ? "filled" : `failed: ${refusal}`;
    this.#note(read, extent, { kind, done });
    if (policy === "fail") throw error;
    if (refusal !== undefined) throw tooDamaged(error as ArticleError, refusal);
    return this.#counted(filler(read.filler, wanted));
  }

  *#counted(chunks: Iterable<Uint8Array>): Generator<Uint8Array, void, undefined> {
    for (const chunk of chunks) {
      this.#filledBytes += chunk.length;
      yield chunk;
    }
  }

  #note({ id, path, file: { seen } }: FileRead, extent: Extent, what: { kind: DamageKind; done: string }): void {
    const { recorded, policy, clock, log } = this.#options;
    const { start, end, segment } = extent;
    const { kind, done } = what;
    const before = seen.get(start);
    const now = clock.wall();
    if (before === undefined && seen.size >= MAX_HOLES_PER_FILE) return;
    if (before?.kind === kind && now - before.recordedAt < SEEN_AGAIN_MS) return;
    const messageId = segment.id ?? segment.alternates[0];
    let recordedAt = now;
    try {
      recorded.record(id, { start, end, messageId, kind });
    } catch (error) {
      // Playing on matters more than the catalog; the next read that comes here tries again.
      recordedAt = 0;
      log.error({ path, start, end, error: errorMessage(error) }, "a hole of a file could not be recorded");
    }
    seen.set(start, { kind, recordedAt });
    if (before !== undefined) return;
    this.#holes[kind] += 1;
    log.warn({ path, start, end, messageId, kind, policy, done }, "bytes of a file cannot be had from any provider");
  }

  #sound({ id, path, file }: FileRead, { start, end }: Extent): void {
    if (!file.seen.delete(start)) return;
    const { recorded, log } = this.#options;
    file.limits.forget(start);
    try {
      recorded.clear(id, { start, end });
      log.info({ path, start, end }, "bytes of a file that could not be had are there again");
    } catch (error) {
      log.error({ path, start, end, error: errorMessage(error) }, "the record of a hole could not be removed");
    }
  }
}

/** Silence is not absence: only an article's own fault is damage. */
function kindOf(error: unknown): DamageKind | undefined {
  const code = errorCode(error);
  if (code === "ARTICLE_MISSING") return "missing";
  return code === "ARTICLE_CORRUPT" ? "corrupt" : undefined;
}

function tooDamaged(error: ArticleError, refusal: string): ArticleError {
  const { inARow, inAll, share } = DAMAGE_LIMITS;
  return new ArticleError(error.code, error.message, {
    hint:
      `${refusal}, too much to fill: at most ${inARow} in a row, ${inAll} in all and ${share * 100} % of a file; ` +
      "another post of it may be whole",
    cause: error,
  });
}
