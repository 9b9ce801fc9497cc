import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { CatalogError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { apiErrorAnswer, badRequest } from "./errors.ts";
import { libraryPathParam } from "./query.ts";
import { ALWAYS } from "./reply.ts";
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
  try {
    for await (const finding of verify(path, { signal })) {
      begin(res);
      if (!res.write(`${JSON.stringify(finding)}\n`)) await once(res, "drain", { signal });
    }
    begin(res);
  } catch (error) {
    if (signal.aborted || !res.headersSent) throw error;
    const { status, body } = apiErrorAnswer(error);
    if (status === 500) log.error({ err: error }, "could not finish a verification");
    res.write(`${JSON.stringify(body)}\n`);
  }
  res.end();
}

/** As late as possible: a failure before the first finding is an answer with a status of its own. */
function begin(res: ServerResponse): void {
  if (!res.headersSent) res.writeHead(200, { ...ALWAYS, "Content-Type": "application/x-ndjson; charset=utf-8" });
}
