import { setMaxListeners } from "node:events";
import { onAbort } from "../base/abort.ts";
import { FormatError } from "../base/errors.ts";
import type { Volume } from "./archive.ts";
import { type Listed, listed } from "./rar-listed.ts";
import { readRarEnd, readRarVolume } from "./rar-read.ts";
import type { RarContext, RarVolume } from "./rar-volume.ts";
import { isArticleFault } from "./rar-window.ts";

/** Volumes that are read at the same time, unless the caller says. */
const READERS = 32;

export interface RarOptions extends RarContext {
  /** Volumes that are read at the same time; 32 unless given. */
  readonly parallel?: number;
}

/** A volume that is in no set, and why: it is no RAR, damaged, locked, or its first article is missing. */
export interface Outsider {
  /** Its place in the list that was given. */
  readonly volume: number;
  readonly error: Error;
}

export interface RarBag {
  readonly listed: readonly Listed[];
  readonly outside: readonly Outsider[];
}

/** Reads the headers of all volumes. Throws what concerns no single volume: a provider's failure, the signal's reason. */
export async function readBag(volumes: readonly Volume[], options: RarOptions): Promise<RarBag> {
  const outside: Outsider[] = [];
  const read = await inParallel(volumes, options, async (volume, context, index) => {
    const rar = await orFailure(() => readRarVolume(volume, context));
    if (!(rar instanceof Error)) return listed(index, { name: volume.name, fileSize: volume.file.size, rar });
    outside.push({ volume: index, error: rar });
    return undefined;
  });
  outside.sort((a, b) => a.volume - b.volume);
  return { listed: read.filter((one) => one !== undefined), outside };
}

/** The same bag with the end blocks of some volumes read; one that cannot be read stays as it was. */
export async function withEnds(
  bag: readonly Listed[],
  chosen: ReadonlySet<Listed>,
  { volumes, options }: { readonly volumes: readonly Volume[]; readonly options: RarOptions },
): Promise<Listed[]> {
  return await inParallel(bag, options, async (one, context) => {
    if (!chosen.has(one)) return one;
    const rar = await orFailure(() => readRarEnd(volumes[one.index] as Volume, one.rar, context));
    return rar instanceof Error ? one : { ...one, rar };
  });
}

async function orFailure(read: () => Promise<RarVolume>): Promise<RarVolume | Error> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof FormatError || isArticleFault(error)) return error as Error;
    throw error;
  }
}

/** The first failure stops the work that is still going on. */
async function inParallel<T, R>(
  items: readonly T[],
  { parallel = READERS, signal, ...context }: RarOptions,
  work: (item: T, context: RarContext, index: number) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  // Every read that is under way listens.
  setMaxListeners(0, stop.signal);
  using _ = onAbort(signal, () => stop.abort(signal.reason));
  const waiting = items.entries();
  const results: R[] = [];
  const worker = async () => {
    for (const [index, item] of waiting) {
      stop.signal.throwIfAborted();
      results[index] = await work(item, { ...context, signal: stop.signal }, index);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
    return results;
  } catch (error) {
    stop.abort(error);
    throw error;
  }
}
