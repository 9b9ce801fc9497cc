import { z } from "zod";
import { PRIORITIES } from "../catalog/jobs.ts";
import { callApi } from "./api-call.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { CommandError, EXIT, type ExitCode, exitCodeFor } from "./exit-code.ts";
import { LIST_OPTIONS, listImports, listQueue, QUEUE_IS_PAUSED } from "./import-list.ts";
import { IMPORT, type ImportView, nameOf } from "./import-view.ts";
import { printable, printJson, printLine } from "./output.ts";
import { reportError } from "./report.ts";
import { LOGIN_OPTIONS, type ServerAddress, serverAddress } from "./server-address.ts";

const OPTIONS = {
  ...LIST_OPTIONS,
  password: { type: "string", value: "text", help: "retry: password of the archives in it" },
  ...LOGIN_OPTIONS,
} as const;
type Call = CommandCall<typeof OPTIONS>;

/** What the queue as a whole can be told. */
const WHOLE = {
  pause: QUEUE_IS_PAUSED,
  resume: "the queue goes on",
} as const;

/** What single imports can be told. */
const SINGLE: ReadonlySet<string> = new Set(["pause", "resume", "cancel", "retry", "rm"]);

/** States of imports that have not ended. */
const LIVING = "queued,waiting,importing,paused";

const USAGE = [
  "queue ls [--state states] [--category name] [--search words] [--limit n]",
  "queue pause [id...]",
  "queue resume [id...]",
  "queue cancel <id...>",
  "queue retry <id...> [--password text]",
  "queue rm <id...>",
  `queue priority <id> <${PRIORITIES.join("|")}>`,
  "queue move <id> <number|top|bottom>",
];

export const queueCommand = defineCommand({
  name: "queue",
  summary: "show the imports that wait or run, and change what comes next",
  usage: USAGE,
  about:
    "Without ids, pause and resume mean the whole queue. rm takes imports out of queue and history; the library keeps what they brought.\n" +
    "ls shows the queue in the order it is served; with --state, --category or --search, imports by their age, the latest first.",
  options: OPTIONS,
  positionals: [1, 10_000],
  async run(call) {
    const { password, ...login } = call.values;
    const [verb = "", ...rest] = call.positionals;
    if (password !== undefined && verb !== "retry") {
      throw new CommandError("USAGE", "--password belongs to queue retry", { hint: "a login is --user name:password" });
    }
    const server = () => serverAddress({ ...call, values: login });
    if (verb === "ls" && rest.length === 0) return await list(call, await server());
    if (isWholeVerb(verb) && rest.length === 0) return await tellQueue(call, await server(), verb);
    if (SINGLE.has(verb) && rest.length > 0) return await tellEach(call, await server(), { verb, ids: rest.map(idOf) });
    const [id, value] = rest;
    if (verb === "priority" && id !== undefined && value !== undefined && rest.length === 2) {
      const path = `${pathOf(id)}/priority?value=${priorityOf(value)}`;
      return await tellOne(call, await server(), { path, id, said: ({ priority }) => `priority ${priority ?? value}` });
    }
    if (verb === "move" && id !== undefined && value !== undefined && rest.length === 2) {
      const path = `${pathOf(id)}/move?position=${placeOf(value)}`;
      return await tellOne(call, await server(), { path, id, said: movedTo });
    }
    throw new CommandError(
      "USAGE",
      `queue cannot be called as ${JSON.stringify(call.positionals.join(" ").slice(0, 100))}`,
      {
        hint: USAGE.map((line) => `newsreel ${line}`).join("\n  "),
      },
    );
  },
});

function isWholeVerb(verb: string): verb is keyof typeof WHOLE {
  return Object.hasOwn(WHOLE, verb);
}

async function list(call: Call, server: ServerAddress): Promise<ExitCode> {
  const { state, category, search } = call.values;
  if (state === undefined && category === undefined && search === undefined) await listQueue(call, server, call.values);
  else await listImports(call, server, { ...call.values, states: state ?? LIVING });
  return EXIT.ok;
}

async function tellQueue(call: Call, server: ServerAddress, verb: keyof typeof WHOLE): Promise<ExitCode> {
  const shape = z.looseObject({ isPaused: z.boolean() });
  const request = { method: "POST", path: `api/v1/queue/${verb}`, subject: "queue", shape } as const;
  const answer = await callApi(server, request, call);
  await (call.values.json ? printJson(call, answer) : printLine(call, WHOLE[verb]));
  return EXIT.ok;
}

/** One after the other; one that is refused does not keep the others. */
async function tellEach(
  call: Call,
  server: ServerAddress,
  { verb, ids }: { readonly verb: string; readonly ids: readonly string[] },
): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const { password } = call.values;
  const query = password === undefined ? "" : `?${new URLSearchParams({ password })}`;
  for (const id of ids) {
    try {
      if (verb === "rm") await remove(call, server, id);
      else await tellOne(call, server, { path: `${pathOf(id)}/${verb}${query}`, id, said: ({ state }) => state });
    } catch (error) {
      if (call.signal.aborted || exitCodeFor(error) === EXIT.unreachable) throw error;
      code = EXIT.failure;
      reportError(call, error, { json: call.values.json === true });
    }
  }
  return code;
}

interface Telling {
  readonly path: string;
  readonly id: string;
  readonly said: (view: ImportView) => string;
}

async function tellOne(call: Call, server: ServerAddress, { path, id, said }: Telling): Promise<ExitCode> {
  const view = await callApi(server, { method: "POST", path, subject: id, shape: IMPORT }, call);
  await (call.values.json ? printJson(call, view) : printLine(call, printable(`${nameOf(view)}: ${said(view)}`)));
  return EXIT.ok;
}

async function remove(call: Call, server: ServerAddress, id: string): Promise<void> {
  const request = {
    method: "DELETE",
    path: pathOf(id),
    subject: id,
    shape: z.looseObject({ id: z.string() }),
  } as const;
  const removed = await callApi(server, request, call);
  await (call.values.json ? printJson(call, removed) : printLine(call, printable(`${removed.id}: removed`)));
}

function pathOf(id: string): string {
  return `api/v1/imports/${idOf(id)}`;
}

function idOf(text: string): string {
  if (/^\w{1,64}$/.test(text)) return text;
  throw new CommandError("USAGE", `${JSON.stringify(text.slice(0, 100))} is no id of an import`, {
    hint: "newsreel queue ls and newsreel history show the ids",
  });
}

function priorityOf(text: string): string {
  if (PRIORITIES.some((known) => known === text)) return text;
  throw new CommandError(
    "USAGE",
    `${JSON.stringify(text.slice(0, 100))} is no priority: they are ${PRIORITIES.join(", ")}`,
  );
}

/** Behind the last one is the last place, so this is as far down as it goes. */
const BOTTOM = 999_999_999;

/** People count from 1, as `queue ls` does; the API from 0. */
function placeOf(text: string): number {
  if (text === "top") return 0;
  if (text === "bottom") return BOTTOM;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text) - 1;
  throw new CommandError("USAGE", `${JSON.stringify(text.slice(0, 100))} is no place in the queue`, {
    hint: "give its number as newsreel queue ls shows it, top or bottom",
  });
}

function movedTo({ position }: ImportView): string {
  return position == null ? "moved" : `number ${position + 1} of the queue`;
}
