#!/usr/bin/env node
import { COMMANDS } from "./cli/commands.ts";
import { dispatch } from "./cli/dispatch.ts";
import { processEnv } from "./config/environment.ts";

const INTERRUPTIONS = ["SIGINT", "SIGTERM"] as const;

/** The first signal asks the command to end; with nobody listening any more, the second ends the process, whichever it is. */
const interruption = new AbortController();
const interrupt = (signal: NodeJS.Signals) => {
  for (const name of INTERRUPTIONS) process.off(name, interrupt);
  interruption.abort(new Error(`stopped by ${signal}`));
};
for (const name of INTERRUPTIONS) process.on(name, interrupt);

const { stdin, stdout, stderr } = process;
const io = { env: processEnv(), cwd: process.cwd(), stdin, stdout, stderr, signal: interruption.signal };
// Not process.exit: what was written to a pipe still has to leave.
process.exitCode = await dispatch(process.argv.slice(2), { commands: COMMANDS, io });
