import { onAbort } from "../base/abort.ts";
import type { Post } from "./post.ts";

/** One segment of a post. */
export interface Question {
  readonly post: Post;
  readonly index: number;
}

/** Questions that one import asks at once; more would only wait for each other. */
const WORKERS = 36;

/**
 * Asks everything, many at a time. The first failure stops the rest; rejects with it, or with the signal's reason, when all have
 * stopped, so that nothing goes on behind the caller's back.
 */
export async function askAll(
  questions: readonly Question[],
  ask: (question: Question, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const rest = questions.values();
  // A signal for each worker: dozens of listeners on one would look like a leak, and cost more with each.
  const workers = Array.from({ length: Math.min(WORKERS, questions.length) }, () => new AbortController());
  let failure: { readonly reason: unknown } | undefined;
  const stop = (reason: unknown) => {
    failure ??= { reason };
    for (const worker of workers) worker.abort(reason);
  };
  using _ = onAbort(signal, () => stop(signal.reason));
  const work = async (worker: AbortController) => {
    for (const question of rest) {
      if (failure !== undefined) return;
      await ask(question, worker.signal).catch(stop);
    }
  };
  await Promise.all(workers.map(work));
  if (failure !== undefined) throw failure.reason;
}
