import { z } from "zod";
import { callApi, INSTANT } from "./api-call.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { davPath } from "./dav-listing.ts";
import { CommandError, EXIT, type ExitCode } from "./exit-code.ts";
import { printable, printJson, printLine } from "./output.ts";
import { SERVER_OPTIONS, serverAddress } from "./server-address.ts";

type Call = CommandCall<typeof SERVER_OPTIONS>;

const ITEM = z.object({
  id: z.number(),
  kind: z.enum(["folder", "file"]),
  path: z.string(),
  size: z.number(),
  removedAt: INSTANT,
});
const PAGE = z.object({ items: z.array(ITEM), next: z.string().nullable() });
const RESTORED = z.object({ id: z.number(), path: z.string() });
const PURGED = z.object({ id: z.number() });

const PATH = "api/v1/trash";

export const trashCommand = defineCommand({
  name: "trash",
  summary: "list what was removed from the library, bring it back, or delete it for good",
  usage: ["trash ls", "trash restore <id>", "trash rm <id>"],
  about: "ls shows id, time of removal (UTC), bytes and where it stood, the latest first; folders end in a slash.",
  options: SERVER_OPTIONS,
  positionals: [1, 2],
  async run(call) {
    const [verb, id] = call.positionals;
    if (verb === "ls" && id === undefined) return await list(call);
    if (verb === "restore" && id !== undefined) return await restore(call, idOf(id));
    if (verb === "rm" && id !== undefined) return await remove(call, idOf(id));
    throw new CommandError("USAGE", `trash cannot be called as ${JSON.stringify(call.positionals.join(" "))}`, {
      hint: "newsreel trash ls, newsreel trash restore <id>, newsreel trash rm <id>",
    });
  },
});

async function list(call: Call): Promise<ExitCode> {
  const server = await serverAddress(call);
  for (let after: string | null = ""; after !== null; ) {
    const query: string = `?limit=500${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`;
    const request = { method: "GET", path: PATH + query, subject: "trash", shape: PAGE } as const;
    const page: z.infer<typeof PAGE> = await callApi(server, request, call);
    for (const item of page.items) {
      if (call.values.json) await printJson(call, item);
      else await printLine(call, row(item));
    }
    after = page.next;
  }
  return EXIT.ok;
}

async function restore(call: Call, id: string): Promise<ExitCode> {
  const request = { method: "POST", path: `${PATH}/${id}/restore`, subject: id, shape: RESTORED } as const;
  const restored = await callApi(await serverAddress(call), request, call);
  await (call.values.json ? printJson(call, restored) : printLine(call, printable(davPath(restored.path))));
  return EXIT.ok;
}

async function remove(call: Call, id: string): Promise<ExitCode> {
  const request = { method: "DELETE", path: `${PATH}/${id}`, subject: id, shape: PURGED } as const;
  const purged = await callApi(await serverAddress(call), request, call);
  await (call.values.json ? printJson(call, purged) : printLine(call, `${purged.id} is gone`));
  return EXIT.ok;
}

function idOf(text: string): string {
  if (/^[1-9]\d{0,14}$/.test(text)) return text;
  throw new CommandError("USAGE", `${JSON.stringify(text)} is no id of the trash`, {
    hint: "newsreel trash ls shows the ids",
  });
}

function row({ id, kind, path, size, removedAt }: z.infer<typeof ITEM>): string {
  const when = new Date(removedAt).toISOString().slice(0, 19);
  const name = printable(davPath(path)) + (kind === "folder" ? "/" : "");
  return `${String(id).padStart(8)}  ${when}Z  ${String(size).padStart(15)}  ${name}`;
}
