import { RequestError } from "../base/errors.ts";
import type { Catalog, EntryId } from "../catalog/catalog.ts";
import type { DamagePolicy } from "../reader/damage.ts";
import { davPath, idParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

interface DamageDeps {
  readonly catalog: Catalog;
  readonly damagePolicy: DamagePolicy;
}

/** The call that tells which bytes of a file could not be had, as far as somebody has read it. */
export function damageRoutes(deps: DamageDeps): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/files/{id}/damage",
      access: "required",
      handle: (request) => show(deps, request),
    },
  ];
}

function show({ catalog, damagePolicy }: DamageDeps, { res, params }: ApiRequest): void {
  const id = idParam(params) as EntryId | undefined;
  const file = id === undefined ? undefined : catalog.file(id);
  if (id === undefined || file === undefined) {
    throw new RequestError("NOT_FOUND", "there is no file with this id", { hint: "GET /api/v1/library tells the ids" });
  }
  const holes = catalog.damage.list(id);
  const bytes = holes.reduce((sum, { start, end }) => sum + end - start, 0);
  sendJson(res, {
    file: { id, path: davPath(file.path), size: file.size },
    policy: damagePolicy,
    holes: holes.map(({ start, end, messageId, kind, since, lastSeen }) => {
      return { start, end, messageId: messageId ?? null, kind, since, lastSeen };
    }),
    bytes,
    share: file.size === 0 ? 0 : bytes / file.size,
  });
}
