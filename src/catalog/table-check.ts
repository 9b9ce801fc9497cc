import { ConfigError } from "../base/errors.ts";
import { RESTORE } from "./database.ts";
import type { Database } from "./sqlite.ts";

/** Where the bytes are. They make up nearly all of a file, and damage in them concerns one film or one NZB; the others are the library. */
const BULK: ReadonlySet<string> = new Set(["segment_chunk", "content_chunk", "job_source"]);

/**
 * Throws CONFIG_INVALID when the pages of the tables that say what there is do not fit together; changes nothing. Costs 3 ms for 1 000 files
 * and 0.2 s for 250 000, or 1 s where the disk has to be read. All of a file would take as long as the disk does for all of it.
 */
export function checkTables(db: Database): void {
  const names = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  for (const name of names) {
    if (BULK.has(name)) continue;
    const found = db.pragma(`quick_check("${name}")`, { simple: true });
    if (found === "ok") continue;
    throw new ConfigError("CONFIG_INVALID", `cannot open the catalog ${db.name}: the file is damaged`, {
      cause: new Error(`${name}: ${String(found)}`),
      hint: RESTORE,
    });
  }
}
