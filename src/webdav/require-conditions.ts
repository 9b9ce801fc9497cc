import { RequestError } from "../base/errors.ts";
import { checkConditions } from "./conditions.ts";
import type { Exchange } from "./exchange.ts";
import type { DavEntry } from "./tree.ts";

/** Throws PRECONDITION_FAILED unless the conditions of RFC 9110 section 13 let a method change what is at the target. */
export function requireConditions({ req }: Exchange, entry: DavEntry | undefined): void {
  if (checkConditions(req.headers, entry, "write") === "proceed") return;
  throw new RequestError("PRECONDITION_FAILED", "what is here is not what the request was meant for");
}
