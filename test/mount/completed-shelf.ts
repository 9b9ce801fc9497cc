import { SegmentList } from "../../src/base/segment-list.ts";
import type { Catalog } from "../../src/catalog/catalog.ts";
import type { Job, JobId } from "../../src/catalog/jobs.ts";
import { type StandIns, standIns } from "../../src/mount/stand-ins.ts";

export const MODIFIED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);

/** What stands in for files, as the configuration of this style says. */
export function standInsOf(
  style: "files" | "rclonelink" | "strm",
  {
    mountPath = "/mnt/newsreel",
    strmFolder = "/strm",
  }: { readonly mountPath?: string; readonly strmFolder?: string } = {},
): StandIns {
  return standIns({ style, mountPath, strmFolder, strmSeenAs: "", strmUrl: "http://me:pw@nas:8119/news" });
}

export interface CompletedJob {
  readonly category?: string;
  readonly name?: string;
  /** Paths; sizes are those of `sizeOf`. */
  readonly files?: readonly string[];
  readonly mustAnnounce?: true;
}

export function sizeOf(path: string): number {
  return 100 + path.length;
}

let made = 0;

/** A job that has come and been completed; nobody has an article of its files, but their names and places are there. */
export function complete(catalog: Catalog, wish: CompletedJob = {}): JobId {
  made += 1;
  const { category = "tv", name = "Show S01E01", files = ["Show S01E01.mkv"], mustAnnounce } = wish;
  const digest = `completed ${made}`;
  catalog.jobs.add({ name, category, passwords: [], digest, nzb: Buffer.from("nzb"), bytes: 600, priority: "force" });
  const { id } = catalog.jobs.claim() as Job;
  catalog.addRelease({
    category,
    name,
    digest,
    posts: [{ segments: SegmentList.from([{ id: undefined, encodedSize: 0 }]), size: 600, partSize: 600 }],
    files: files.map((path) => ({ path, runs: [{ post: 0, start: 0, end: sizeOf(path) }], modifiedAt: MODIFIED_AT })),
    job: id,
    ...(mustAnnounce === undefined ? {} : { mustAnnounce }),
  });
  return id;
}
