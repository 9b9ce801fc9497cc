import { createRequire } from "node:module";
import type BetterSqlite3 from "better-sqlite3";
import { ConfigError, errorCode, errorMessage } from "../base/errors.ts";

export type Database = BetterSqlite3.Database;
export type Sqlite = typeof BetterSqlite3;

const NOT_BUILT =
  "No prebuilt binary could be downloaded when Newsreel was installed, and none was compiled: install python3, make and a " +
  "C++ compiler (for example `apt-get install python3 make g++`), then run `npm ci` again.";
const BUILT_FOR_ANOTHER =
  "Its binary was built for another Node version or system: run `npm rebuild better-sqlite3` with the Node that runs " +
  "Newsreel (it may need python3, make and a C++ compiler, for example `apt-get install python3 make g++`).";

/** better-sqlite3, as seen from the module `from`. Throws ConfigError INSTALL_INCOMPLETE when its native half is missing or unusable. */
export function loadSqlite(from: string | URL = import.meta.url): Sqlite {
  try {
    const sqlite = createRequire(from)("better-sqlite3") as Sqlite;
    // The binary is looked for by the first database, not by the require.
    new sqlite(":memory:").close();
    return sqlite;
  } catch (cause) {
    throw new ConfigError("INSTALL_INCOMPLETE", `cannot load better-sqlite3: ${firstLine(errorMessage(cause))}`, {
      cause,
      hint: errorCode(cause) === "ERR_DLOPEN_FAILED" ? BUILT_FOR_ANOTHER : NOT_BUILT,
    });
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] as string;
}
