import type { Writable } from "node:stream";
import { pino } from "pino";
import type { Logger } from "./base/logger.ts";

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error" | "silent";
  readonly stream: Writable;
}

/** One JSON object a line. Fields that are called like a secret are blanked, should one ever get here. */
export function createLog({ level, stream }: LogOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: ["password", "*.password", "apiKey", "*.apiKey", "authorization", "*.authorization"],
        censor: "***",
      },
    },
    stream,
  );
}
