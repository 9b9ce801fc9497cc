import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A part of the benchmark in a process of its own, so that its CPU time is its own. Says one message when it is ready. */
export interface Child<Ready> extends AsyncDisposable {
  readonly ready: Ready;
  readonly pid: number;
  /** Sends a request and waits for the answer. */
  ask<Answer>(request: unknown): Promise<Answer>;
}

/** Starts `bench/<name>.js` with one JSON argument. */
export async function startChild<Ready>(name: string, argument: unknown): Promise<Child<Ready>> {
  const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url));
  return overProcess(fork(file, [JSON.stringify(argument)], { stdio: ["ignore", "inherit", "inherit", "ipc"] }), name);
}

async function overProcess<Ready>(process: ChildProcess, name: string): Promise<Child<Ready>> {
  const gone = once(process, "exit").then(([code]) => {
    throw new Error(`${name} ended with ${code}`);
  });
  gone.catch(() => {});
  const message = async <T>(): Promise<T> => ((await Promise.race([once(process, "message"), gone])) as [T])[0];
  const ready = await message<Ready>();
  return {
    ready,
    pid: process.pid as number,
    async ask<Answer>(request: unknown): Promise<Answer> {
      process.send(request as object);
      return message<Answer>();
    },
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await gone.catch(() => {});
    },
  };
}
