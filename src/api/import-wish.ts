import { type JobPriority, PRIORITIES } from "../catalog/jobs.ts";
import type { ImportWish } from "../import/intake.ts";
import { badRequest } from "./errors.ts";
import { flagParam, textParam } from "./query.ts";

/** What a call's query says about the NZB that it brings. Throws BAD_REQUEST. */
export function importWish(query: URLSearchParams): ImportWish {
  const name = textParam(query, "name");
  const password = textParam(query, "password");
  const priority = priorityParam(query, "priority");
  return {
    category: textParam(query, "category") ?? "",
    ...(name === undefined ? {} : { name }),
    ...(password === undefined ? {} : { passwords: [password] }),
    ...(priority === undefined ? {} : { priority }),
    ...(flagParam(query, "paused") ? { isPaused: true } : {}),
  };
}

/** A priority by its name; undefined when the parameter is absent. Throws BAD_REQUEST for anything else. */
export function priorityParam(query: URLSearchParams, name: string): JobPriority | undefined {
  const text = textParam(query, name);
  const priority = PRIORITIES.find((known) => known === text);
  if (text !== undefined && priority === undefined) throw badRequest(`${name} is one of ${PRIORITIES.join(", ")}`);
  return priority;
}
