import { defineCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { LIST_OPTIONS, listImports } from "./import-list.ts";
import { SERVER_OPTIONS, serverAddress } from "./server-address.ts";

export const historyCommand = defineCommand({
  name: "history",
  summary: "list the imports that are over, and how they ended",
  usage: ["history [--state states] [--category name] [--search words] [--limit n]"],
  about: "The latest ones first. The same as newsreel queue ls --state completed,failed,cancelled.",
  options: { ...LIST_OPTIONS, ...SERVER_OPTIONS },
  positionals: [0, 0],
  async run(call) {
    const states = call.values.state ?? "completed,failed,cancelled";
    await listImports(call, await serverAddress(call), { ...call.values, states });
    return EXIT.ok;
  },
});
