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
 * Asks everything, many at a time. The first failure stops the rest; rejects with it when all have stopped, so that nothing goes on
 * behind the caller's back.
 */
export async function askAll(
  questions: readonly Question[],
  ask: (question: Question, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  using _ = onAbort(signal, () => stop.abort(signal.reason));
  const rest = questions.values();
  const work = async () => {
    for (const question of rest) {
      if (stop.signal.aborted) return;
      await ask(question, stop.signal).catch((error: unknown) => stop.abort(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(WORKERS, questions.length) }, work));
  stop.signal.throwIfAborted();
}
