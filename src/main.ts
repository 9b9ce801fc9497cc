#!/usr/bin/env node
import { COMMANDS } from "./cli/commands.ts";
import { dispatch } from "./cli/dispatch.ts";
import { processEnv } from "./config/environment.ts";

/** The first signal asks the command to end; with nobody listening any more, the second ends the process. */
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));
}

const { stdin, stdout, stderr } = process;
const io = { env: processEnv(), cwd: process.cwd(), stdin, stdout, stderr, signal: interruption.signal };
// Not process.exit: what was written to a pipe still has to leave.
process.exitCode = await dispatch(process.argv.slice(2), { commands: COMMANDS, io });
