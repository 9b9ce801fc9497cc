import { AppError, errorCode, errorMessage } from "../base/errors.ts";
import type { CommandIo } from "./command.ts";

/** How an error is told: as lines for a person, or as the JSON that the API uses too. */
export interface ReportStyle {
  readonly json: boolean;
}

/** Tells on standard error what went wrong: `newsreel: message`, then the hint; the stack only for NEWSREEL_LOG_LEVEL=debug. */
export function reportError(io: Pick<CommandIo, "stderr" | "env">, error: unknown, { json }: ReportStyle): void {
  const hint = hintOf(error);
  const message = errorMessage(error);
  if (json) {
    const body = {
      error: { code: errorCode(error) ?? "UNEXPECTED", message, ...(hint === undefined ? {} : { hint }) },
    };
    io.stderr.write(`${JSON.stringify(body)}\n`);
  } else {
    io.stderr.write(`newsreel: ${message}\n${hint === undefined ? "" : `  ${hint}\n`}`);
  }
  if (isDebug(io) && error instanceof Error) io.stderr.write(`${error.stack}\n`);
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof AppError) return error.hint;
  // A system error says what failed; anything else is a defect whose stack is worth having.
  return errorCode(error) === undefined ? "this should not happen; NEWSREEL_LOG_LEVEL=debug shows where" : undefined;
}

function isDebug({ env }: Pick<CommandIo, "env">): boolean {
  return env["NEWSREEL_LOG_LEVEL"] === "debug";
}
