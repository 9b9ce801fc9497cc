import { onAbort } from "../base/abort.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Post } from "./post.ts";

/** One segment of a post. */
export interface Question {
  readonly post: Post;
  readonly index: number;
}

/** Questions that one import asks at once; more would only wait for each other. */
const WORKERS = 36;

export interface AskOptions extends Cancel {
  /** How many at a time; 36 unless given. */
  readonly atOnce?: number;
}

/**
 * Asks everything, many at a time. The first failure stops the rest; rejects with it, or with the signal's reason, when all have
 * stopped, so that nothing goes on behind the caller's back.
 */
export async function askAll<Q = Question>(
  questions: Iterable<Q>,
  ask: (question: Q, signal: AbortSignal) => Promise<void>,
  { signal, atOnce = WORKERS }: AskOptions,
): Promise<void> {
  signal.throwIfAborted();
  const rest = questions[Symbol.iterator]();
  // A signal for each worker: dozens of listeners on one would look like a leak, and cost more with each.
  const workers = Array.from({ length: atOnce }, () => new AbortController());
  let failure: { readonly reason: unknown } | undefined;
  const stop = (reason: unknown) => {
    failure ??= { reason };
    for (const worker of workers) worker.abort(reason);
  };
  using _ = onAbort(signal, () => stop(signal.reason));
  const work = async (worker: AbortController) => {
    for (let next = rest.next(); next.done !== true && failure === undefined; next = rest.next()) {
      await ask(next.value, worker.signal).catch(stop);
    }
  };
  await Promise.all(workers.map(work));
  if (failure !== undefined) throw failure.reason;
}
