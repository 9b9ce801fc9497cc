import { LRUCache } from "lru-cache";
import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { DavEntry, PutRequest } from "../webdav/tree.ts";

/** Shown even while the library has no release of theirs. */
const USUAL_CATEGORIES = ["default", "movies", "music", "tv"];
/** Dropped files stay visible for so long, since clients look whether their upload arrived. */
const REMEMBER_MS = 60 * 60 * 1000;
const REMEMBER_COUNT = 1000;
const NZB_NAME = /\.nzb(\.gz)?$/i;

/** Where a dropped NZB goes: resolves when it is safe there, rejects with what is wrong with it. */
export interface NzbIntake {
  submit(
    submission: Cancel & {
      readonly body: AsyncIterable<Uint8Array>;
      readonly fileName: string;
      readonly category: string;
    },
  ): Promise<unknown>;
}

export interface NzbDropOptions {
  readonly intake: NzbIntake;
  readonly clock: Clock;
  /** Categories that the library has. */
  readonly categories: () => readonly string[];
}

/** `/nzbs/<category>/`: an NZB put here is imported into that category. */
export class NzbDrop {
  readonly #options: NzbDropOptions;
  readonly #startedAt: number;
  readonly #dropped: LRUCache<string, DavEntry>;

  constructor(options: NzbDropOptions) {
    this.#options = options;
    this.#startedAt = options.clock.wall();
    const perf = { now: () => options.clock.now() };
    this.#dropped = new LRUCache({ max: REMEMBER_COUNT, ttl: REMEMBER_MS, ttlResolution: 0, perf });
  }

  categories(): readonly string[] {
    return [...new Set([...USUAL_CATEGORIES, ...this.#options.categories()])].sort();
  }

  /** `path` is what follows `/nzbs`. */
  find(path: readonly string[]): DavEntry | undefined {
    const [category, file] = path;
    if (category === undefined || path.length > 2) return undefined;
    if (file !== undefined) return this.#dropped.get(`${category}/${file}`);
    // Somebody is about to put an NZB beside the categories, and must be told; as a folder it would be in its own way.
    if (NZB_NAME.test(category)) return undefined;
    // A category comes into being with its first release; until then it is as good as there.
    return folder(category, this.#startedAt);
  }

  list(path: readonly string[]): readonly DavEntry[] {
    const [category] = path;
    return category === undefined
      ? this.categories().map((name) => folder(name, this.#startedAt))
      : this.#files(category);
  }

  async put(path: readonly string[], { body, signal, length }: PutRequest): Promise<"created" | "replaced"> {
    const [category, file] = path;
    if (category === undefined || file === undefined || path.length > 2) {
      throw new RequestError("FORBIDDEN", "only files inside a category can be put here", {
        hint: "put the NZB to /nzbs/<category>/<name>.nzb",
      });
    }
    if (!NZB_NAME.test(file)) {
      throw new RequestError("FORBIDDEN", `${file} is no NZB`, { hint: "its name must end in .nzb or .nzb.gz" });
    }
    if (length === 0) throw new RequestError("BAD_REQUEST", `${file} is empty`, { hint: "send the NZB as the body" });
    let size = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of body) {
        size += chunk.length;
        yield chunk;
      }
    }
    const key = `${category}/${file}`;
    const isKnown = this.#dropped.has(key);
    await this.#options.intake.submit({ body: counted(), fileName: file, category, signal });
    const now = this.#options.clock.wall();
    this.#dropped.set(key, {
      kind: "resource",
      name: file,
      size,
      createdAt: now,
      modifiedAt: now,
      etag: `drop-${now.toString(36)}-${size}`,
      contentType: "application/x-nzb",
    });
    return isKnown ? "replaced" : "created";
  }

  #files(category: string): readonly DavEntry[] {
    return [...this.#dropped.entries()]
      .filter(([key]) => key.startsWith(`${category}/`))
      .map(([, entry]) => entry)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** A collection that stands by itself, not for anything in the catalog. */
export function folder(name: string, at: number): DavEntry {
  return { kind: "collection", name, size: 0, createdAt: at, modifiedAt: at, etag: "", contentType: "" };
}
