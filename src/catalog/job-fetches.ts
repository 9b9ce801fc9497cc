import { createHash } from "node:crypto";
import { RequestError } from "../base/errors.ts";
import type { Fetch, JobId, JobStore, NewFetch } from "./jobs.ts";
import type { Database } from "./sqlite.ts";

/** The URLs of jobs whose NZB is still to be fetched. What writes is called inside the caller's transaction. */
export interface JobFetches {
  add(id: JobId, fetch: NewFetch): void;
  /** Throws RequestError NOT_FOUND. */
  get(id: JobId): Fetch & { readonly passwords: readonly string[] };
  /** False when there is none. */
  setPasswords(id: JobId, passwords: readonly string[]): boolean;
  /** The name that its job has was chosen, and stays whatever the NZB calls itself. Nothing for a job that has its NZB. */
  setNamed(id: JobId): void;
  forget(id: JobId): void;
  next(except: ReadonlySet<JobId>, now: number): JobId | undefined;
  nextDue: JobStore["nextFetchDue"];
}

/** The searches, each in an index. */
export const FETCH_QUERIES = {
  next: `SELECT id FROM job INDEXED BY job_fetchable
    WHERE state IN ('queued', 'waiting') AND fetch_from IS NOT NULL AND (state = 'queued' OR coalesce(not_before, 0) <= ?)
    ORDER BY rank, id`,
  due: `SELECT coalesce(not_before, 0) FROM job INDEXED BY job_fetch_due
    WHERE state = 'waiting' AND fetch_from IS NOT NULL ORDER BY not_before LIMIT 1`,
} as const;

interface FetchRow {
  readonly url: string;
  readonly isNamed: 0 | 1;
  readonly whenCompleted: Fetch["whenCompleted"];
  readonly passwords: string;
}

export function jobFetches(db: Database): JobFetches {
  const insert = db.prepare(
    "INSERT INTO job_fetch (job, url, is_named, when_completed, passwords) VALUES (?, ?, ?, ?, ?)",
  );
  const byJob = db.prepare<[string], FetchRow>(
    "SELECT url, is_named AS isNamed, when_completed AS whenCompleted, passwords FROM job_fetch WHERE job = ?",
  );
  const setPasswords = db.prepare("UPDATE job_fetch SET passwords = ? WHERE job = ?");
  const setNamed = db.prepare("UPDATE job_fetch SET is_named = 1 WHERE job = ?");
  const remove = db.prepare("DELETE FROM job_fetch WHERE job = ?");
  const next = db.prepare<[number], JobId>(FETCH_QUERIES.next).pluck();
  const due = db.prepare<[], number>(FETCH_QUERIES.due).pluck();

  return {
    add(id, { url, isNamed = false, whenCompleted = "the same job", passwords }) {
      insert.run(id, url, isNamed ? 1 : 0, whenCompleted, JSON.stringify(passwords));
    },
    get(id) {
      const row = byJob.get(id);
      if (row === undefined) throw new RequestError("NOT_FOUND", `job ${id} is gone, or has its NZB`);
      return { ...row, isNamed: row.isNamed === 1, passwords: JSON.parse(row.passwords) as string[] };
    },
    setPasswords: (id, passwords) => setPasswords.run(JSON.stringify(passwords), id).changes > 0,
    setNamed: (id) => void setNamed.run(id),
    forget: (id) => void remove.run(id),
    next(except, now) {
      for (const id of next.iterate(now)) if (!except.has(id)) return id;
      return undefined;
    },
    nextDue: () => due.get(),
  };
}

/** What stands for the digest of a post that nobody has seen: the same for the same URL, and never that of an NZB, which is hexadecimal. */
export function fetchDigest(url: string): string {
  return `fetch:${createHash("sha256").update(url).digest("hex")}`;
}

/** Scheme and host. Throws RequestError BAD_REQUEST for what is no URL. */
export function fetchOrigin(url: string): string {
  if (!URL.canParse(url)) throw new RequestError("BAD_REQUEST", "the address to fetch from is no URL");
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
