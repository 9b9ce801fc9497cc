import { once } from "node:events";
import type { CommandIo } from "./command.ts";

type Output = Pick<CommandIo, "stdout" | "signal">;

/** Writes a line to standard output, no faster than its reader takes it. */
export async function printLine(io: Output, line: string): Promise<void> {
  if (!io.stdout.write(`${line}\n`)) await once(io.stdout, "drain", { signal: io.signal });
}

/** Writes one JSON value as one line. */
export function printJson(io: Output, value: unknown): Promise<void> {
  return printLine(io, JSON.stringify(value));
}

/** Text from elsewhere, fit for a terminal: control characters cannot move the cursor or hide a name. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}|\p{Bidi_Control}/gu, "?");
}

/** Whether somebody looks at it, so that a line may be written over. */
export function isTerminal(stream: object): boolean {
  return "isTTY" in stream && stream.isTTY === true;
}
