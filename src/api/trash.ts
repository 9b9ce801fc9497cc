import { setImmediate as nextTurn } from "node:timers/promises";
import { RequestError } from "../base/errors.ts";
import type { Catalog, EntryId } from "../catalog/catalog.ts";
import type { TrashedItem } from "../catalog/trash.ts";
import { badRequest } from "./errors.ts";
import { davPath, idParam, limitParam, textParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

/** Rows that are deleted in one turn of the loop. */
const PURGE_ROWS = 500;

/** The calls that list what was removed from the library, bring it back, or delete it for good. */
export function trashRoutes(catalog: Catalog): readonly Route[] {
  return [
    { method: "GET", path: "/api/v1/trash", access: "required", handle: (request) => list(catalog, request) },
    {
      method: "POST",
      path: "/api/v1/trash/{id}/restore",
      access: "required",
      handle: (request) => restore(catalog, request),
    },
    { method: "DELETE", path: "/api/v1/trash/{id}", access: "required", handle: (request) => purge(catalog, request) },
  ];
}

function list({ trash }: Catalog, { res, query }: ApiRequest): void {
  const limit = limitParam(query);
  const after = cursorParam(query);
  const items = trash.list({ limit: limit + 1, ...(after === undefined ? {} : { after }) });
  const page = items.slice(0, limit);
  const last = items.length > limit ? page.at(-1) : undefined;
  sendJson(res, {
    items: page.map(({ id, kind, path, size, removedAt }) => ({ id, kind, path: davPath(path), size, removedAt })),
    next: last === undefined ? null : `${last.removedAt}-${last.id}`,
  });
}

function restore({ trash }: Catalog, { res, params }: ApiRequest): void {
  const id = trashedId(params);
  sendJson(res, { id, path: davPath(trash.restore(id)) });
}

/** Goes on with what somebody else has begun; what a client leaves half-way is deleted with the next that is too old. */
async function purge({ trash }: Catalog, { res, params, signal }: ApiRequest): Promise<void> {
  const id = trashedId(params);
  while (trash.purge(id, PURGE_ROWS)) {
    await nextTurn();
    signal.throwIfAborted();
  }
  sendJson(res, { id });
}

function trashedId(params: ApiRequest["params"]): EntryId {
  const id = idParam(params);
  if (id === undefined) {
    throw new RequestError("NOT_FOUND", "the trash has nothing with this id", {
      hint: "GET /api/v1/trash tells the ids",
    });
  }
  return id as EntryId;
}

function cursorParam(query: URLSearchParams): Pick<TrashedItem, "id" | "removedAt"> | undefined {
  const text = textParam(query, "after");
  if (text === undefined) return undefined;
  const [, removedAt, id] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  if (id === undefined) throw badRequest("after is not the `next` of a page");
  return { removedAt: Number(removedAt), id: Number(id) as EntryId };
}
