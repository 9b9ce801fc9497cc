import { z } from "zod";
import { INSTANT } from "./api-call.ts";
import { CommandError } from "./exit-code.ts";
import { printable } from "./output.ts";

const text = z.string().nullish();
const amount = z.number().nullish();

/** An import as the JSON API tells of it, as far as it is shown; what it says beyond that is kept for --json. */
export const IMPORT = z.looseObject({
  id: z.string(),
  state: z.string(),
  name: text,
  category: text,
  /** 0 to 1. */
  progress: amount,
  reason: text,
  error: text,
  hint: text,
  priority: text,
  /** How many are served before it. */
  position: amount,
  timeLeftMs: amount,
  bytes: amount,
  createdAt: INSTANT.nullish(),
  endedAt: INSTANT.nullish(),
  /** The import that has the post which this one was to fetch. */
  mergedInto: text,
  files: z.array(z.looseObject({ path: z.string(), size: z.number() })).nullish(),
});
export type ImportView = z.infer<typeof IMPORT>;

/** A page of the queue, in the order it is served. */
export const QUEUE_PAGE = z.object({ isPaused: z.boolean(), words: z.string(), imports: z.array(IMPORT) });
export type QueuePage = z.infer<typeof QUEUE_PAGE>;

/** The most that the API puts on a page. */
export const PAGE_LIMIT = 500;

const ENDS: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);

export function hasEnded({ state }: ImportView): boolean {
  return ENDS.has(state);
}

/** Its name, or its id while nobody knows one. */
export function nameOf({ id, name }: ImportView): string {
  return name || id;
}

/** What it does or waits for, on one line: `Big Film: importing, looking at volume 3 of 10`. */
export function inOneLine(view: ImportView): string {
  return printable(`${nameOf(view)}: ${view.state}${view.reason ? `, ${view.reason}` : ""}`);
}

/** Why an import that ended has not brought anything, in words for a person. */
export function failureOf(view: ImportView): CommandError {
  const { state, error, reason, hint } = view;
  const why = error || reason || (state === "cancelled" ? "it was cancelled" : "the server does not say why");
  const message = printable(`import of ${nameOf(view)} failed: ${why}`);
  return new CommandError("SERVER_REFUSED", message, hint ? { hint: printable(hint) } : {});
}
