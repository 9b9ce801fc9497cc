import type { Catalog } from "../catalog/catalog.ts";
import type { JobId } from "../catalog/jobs.ts";

const PAGE = 500;

/**
 * The folder of the library that holds the files of a completed job's folder, each in its place, and no others; so that what is done to one
 * can be done to the other. `path` is empty for the whole of the job. undefined when there is none.
 */
export function libraryFolderOf(
  catalog: Pick<Catalog, "completed" | "list">,
  { job, path }: { readonly job: JobId; readonly path: string },
): string | undefined {
  const above = path === "" ? "" : `${path}/`;
  const below = new Map<string, string>();
  for (const { path: at, file } of catalog.completed.files(job)) {
    if (file !== undefined && at.startsWith(above)) below.set(file.libraryPath, at.slice(above.length));
  }
  const [first] = below;
  if (first === undefined) return undefined;
  const base = first[0].slice(0, -first[1].length - 1);
  const isInPlace = [...below].every(([libraryPath, rest]) => libraryPath === `${base}/${rest}`);
  // A category is never one import's.
  return isInPlace && base.includes("/") && holdsOnly(catalog, base, below) ? base : undefined;
}

function holdsOnly(catalog: Pick<Catalog, "list">, base: string, files: ReadonlyMap<string, unknown>): boolean {
  const folders = [base];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (let page = catalog.list(at, undefined, PAGE); page.length > 0; ) {
      for (const { kind, name } of page) {
        if (kind === "folder") folders.push(`${at}/${name}`);
        else if (!files.has(`${at}/${name}`)) return false;
      }
      page = page.length < PAGE ? [] : catalog.list(at, page.at(-1)?.name, PAGE);
    }
  }
  return true;
}
