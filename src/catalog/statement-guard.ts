import { type CatalogError, errorCode } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { unusable } from "./database.ts";
import type { Database } from "./sqlite.ts";

type Call = (...parameters: readonly unknown[]) => unknown;

/**
 * What statements that are prepared from now on find wrong with the file itself is CatalogError CATALOG_UNUSABLE, and logged once for each
 * kind of trouble. Once the file has turned out to be damaged nothing more is written, since that may damage more; what can still be read
 * is served.
 */
export function guardStatements(db: Database, log: Logger): void {
  const told = new Set<string>();
  let damage: CatalogError | undefined;
  const explained = (cause: unknown) => {
    const code = errorCode(cause) ?? "";
    const trouble = unusable(db.name, cause);
    if (trouble === undefined) return cause;
    if (code.startsWith("SQLITE_CORRUPT")) damage = trouble;
    if (!told.has(trouble.message)) log.error({ code, hint: trouble.hint }, trouble.message);
    told.add(trouble.message);
    return trouble;
  };
  const guarded = (call: Call): Call => {
    return (...parameters) => {
      try {
        return call(...parameters);
      } catch (error) {
        throw explained(error);
      }
    };
  };
  const prepare = db.prepare.bind(db) as Call;
  db.prepare = guarded((...parameters) => {
    const statement = prepare(...parameters) as Record<"get" | "all" | "run" | "iterate", Call>;
    statement.get = guarded(statement.get.bind(statement));
    statement.all = guarded(statement.all.bind(statement));
    const run = statement.run.bind(statement);
    statement.run = guarded((...values) => {
      if (damage !== undefined) throw damage;
      return run(...values);
    });
    const iterate = statement.iterate.bind(statement);
    statement.iterate = function* (...values) {
      try {
        yield* iterate(...values) as Iterable<unknown>;
      } catch (error) {
        throw explained(error);
      }
    };
    return statement;
  }) as Database["prepare"];
}
