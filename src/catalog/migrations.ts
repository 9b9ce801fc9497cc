import { readdirSync, readFileSync } from "node:fs";
import { CatalogError, ConfigError } from "../base/errors.ts";
import type { Database } from "./sqlite.ts";

/** The folder lies beside `src/` and beside `dist/`, so one path serves both. */
const FOLDER = new URL("../../migrations/", import.meta.url);
const NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;

export interface Migration {
  /** What `PRAGMA user_version` says afterwards. */
  readonly version: number;
  readonly sql: string;
}

/** The steps in `folder`, `0001-name.sql` onwards. Throws ConfigError INSTALL_INCOMPLETE when one is missing. */
export function readMigrations(folder: URL = FOLDER): readonly Migration[] {
  const names = listFolder(folder)
    .filter((name) => NAME.test(name))
    .sort();
  const isComplete = names.length > 0 && names.every((name, index) => Number(name.slice(0, 4)) === index + 1);
  if (!isComplete) {
    throw new ConfigError("INSTALL_INCOMPLETE", "the folder `migrations` is missing or has gaps", {
      hint: "Install Newsreel again; `migrations` belongs beside `dist`.",
    });
  }
  return names.map((name, index) => ({ version: index + 1, sql: readFileSync(new URL(name, folder), "utf8") }));
}

function listFolder(folder: URL): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * Brings the schema up to the last of `migrations`, each in a transaction of its own. Returns how many it applied.
 * Throws CatalogError SCHEMA_NEWER for a file that a newer program wrote; there is no way back.
 */
export function migrate(db: Database, migrations: readonly Migration[]): number {
  const current = db.pragma("user_version", { simple: true }) as number;
  if (current > migrations.length) {
    throw new CatalogError(
      "SCHEMA_NEWER",
      `the catalog ${db.name} has schema version ${current}, but this Newsreel knows only versions up to ${migrations.length}`,
      { hint: "Start the newer Newsreel that wrote it, or restore the backup that was made before the upgrade." },
    );
  }
  const missing = migrations.slice(current);
  if (missing.length === 0) return 0;
  // Rebuilding a table needs this off, and it cannot be switched inside a transaction.
  db.pragma("foreign_keys = OFF");
  try {
    for (const migration of missing) db.transaction(() => apply(db, migration)).immediate();
  } finally {
    db.pragma("foreign_keys = ON");
  }
  return missing.length;
}

function apply(db: Database, { version, sql }: Migration): void {
  db.exec(sql);
  const broken = db.pragma("foreign_key_check") as readonly unknown[];
  if (broken.length > 0) throw new Error(`migration ${version} leaves ${broken.length} rows that point nowhere`);
  db.pragma(`user_version = ${version}`);
}
