import { z } from "zod";
import { ago, inBytes, inPercent, inTime } from "./amounts.ts";
import { callApi } from "./api-call.ts";
import type { CommandIo } from "./command.ts";
import { CommandError } from "./exit-code.ts";
import { queuePages } from "./import-follow.ts";
import { hasEnded, IMPORT, type ImportView, nameOf, PAGE_LIMIT, type QueuePage } from "./import-view.ts";
import { printable, printJson, printLine } from "./output.ts";
import type { ServerAddress } from "./server-address.ts";
import { lineWidth, tableLines } from "./table-lines.ts";

/** For every command that lists imports. */
export const LIST_OPTIONS = {
  state: { type: "string", value: "states", help: "only these, as failed,cancelled" },
  category: { type: "string", value: "name", help: "only those of this category" },
  search: { type: "string", value: "words", help: "only those whose name holds these words" },
  limit: { type: "string", value: "n", help: "at most so many; 100 unless given, and all of them with --json" },
} as const;

export interface ListWish {
  readonly state?: string;
  readonly category?: string;
  readonly search?: string;
  readonly limit?: string;
  readonly json?: boolean;
}

export const QUEUE_IS_PAUSED = "the queue is paused; only imports of priority force go on";

const PAGE = z.object({ imports: z.array(IMPORT), next: z.string().nullable() });
const SHOWN = 100;

/** Prints the queue in the order it is served, beneath a sentence of how it is. */
export async function listQueue(io: CommandIo, server: ServerAddress, wish: ListWish): Promise<void> {
  const rows: ImportView[] = [];
  const most = limitOf(wish);
  let first: QueuePage | undefined;
  for await (const page of queuePages(server, io)) {
    first ??= page;
    rows.push(...page.imports);
    if (rows.length > most) break;
  }
  if (!wish.json && first?.isPaused) await printLine(io, QUEUE_IS_PAUSED);
  if (!wish.json && first !== undefined) await printLine(io, printable(first.words));
  await print(io, rows, { wish, columns: QUEUE_COLUMNS });
}

/** Prints imports of these states, the latest first. */
export async function listImports(
  io: CommandIo,
  server: ServerAddress,
  { states, ...wish }: ListWish & { readonly states: string },
): Promise<void> {
  const rows: ImportView[] = [];
  const most = limitOf(wish);
  for (let after: string | null = ""; after !== null && rows.length <= most; ) {
    const query = new URLSearchParams({ state: states, limit: String(PAGE_LIMIT) });
    for (const name of ["category", "search"] as const) if (wish[name]) query.set(name, wish[name]);
    if (after !== "") query.set("after", after);
    const request = { method: "GET", path: `api/v1/imports?${query}`, subject: "imports", shape: PAGE } as const;
    const page: z.infer<typeof PAGE> = await callApi(server, request, io);
    rows.push(...page.imports);
    after = page.next;
  }
  await print(io, rows, { wish, columns: rows.every(hasEnded) ? HISTORY_COLUMNS : QUEUE_COLUMNS });
}

function limitOf({ limit, json }: ListWish): number {
  if (limit === undefined) return json ? Number.POSITIVE_INFINITY : SHOWN;
  if (/^[1-9]\d{0,8}$/.test(limit)) return Number(limit);
  throw new CommandError("USAGE", "--limit takes a whole number from 1 on");
}

type Columns = Readonly<Record<string, (view: ImportView, now: number) => string>>;

const PERCENT: Columns[string] = ({ progress }) => inPercent(progress ?? 0);
const SIZE: Columns[string] = ({ bytes }) => (bytes ? inBytes(bytes) : "");

const QUEUE_COLUMNS: Columns = {
  "#": ({ position }) => (position == null ? "" : String(position + 1)),
  ID: ({ id }) => id,
  STATE: ({ state }) => state,
  PRIORITY: ({ priority }) => priority ?? "",
  SIZE,
  DONE: PERCENT,
  LEFT: ({ timeLeftMs }) => (timeLeftMs == null ? "" : inTime(timeLeftMs)),
  CATEGORY: ({ category }) => category ?? "",
  NAME: nameWithReason,
};

const HISTORY_COLUMNS: Columns = {
  ID: ({ id }) => id,
  STATE: ({ state }) => state,
  ENDED: ({ endedAt }, now) => (endedAt == null ? "" : ago(endedAt, now)),
  SIZE,
  CATEGORY: ({ category }) => category ?? "",
  NAME: nameWithReason,
};

/** The name first, since the end of a line is what a narrow terminal cuts. */
function nameWithReason(view: ImportView): string {
  const why = view.error || view.reason;
  return why ? `${nameOf(view)}: ${why}` : nameOf(view);
}

async function print(
  io: CommandIo,
  rows: readonly ImportView[],
  { wish, columns }: { readonly wish: ListWish; readonly columns: Columns },
): Promise<void> {
  const shown = rows.slice(0, limitOf(wish));
  if (wish.json) {
    for (const row of shown) await printJson(io, row);
    return;
  }
  if (shown.length === 0) return;
  const now = Date.now();
  const cells = shown.map((row) => Object.values(columns).map((cell) => cell(row, now)));
  for (const line of tableLines(Object.keys(columns), cells, lineWidth(io.stdout))) await printLine(io, line);
  if (rows.length > shown.length) io.stderr.write(`there are more: --limit ${shown.length * 10} shows more of them\n`);
}
