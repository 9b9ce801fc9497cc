import { AppError, RequestError } from "../base/errors.ts";
import { errorAnswer } from "../webdav/status.ts";

/** Where a JSON call differs from WebDAV's statuses, which else hold: 422 and 405 mean something there that they do not here. */
const STATUS: Readonly<Record<string, number>> = { NZB_MALFORMED: 400, PATH_TAKEN: 409 };

/** The JSON of every refusal. */
export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null };
}

export interface ApiErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

/** The answer to whatever was thrown: all of an error that somebody can act on, nothing of one that nobody foresaw. */
export function apiErrorAnswer(error: unknown): ApiErrorAnswer {
  const { status, headers } = errorAnswer(error);
  if (!(error instanceof AppError) || status === 500) {
    const body = {
      error: { code: "INTERNAL", message: "something went wrong here", hint: "the server's log says what" },
    };
    return { status, headers, body };
  }
  const { code, message, hint } = error;
  return { status: STATUS[code] ?? status, headers, body: { error: { code, message, hint: hint ?? null } } };
}

/** A refusal of the request itself, in words for the caller. */
export function badRequest(message: string, hint?: string): RequestError {
  return new RequestError("BAD_REQUEST", message, hint === undefined ? {} : { hint });
}
