import { defineCommand } from "./command.ts";
import { davPath, listDav } from "./dav-listing.ts";
import { CommandError, EXIT } from "./exit-code.ts";
import { printable, printJson, printLine } from "./output.ts";
import { SERVER_OPTIONS, serverAddress } from "./server-address.ts";

export const statCommand = defineCommand({
  name: "stat",
  summary: "show what is known of a file or folder",
  usage: ["stat <path>"],
  options: SERVER_OPTIONS,
  positionals: [1, 1],
  async run(call) {
    const path = davPath(call.positionals[0] as string);
    for await (const item of listDav(await serverAddress(call), { path, depth: 0 }, call)) {
      if (call.values.json) await printJson(call, item);
      else
        for (const [name, value] of Object.entries(item))
          await printLine(call, `${name.padEnd(12)} ${printable(String(value))}`);
      return EXIT.ok;
    }
    throw new CommandError("SERVER_ANSWER", `${path}: the server's answer names nothing`);
  },
});
