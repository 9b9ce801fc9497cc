import { configSchema, describeConfig, type SettingView } from "../config/describe.ts";
import { defineCommand } from "./command.ts";
import { CONFIG_OPTION, configurationOf } from "./configuration.ts";
import { CommandError, EXIT } from "./exit-code.ts";
import { printJson, printLine } from "./output.ts";

export const configCommand = defineCommand({
  name: "config",
  summary: "show what is configured and by whom, or the schema of the file",
  usage: ["config show", "config schema"],
  about: "Secrets are shown as ***. The schema is JSON Schema, for editors.",
  options: CONFIG_OPTION,
  positionals: [1, 1],
  async run(call) {
    const [verb] = call.positionals;
    if (verb === "schema") {
      await printLine(call, JSON.stringify(configSchema(), undefined, call.values.json ? 0 : 2));
      return EXIT.ok;
    }
    if (verb !== "show") {
      throw new CommandError("USAGE", `config has no subcommand ${JSON.stringify(verb)}`, { hint: "show or schema" });
    }
    const settings = describeConfig(configurationOf(call));
    const width = Math.max(...settings.map(({ key }) => key.length));
    for (const setting of settings) {
      await (call.values.json ? printJson(call, setting) : printLine(call, row(setting, width)));
    }
    return EXIT.ok;
  },
});

function row({ key, text, source }: SettingView, width: number): string {
  return `${key.padEnd(width)}  ${text === "" ? '""' : text}  (${source.place})`;
}
