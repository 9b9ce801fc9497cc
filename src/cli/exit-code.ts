import { AppError, errorCode } from "../base/errors.ts";

/** What the process ends with; scripts and health checks decide by it. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** Nobody answers at the server's or the provider's address. */
  unreachable: 3,
  /** It answers, and says that it is not ready. */
  notReady: 4,
  /** Stopped by SIGINT or SIGTERM before it was done (128 + SIGINT, as shells do). */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export type CommandErrorCode = "USAGE" | "SERVER_UNREACHABLE" | "SERVER_REFUSED" | "SERVER_ANSWER";
/** A command cannot do what it was asked to: its arguments are wrong, or the server is away, refuses, or answers nonsense. */
export class CommandError extends AppError<CommandErrorCode> {}

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  USAGE: EXIT.usage,
  SERVER_UNREACHABLE: EXIT.unreachable,
  PROVIDER_UNREACHABLE: EXIT.unreachable,
  PROVIDER_TIMEOUT: EXIT.unreachable,
  NOT_READY: EXIT.notReady,
};

/** The exit code for whatever a command threw. */
export function exitCodeFor(error: unknown): ExitCode {
  return BY_CODE[errorCode(error) ?? ""] ?? EXIT.failure;
}
