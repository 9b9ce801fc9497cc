import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer, Request } from "./child-side.ts";
import { undoAtExit } from "./leftovers.ts";

/** A part of the benchmark in a process of its own, so that its CPU time is its own. Disposing ends it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Rejects when the process ends. */
  readonly ended: Promise<never>;
  /** Has one of its calls made and waits for the result; rejects when it fails, takes two minutes, or the process ends. */
  ask<Result>(call: string, argument?: unknown): Promise<Result>;
}

const ASK_MS = 120_000;
const GRACE_MS = 15_000;

/** Starts `bench/<name>.js` with one JSON argument. */
export function startChild(name: string, argument: unknown): Child {
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return childOf(fork(file, [JSON.stringify(argument)], { stdio: ["ignore", "inherit", "inherit", "ipc"] }), name);
}

/** Looks after a process that has just been spawned; to be asked something it needs an `ipc` channel and `answerRequests`. */
export function childOf(child: ChildProcess, name: string): Child {
  const atExit = undoAtExit(() => child.kill("SIGKILL"));
  const waiting = new Map<number, (answer: Answer) => void>();
  let asked = 0;
  const exit = once(child, "exit").finally(() => atExit[Symbol.dispose]());
  const ended = exit.then(([code, signal]): never => {
    throw new Error(`${name} ended with ${code ?? signal}`);
  });
  ended.catch(() => {});
  child.on("message", (answer: Answer) => {
    waiting.get(answer.number)?.(answer);
    waiting.delete(answer.number);
  });
  return {
    pid: child.pid as number,
    ended,
    async ask<Result>(call: string, argument?: unknown): Promise<Result> {
      const number = asked++;
      const answered = new Promise<Answer>((resolve) => waiting.set(number, resolve));
      const request: Request = { number, call, argument };
      child.send(request);
      const answer = await withinTime(Promise.race([answered, ended]), ASK_MS, `${name} does not answer to ${call}`);
      if (answer.error !== undefined) throw new Error(`${name}, ${call}: ${answer.error}`);
      return answer.result as Result;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const deadline = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
      await exit.catch(() => {});
      clearTimeout(deadline);
    },
  };
}

/** The promise's result, or a rejection with the complaint when it takes longer. */
export async function withinTime<T>(promise: Promise<T>, ms: number, complaint: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(complaint)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
