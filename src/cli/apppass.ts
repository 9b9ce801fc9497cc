import { z } from "zod";
import { callApi, INSTANT } from "./api-call.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit-code.ts";
import { printable, printJson, printLine } from "./output.ts";
import { SERVER_OPTIONS, type ServerAddress, serverAddress } from "./server-address.ts";

const OPTIONS = {
  write: { type: "boolean", help: "with add: it may also change things; else it may only read" },
  ...SERVER_OPTIONS,
} as const;
type Call = CommandCall<typeof OPTIONS>;

const APP_PASSWORD = z.object({
  id: z.number(),
  name: z.string(),
  mayWrite: z.boolean(),
  createdAt: INSTANT,
  lastUsedAt: INSTANT.nullable(),
});
type AppPassword = z.infer<typeof APP_PASSWORD>;
const LIST = z.object({ appPasswords: z.array(APP_PASSWORD) });
const MADE = APP_PASSWORD.extend({ user: z.string(), password: z.string() });

const PATH = "api/v1/app-passwords";

export const apppassCommand = defineCommand({
  name: "apppass",
  summary: "make, list or revoke the passwords of single devices",
  usage: ["apppass add <name> [--write]", "apppass ls", "apppass rm <name|id>"],
  about:
    "A device logs in with the owner's user name and its own password, which can be revoked without changing any other.\n" +
    "Needs the owner's own login. Times are UTC.",
  options: OPTIONS,
  positionals: [1, 2],
  async run(call) {
    const [verb, name] = call.positionals;
    if (verb !== "add" && call.values.write) throw new CommandError("USAGE", "--write belongs to apppass add");
    if (verb === "ls" && name === undefined) return await list(call);
    if (verb === "add" && name !== undefined) return await add(call, name);
    if (verb === "rm" && name !== undefined) return await remove(call, name);
    throw new CommandError("USAGE", `apppass cannot be called as ${JSON.stringify(call.positionals.join(" "))}`, {
      hint: "newsreel apppass add <name>, newsreel apppass ls, newsreel apppass rm <name|id>",
    });
  },
});

async function add(call: Call, name: string): Promise<ExitCode> {
  const query = new URLSearchParams({ name, ...(call.values.write ? { write: "1" } : {}) });
  const request = { method: "POST", path: `${PATH}?${query}`, subject: name, shape: MADE } as const;
  const made = await callApi(await serverAddress(call), request, call);
  if (call.values.json) await printJson(call, made);
  else {
    await printLine(call, printable(`user      ${made.user}`));
    await printLine(call, printable(`password  ${made.password}`));
    await printLine(call, `It may ${made.mayWrite ? "read and write" : "only read"}. It is not shown again.`);
  }
  return EXIT.ok;
}

async function list(call: Call): Promise<ExitCode> {
  for (const password of await all(call, await serverAddress(call))) {
    if (call.values.json) await printJson(call, password);
    else await printLine(call, row(password));
  }
  return EXIT.ok;
}

async function remove(call: Call, wanted: string): Promise<ExitCode> {
  const server = await serverAddress(call);
  const passwords = await all(call, server);
  const name = wanted.normalize("NFC");
  const found = passwords.find((one) => one.name === name) ?? passwords.find(({ id }) => String(id) === wanted);
  if (found === undefined) {
    throw new CommandError("SERVER_REFUSED", `there is no app password ${JSON.stringify(wanted)}`, {
      hint: "newsreel apppass ls shows them",
    });
  }
  const request = { method: "DELETE", path: `${PATH}/${found.id}`, subject: wanted, shape: APP_PASSWORD } as const;
  const removed = await callApi(server, request, call);
  await (call.values.json ? printJson(call, removed) : printLine(call, printable(`${removed.name} is revoked`)));
  return EXIT.ok;
}

async function all(call: Call, server: ServerAddress): Promise<readonly AppPassword[]> {
  const request = { method: "GET", path: PATH, subject: "app passwords", shape: LIST } as const;
  return (await callApi(server, request, call)).appPasswords;
}

function row({ id, name, mayWrite, lastUsedAt }: AppPassword): string {
  const used = lastUsedAt === null ? "never used" : `used ${new Date(lastUsedAt).toISOString().slice(0, 16)}Z`;
  return `${String(id).padStart(5)}  ${mayWrite ? "write" : "read "}  ${used.padEnd(22)}  ${printable(name)}`;
}
