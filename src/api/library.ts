import { CatalogError } from "../base/errors.ts";
import type { Catalog, Entry } from "../catalog/catalog.ts";
import { davPath, libraryPathParam, limitParam, textParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

/** The call that lists a folder of the library, a page at a time. */
export function libraryRoutes(catalog: Catalog): readonly Route[] {
  return [{ method: "GET", path: "/api/v1/library", access: "required", handle: (request) => list(catalog, request) }];
}

function list(catalog: Catalog, { res, query }: ApiRequest): void {
  const path = libraryPathParam(query);
  const limit = limitParam(query);
  if (path !== "" && catalog.find(path)?.kind !== "folder") {
    throw new CatalogError("PATH_MISSING", "the library has no folder of this path");
  }
  const entries = catalog.list(path, textParam(query, "after")?.normalize("NFC"), limit + 1);
  const page = entries.slice(0, limit);
  const next = entries.length > limit ? (page.at(-1)?.name ?? null) : null;
  sendJson(res, { path: davPath(path), entries: page.map((entry) => listed(path, entry)), next });
}

function listed(folder: string, { id, kind, name, size, modifiedAt }: Entry) {
  return { id, kind, name, path: davPath(folder === "" ? name : `${folder}/${name}`), size, modifiedAt };
}
