import { PassThrough, Readable } from "node:stream";
import type { CommandIo } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { dispatch } from "../../src/cli/dispatch.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

export type World = Partial<Omit<CommandIo, "stdout" | "stderr">>;

/** Runs `newsreel <args>` within this process: no environment and no files but those given. */
export async function run(args: readonly string[], world: World = {}): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const [bytes, told] = [collect(stdout), collect(stderr)];
  const io: CommandIo = {
    env: {},
    cwd: "/nonexistent",
    stdin: Readable.from([]),
    signal: new AbortController().signal,
    ...world,
    stdout,
    stderr,
  };
  const code = await dispatch(args, { commands: COMMANDS, io });
  stdout.end();
  stderr.end();
  return { code, bytes: await bytes, stdout: (await bytes).toString(), stderr: (await told).toString() };
}

async function collect(stream: PassThrough): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
