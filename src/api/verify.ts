import { CatalogError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { badRequest } from "./errors.ts";
import { sendJsonLines } from "./json-lines.ts";
import { libraryPathParam } from "./query.ts";
import type { ApiRequest, Route } from "./route.ts";

/** Checks a file, or all below a folder, and tells what it finds as it goes. `path` is the catalog's: `a/b`, `""` for all. */
export type Verify = (path: string, cancel: Cancel) => AsyncIterable<object>;

interface VerifyDeps {
  readonly catalog: Catalog;
  readonly log: Logger;
  readonly verify: Verify;
}

/** The call that checks whether what is in the library can still be fetched; one JSON object a line, as they come. */
export function verifyRoutes(deps: VerifyDeps): readonly Route[] {
  return [{ method: "POST", path: "/api/v1/verify", access: "required", handle: (request) => run(deps, request) }];
}

async function run({ catalog, log, verify }: VerifyDeps, { res, query, signal }: ApiRequest): Promise<void> {
  if (!query.has("path")) throw badRequest("path is missing", "give it as ?path=/library/<category>/<release>");
  const path = libraryPathParam(query);
  if (path !== "" && catalog.find(path) === undefined) {
    throw new CatalogError("PATH_MISSING", "the library has nothing of this path");
  }
  await sendJsonLines(res, verify(path, { signal }), { signal, log });
}
