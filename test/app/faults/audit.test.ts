import { expect, test } from "@jest/globals";
import { openDatabase } from "../../../src/catalog/database.ts";
import { library, releaseOf } from "../../catalog/fixture.ts";
import { audit } from "./audit.ts";

test("the audit finds nothing in a sound library, and each orphan in one that is not", () => {
  using shelf = library();
  const catalog = shelf.open();
  catalog.addRelease(releaseOf());
  catalog.addRelease(releaseOf({ name: "Other", digest: "d2" }));
  catalog[Symbol.dispose]();
  expect(audit(shelf.path)).toEqual({ findings: [], releases: 2, jobs: {} });

  const db = openDatabase(shelf.path);
  db.pragma("foreign_keys = OFF");
  db.exec(`
    DELETE FROM post WHERE release = 1;
    UPDATE release SET folder = NULL WHERE id = 2;
    UPDATE entry SET release = 99 WHERE release = 2;
    UPDATE totals SET files = files + 1;
    INSERT INTO job (id, state, name, category, digest, created_at, updated_at)
    VALUES ('lost', 'completed', 'Lost', 'movies', 'd3', 0, 0), ('stuck', 'importing', 'Stuck', 'movies', 'd4', 0, 0);
    INSERT INTO job_source (job, nzb, passwords) VALUES ('gone', x'', '[]');`);
  db.close();
  const found = audit(shelf.path).findings.map((finding) => finding.split(":")[0]);
  expect([...new Set(found)]).toEqual([
    "chunks without post",
    "owned releases without entries",
    "releases without posts",
    "releases without folder",
    "entries of a release that is not there",
    "jobs that are being imported",
    "NZBs without job",
    "jobs with neither NZB nor fetch",
    "completed jobs without release",
    "completed jobs without folder",
    "files",
    "foreign key",
  ]);
});
