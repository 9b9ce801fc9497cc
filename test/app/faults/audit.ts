import { loadSqlite } from "../../../src/catalog/sqlite.ts";

/** Each selects rows that must not be there; `?` stands for nothing. Triggers and foreign keys should make most of them impossible. */
const ORPHANS: Readonly<Record<string, string>> = {
  "posts without release": "SELECT id FROM post WHERE release NOT IN (SELECT id FROM release)",
  "chunks without post": "SELECT id FROM segment_chunk WHERE post NOT IN (SELECT id FROM post)",
  "posts with too few or too many segments": `
    SELECT id FROM post WHERE (segments > 0) <> EXISTS (SELECT 1 FROM segment_chunk WHERE post = post.id)`,
  "owned releases without entries": `
    SELECT id FROM release WHERE is_owned = 1 AND id NOT IN (SELECT release FROM entry WHERE release IS NOT NULL)`,
  "releases nobody owns": "SELECT id FROM release WHERE is_owned = 0",
  "releases without posts": "SELECT id FROM release WHERE id NOT IN (SELECT release FROM post)",
  "releases without folder": "SELECT id FROM release WHERE folder IS NULL",
  "entries of a release that is not there": `
    SELECT id FROM entry WHERE release IS NOT NULL AND release NOT IN (SELECT id FROM release)`,
  "entries without parent": "SELECT id FROM entry WHERE parent IS NOT NULL AND parent NOT IN (SELECT id FROM entry)",
  "posted files without runs": `
    SELECT id FROM entry WHERE kind = 'file' AND release IS NOT NULL AND size > 0 AND runs IS NULL`,
  "contents nobody owns": "SELECT id FROM content WHERE is_owned = 0",
  "pieces without content": "SELECT id FROM content_chunk WHERE content NOT IN (SELECT id FROM content)",
  "jobs that are being imported": "SELECT id FROM job WHERE state = 'importing'",
  "NZBs without job": "SELECT job FROM job_source WHERE job NOT IN (SELECT id FROM job)",
  "fetches without job": "SELECT job FROM job_fetch WHERE job NOT IN (SELECT id FROM job)",
  "jobs with neither NZB nor fetch": `
    SELECT id FROM job WHERE id NOT IN (SELECT job FROM job_source) AND id NOT IN (SELECT job FROM job_fetch)`,
  "completed jobs without release": "SELECT id FROM job WHERE state = 'completed' AND release IS NULL",
  "completed jobs without folder": `
    SELECT id FROM job WHERE state = 'completed' AND is_archived = 0 AND id NOT IN (SELECT job FROM completed)`,
  "folders of jobs that are not completed": `
    SELECT job FROM completed WHERE job NOT IN (SELECT id FROM job WHERE state = 'completed')`,
  "folders that show nothing": "SELECT job FROM completed WHERE job NOT IN (SELECT job FROM completed_entry)",
  "shown entries that are not there": `
    SELECT job FROM completed_entry WHERE entry IS NOT NULL AND entry NOT IN (SELECT id FROM entry)`,
  "jobs of the same post": `
    SELECT digest FROM job WHERE state NOT IN ('failed', 'cancelled') AND superseded = 0
    GROUP BY digest, category HAVING count(*) > 1`,
  "releases of the same post": "SELECT digest FROM release GROUP BY digest HAVING count(*) > 1",
};

/** A count that is kept by triggers, and what it counts. */
const COUNTS: Readonly<Record<string, readonly [string, string]>> = {
  files: ["SELECT files FROM totals", "SELECT count(*) FROM entry WHERE kind = 'file'"],
  bytes: ["SELECT bytes FROM totals", "SELECT coalesce(sum(size), 0) FROM entry WHERE kind = 'file'"],
  releases: ["SELECT releases FROM totals", "SELECT count(*) FROM release"],
  segments: ["SELECT segments FROM totals", "SELECT coalesce(sum(segments), 0) FROM post"],
  jobs: [
    "SELECT group_concat(state || jobs) FROM (SELECT * FROM job_count WHERE jobs > 0 ORDER BY state)",
    "SELECT group_concat(state || n) FROM (SELECT state, count(*) AS n FROM job GROUP BY state ORDER BY state)",
  ],
};

export interface Audit {
  /** What is wrong with the database, in words; nothing when all is as it should be. */
  readonly findings: readonly string[];
  readonly releases: number;
  /** By state. */
  readonly jobs: Readonly<Record<string, number>>;
}

/** Looks through a database that no process has open any more. */
export function audit(path: string): Audit {
  const db = new (loadSqlite())(path);
  try {
    const value = (sql: string) => db.prepare(sql).pluck().get();
    const orphans = Object.entries(ORPHANS).flatMap(([what, sql]) => {
      const rows = db.prepare(sql).pluck().all();
      return rows.length === 0 ? [] : [`${what}: ${rows.slice(0, 5).join(", ")}`];
    });
    const counts = Object.entries(COUNTS).flatMap(([what, [kept, counted]]) => {
      const [left, right] = [value(kept), value(counted)];
      return left === right ? [] : [`${what}: kept as ${left}, but there are ${right}`];
    });
    const integrity = db.pragma("integrity_check", { simple: true });
    const foreignKeys = db.pragma("foreign_key_check") as readonly unknown[];
    return {
      findings: [
        ...orphans,
        ...counts,
        ...(integrity === "ok" ? [] : [`integrity: ${integrity}`]),
        ...foreignKeys.map((row) => `foreign key: ${JSON.stringify(row)}`),
      ],
      releases: Number(value("SELECT count(*) FROM release")),
      jobs: Object.fromEntries(
        db.prepare("SELECT state, count(*) FROM job GROUP BY state").raw().all() as [string, number][],
      ),
    };
  } finally {
    db.close();
  }
}
