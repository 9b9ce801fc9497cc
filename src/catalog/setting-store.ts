import { inTransaction } from "./database.ts";
import type { Database } from "./sqlite.ts";
import type { StoredSettings } from "./stored-settings.ts";

export function settingStore(db: Database): StoredSettings {
  const all = db.prepare<[], [string, string]>("SELECT key, value FROM setting ORDER BY key").raw();
  const write = db.prepare(
    "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  );
  const forget = db.prepare("DELETE FROM setting WHERE key = ?");

  return {
    all: () => new Map(all.all().map(([key, value]) => [key, JSON.parse(value) as unknown])),
    set: (key, value) =>
      inTransaction(db, () => {
        if (value === undefined) forget.run(key);
        else write.run(key, JSON.stringify(value));
      }),
  };
}
