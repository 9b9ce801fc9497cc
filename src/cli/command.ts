import type { Readable, Writable } from "node:stream";
import { type ParseArgsConfig, parseArgs } from "node:util";
import type { Cancel } from "../base/seekable-file.ts";
import { CommandError, EXIT, type ExitCode } from "./exit-code.ts";

/** The world as a command sees it; `signal` fires at the first SIGINT or SIGTERM. */
export interface CommandIo extends Cancel {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths and `newsreel.yaml` start from. */
  readonly cwd: string;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** One subcommand. `run` gets what stands behind its name; it resolves to the exit code, or throws what the person is told. */
export interface Command {
  readonly name: string;
  /** One phrase for the list of commands. */
  readonly summary: string;
  run(args: readonly string[], io: CommandIo): Promise<ExitCode>;
}

export interface CommandOption {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help, as in `--category <name>`. */
  readonly value?: string;
  readonly help: string;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

const EVERYWHERE = {
  json: { type: "boolean", help: "answer in JSON, one value per line" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies CommandOptions;

type Value<Option extends CommandOption> = Option["type"] extends "boolean"
  ? boolean
  : Option extends { readonly multiple: true }
    ? readonly string[]
    : string;

export type OptionValues<Options extends CommandOptions> = { readonly [Name in keyof Options]?: Value<Options[Name]> };

/** A command's arguments, parsed and checked. */
export interface CommandCall<Options extends CommandOptions> extends CommandIo {
  readonly values: OptionValues<Options & typeof EVERYWHERE>;
  readonly positionals: readonly string[];
}

interface CommandSpec<Options extends CommandOptions> {
  readonly name: string;
  readonly summary: string;
  /** Its ways to be called, as they follow `newsreel `. */
  readonly usage: readonly string[];
  /** Whole sentences under the usage. */
  readonly about?: string;
  readonly options: Options;
  /** Fewest and most positional arguments. */
  readonly positionals: readonly [number, number];
  run(call: CommandCall<Options>): Promise<ExitCode>;
}

/** A command from its table of options; adds --help and --json, and refuses what the table does not know with USAGE. */
export function defineCommand<const Options extends CommandOptions>(spec: CommandSpec<Options>): Command {
  const options = { ...spec.options, ...EVERYWHERE };
  return {
    name: spec.name,
    summary: spec.summary,
    async run(args, io) {
      // Asked for help, the rest of the line may be as wrong as it likes.
      const own = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
      if (own.includes("--help") || own.includes("-h")) {
        io.stdout.write(helpText(spec, options));
        return EXIT.ok;
      }
      const { values, positionals } = parse(spec, options, args);
      return await spec.run({ ...io, values: values as OptionValues<Options & typeof EVERYWHERE>, positionals });
    },
  };
}

function parse(spec: CommandSpec<CommandOptions>, options: CommandOptions, args: readonly string[]) {
  const usage = `usage: newsreel ${spec.usage[0]}; more with newsreel ${spec.name} --help`;
  try {
    const parsed = parseArgs({
      args: [...args],
      options: options as NonNullable<ParseArgsConfig["options"]>,
      allowPositionals: true,
    });
    const [fewest, most] = spec.positionals;
    const given = parsed.positionals.length;
    if (given < fewest) throw new CommandError("USAGE", `${spec.name} needs more arguments`, { hint: usage });
    if (given > most) {
      const extra = JSON.stringify(parsed.positionals[most]);
      throw new CommandError("USAGE", `${spec.name} does not take the argument ${extra}`, { hint: usage });
    }
    return parsed;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const [sentence = ""] = (error as Error).message.split(/[.\n]/);
    throw new CommandError("USAGE", sentence.charAt(0).toLowerCase() + sentence.slice(1), { hint: usage });
  }
}

function helpText(spec: CommandSpec<CommandOptions>, options: CommandOptions): string {
  const rows = Object.entries(options).map(([name, option]): [string, string] => {
    const short = option.short === undefined ? "    " : `-${option.short}, `;
    const value = option.type === "boolean" ? "" : ` <${option.value ?? "value"}>`;
    return [`${short}--${name}${value}`, option.help];
  });
  const lines = [
    `newsreel ${spec.name}: ${spec.summary}`,
    "",
    ...spec.usage.map((line, index) => `${index === 0 ? "Usage:" : "      "} newsreel ${line}`),
    ...(spec.about === undefined ? [] : ["", spec.about]),
    "",
    "Options:",
    ...table(rows),
  ];
  return `${lines.join("\n")}\n`;
}

/** Two columns, the first as wide as its widest cell. */
export function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}`);
}
