import { errorCode } from "../base/errors.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import { type Command, type CommandIo, table } from "./command.ts";
import { CommandError, EXIT, type ExitCode, exitCodeFor } from "./exit-code.ts";
import { reportError } from "./report.ts";

/** Commands by name; each file is loaded when its command is asked for. */
export type CommandLoaders = Readonly<Record<string, () => Promise<Command>>>;

interface World {
  readonly commands: CommandLoaders;
  readonly io: CommandIo;
}

/**
 * Runs the command that the arguments name and resolves with the exit code; never rejects. Errors go to standard error as
 * message and hint. A reader that closes standard output early (`| head`) ends the command quietly.
 */
export async function dispatch(args: readonly string[], { commands, io }: World): Promise<ExitCode> {
  const ending = new AbortController();
  let outputError: unknown;
  const onOutputError = (error: unknown) => {
    outputError ??= error;
    ending.abort(error);
  };
  io.stdout.on("error", onOutputError);
  try {
    const signal = AbortSignal.any([io.signal, ending.signal]);
    const code = await start(args, { commands, io: { ...io, signal } });
    if (outputError !== undefined) throw outputError;
    return code;
  } catch (error) {
    if (io.signal.aborted && (error === io.signal.reason || errorCode(error) === "ABORT_ERR")) return EXIT.interrupted;
    const cause = outputError ?? error;
    if (errorCode(cause) === "EPIPE") return EXIT.ok;
    reportError(io, cause, { json: args.includes("--json") });
    return exitCodeFor(cause);
  } finally {
    io.stdout.off("error", onOutputError);
  }
}

async function start(args: readonly string[], { commands, io }: World): Promise<ExitCode> {
  const [name, ...rest] = args;
  if (name === undefined) {
    throw new CommandError("USAGE", "what shall be done?", { hint: "newsreel --help lists the commands" });
  }
  if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    const all = await Promise.all(Object.values(commands).map((load) => load()));
    io.stdout.write(overview(all));
    return EXIT.ok;
  }
  if (name === "help") return await start([...rest, "--help"], { commands, io });
  const wanted = name === "--version" || name === "-V" ? "version" : name;
  const load = Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
  if (load !== undefined) return await (await load()).run(rest, io);
  const near = didYouMean(name, [...Object.keys(commands), "help"]);
  throw new CommandError("USAGE", `there is no command ${JSON.stringify(name.slice(0, 100))}`, {
    hint: near === undefined ? "newsreel --help lists the commands" : `did you mean ${near}?`,
  });
}

function overview(commands: readonly Command[]): string {
  const lines = [
    "newsreel: a WebDAV server for Usenet libraries",
    "",
    "Usage: newsreel <command> [options]",
    "",
    "Commands:",
    ...table(commands.map(({ name, summary }) => [name, summary])),
    "",
    "newsreel <command> --help tells more of each. All take --json.",
    "Exit codes: 0 ok, 1 failure, 2 usage, 3 not reachable, 4 not ready.",
  ];
  return `${lines.join("\n")}\n`;
}
