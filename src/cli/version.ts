import { VERSION } from "../base/version.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printJson, printLine } from "./output.ts";

export const versionCommand = defineCommand({
  name: "version",
  summary: "show the version of this program",
  usage: ["version"],
  options: {},
  positionals: [0, 0],
  async run(call) {
    const { json } = call.values;
    await (json
      ? printJson(call, { version: VERSION, node: process.version })
      : printLine(call, `newsreel ${VERSION}`));
    return EXIT.ok;
  },
});
