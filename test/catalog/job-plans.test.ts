import { expect, test } from "@jest/globals";
import { COMPLETED_QUERIES } from "../../src/catalog/completed-store.ts";
import { CLAIM_QUERIES } from "../../src/catalog/job-claims.ts";
import { FETCH_QUERIES } from "../../src/catalog/job-fetches.ts";
import { HISTORY_QUERIES } from "../../src/catalog/job-history.ts";
import { LIST_QUERIES } from "../../src/catalog/job-lists.ts";
import { ORDER_QUERIES } from "../../src/catalog/job-queue-order.ts";
import { SEARCH_QUERIES } from "../../src/catalog/job-search.ts";
import { JOB_QUERIES } from "../../src/catalog/job-store.ts";
import { TRAFFIC_QUERIES } from "../../src/catalog/traffic-store.ts";
import { FILES_OF_JOB } from "../../src/catalog/tree-store.ts";
import { library, openRows, plansOf } from "./fixture.ts";

type Plans = readonly (readonly [query: string, plan: string])[];

/**
 * How each search of jobs finds them. A scan is one of an index that holds nothing but candidates, in the order that is asked for, and that
 * ends at the first ones; `COVERING` where jobs are passed over, since only those that are found are worth reading.
 */
const OF_JOBS: Plans = [
  [CLAIM_QUERIES.queued, "SEARCH job USING INDEX job_queued (rank<?)"],
  [CLAIM_QUERIES.waiting, "SEARCH job USING COVERING INDEX job_waiting ((rank,id)<(?,?))"],
  [CLAIM_QUERIES.due, "SCAN job USING COVERING INDEX job_due"],
  [ORDER_QUERIES.importing, "SEARCH job USING INDEX job_history (state=?)"],
  [ORDER_QUERIES.below, "SEARCH job USING COVERING INDEX job_queue (rank<?)"],
  [ORDER_QUERIES.older, "SEARCH job USING COVERING INDEX job_queue (rank=? AND id<?)"],
  [ORDER_QUERIES.others, "SEARCH job USING COVERING INDEX job_queue (rank>? AND rank<?)"],
  [SEARCH_QUERIES.list, "SEARCH job USING COVERING INDEX job_history (state=? AND is_archived=? AND id<?)"],
  [SEARCH_QUERIES.count, "SEARCH job USING COVERING INDEX job_history (state=? AND is_archived=?)"],
  [SEARCH_QUERIES.importing, "SEARCH job USING COVERING INDEX job_history (state=? AND is_archived=?)"],
  [SEARCH_QUERIES.toCome, "SCAN job USING COVERING INDEX job_queue"],
  [LIST_QUERIES.importing, "SEARCH job USING INDEX job_history (state=? AND is_archived=?)"],
  [LIST_QUERIES.toCome, "SCAN job USING INDEX job_queue"],
  [LIST_QUERIES.totals, "SCAN job USING COVERING INDEX job_queue"],
  [LIST_QUERIES.last, "SCAN job USING INDEX job_queue"],
  [HISTORY_QUERIES.ready, "SCAN completed"],
  [HISTORY_QUERIES.failed, "SEARCH job USING INDEX job_history (state=? AND is_archived=?)"],
  [HISTORY_QUERIES.taken, "SEARCH job USING INDEX job_history (state=? AND is_archived=?)"],
  [HISTORY_QUERIES.archived, "SEARCH job USING INDEX job_history (state=? AND is_archived=?)"],
  [FETCH_QUERIES.next, "SCAN job USING COVERING INDEX job_fetchable"],
  [FETCH_QUERIES.due, "SCAN job USING INDEX job_fetch_due"],
  [JOB_QUERIES.living, "SEARCH job USING INDEX job_living (digest=? AND category=?)"],
  [JOB_QUERIES.importing, "SEARCH job USING INDEX job_history (state=?)"],
  [JOB_QUERIES.late, "SEARCH job USING INDEX job_history (state=?)"],
  [JOB_QUERIES.changed, "SEARCH job USING INDEX job_updated ((updated_at,id)>(?,?) AND updated_at<?)"],
  [JOB_QUERIES.durations, "SEARCH job USING COVERING INDEX job_done (state=?)"],
];

test("every search of jobs goes by an index of its own, without sorting", () => {
  using shelf = library();
  using rows = openRows(shelf);
  for (const [query, plan] of OF_JOBS) {
    const steps = plansOf(rows.db, { query });
    expect([query, steps[0]]).toEqual([query, plan]);
    // What follows are the lists of categories and states that were asked for, and a job's own row or folder.
    for (const step of steps.slice(1))
      expect(step).toMatch(
        /^(LIST SUBQUERY|SCAN json_each|CREATE BLOOM FILTER|CORRELATED SCALAR|SEARCH (?:job|completed) USING PRIMARY KEY)/,
      );
  }
});

test("every other search of this house goes by an index, without sorting", () => {
  using shelf = library();
  using rows = openRows(shelf);
  for (const query of [...Object.values(COMPLETED_QUERIES), ...Object.values(TRAFFIC_QUERIES), FILES_OF_JOB]) {
    const steps = plansOf(rows.db, { query });
    const bad = steps.filter((step) => /TEMP B-TREE/.test(step) || /^SCAN (entry|listed|completed_entry)/.test(step));
    expect([query, bad]).toEqual([query, []]);
  }
});
