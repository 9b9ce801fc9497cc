const PREFIX = "SABnzbd_nzo_";

/** The id that download clients know a job by, from the add to the last line of the history. */
export function nzoId(job: string): string {
  return PREFIX + job;
}

/** The job's own id; clients may also give that one. Not checked to exist. */
export function jobIdOf(given: string): string {
  return given.startsWith(PREFIX) ? given.slice(PREFIX.length) : given;
}
