import { AppError, RequestError } from "../base/errors.ts";

/** What SABnzbd itself says; clients and their users know these words. */
const NOT_IMPLEMENTED = "not implemented";
export const NO_VALUE = "expects one parameter";
export const NO_VALUES = "expects two parameters";
export const NOT_WHOLE = "expects integer value";
export const NO_ITEM = "item does not exist";
export const KEY_WRONG = "API Key Incorrect";
export const KEY_MISSING = "API Key Required";

/** A refusal in words for the client. */
export function refused(message: string, hint?: string): RequestError {
  return new RequestError("BAD_REQUEST", message, hint === undefined ? {} : { hint });
}

/** Refuses what SABnzbd may know, and this program does not. */
export function notImplemented(): never {
  throw refused(NOT_IMPLEMENTED);
}

/** What a client is told about whatever was thrown: all of what somebody can act on, nothing of what nobody foresaw. */
export function inWords(error: unknown): string {
  if (!(error instanceof AppError)) return "something went wrong here; the server's log says what";
  return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
}
