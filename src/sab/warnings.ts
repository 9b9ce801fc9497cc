import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { unixTime } from "./figures.ts";

/** As SABnzbd tells it; the time in seconds since 1970. */
export interface Warning {
  readonly type: "WARNING" | "ERROR";
  readonly text: string;
  readonly time: number;
}

const MOST = 20;
const MOST_LETTERS = 500;

/** The latest warnings and errors of the log, oldest first. */
export class RecentWarnings {
  readonly #clock: Clock;
  #kept: readonly Warning[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  list(): readonly Warning[] {
    return this.#kept;
  }

  clear(): void {
    this.#kept = [];
  }

  add(type: Warning["type"], text: string): void {
    const warning = { type, text: text.slice(0, MOST_LETTERS), time: unixTime(this.#clock.wall()) };
    this.#kept = [...this.#kept, warning].slice(-MOST);
  }

  /** The same log, whose warnings and errors are remembered here. */
  watch(log: Logger): Logger {
    const keep = (type: Warning["type"], fields: Fields, message: string) => this.add(type, message + detail(fields));
    return {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => log.info(fields, message),
      warn: (fields, message) => {
        keep("WARNING", fields, message);
        log.warn(fields, message);
      },
      error: (fields, message) => {
        keep("ERROR", fields, message);
        log.error(fields, message);
      },
    };
  }
}

type Fields = Parameters<Logger["warn"]>[0];

/** What a line of the log gives as its reason. Of its other fields nothing is said: they are for whoever may read the log. */
function detail({ error, reason }: Fields): string {
  const words = [error, reason].find((value) => typeof value === "string" && value !== "");
  return words === undefined ? "" : `: ${(words as string).split("\n", 1)[0]}`;
}
