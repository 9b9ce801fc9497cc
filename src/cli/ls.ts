import { defineCommand } from "./command.ts";
import { type DavItem, davPath, listDav } from "./dav-listing.ts";
import { EXIT } from "./exit-code.ts";
import { printable, printJson, printLine } from "./output.ts";
import { SERVER_OPTIONS, serverAddress } from "./server-address.ts";

export const lsCommand = defineCommand({
  name: "ls",
  summary: "list a folder of the library",
  usage: ["ls [path]"],
  about: "Shows bytes, time of change (UTC) and name; folders end in a slash.",
  options: SERVER_OPTIONS,
  positionals: [0, 1],
  async run(call) {
    const path = davPath(call.positionals[0] ?? "/");
    for await (const item of listDav(await serverAddress(call), { path, depth: 1 }, call)) {
      const isFolderItself = item.path === path && item.kind === "collection";
      if (isFolderItself) continue;
      if (call.values.json) await printJson(call, item);
      else await printLine(call, row(item));
    }
    return EXIT.ok;
  },
});

function row({ path, kind, size, modifiedAt }: DavItem): string {
  const name = path.slice(path.lastIndexOf("/") + 1) + (kind === "collection" ? "/" : "");
  return `${String(size).padStart(15)}  ${modifiedAt.padEnd(20)}  ${printable(name)}`;
}
