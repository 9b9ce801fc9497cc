import type { AppPassword, AppPasswords } from "../auth/app-passwords.ts";
import { RequestError } from "../base/errors.ts";
import { badRequest } from "./errors.ts";
import { flagParam, idParam, textParam } from "./query.ts";
import { sendJson } from "./reply.ts";
import type { ApiRequest, Route } from "./route.ts";

/** The calls that list, make and revoke the passwords of devices; none of them is open to such a password. */
export function appPasswordRoutes(appPasswords: AppPasswords): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/app-passwords",
      access: "owner",
      handle: ({ res }) => sendJson(res, { appPasswords: appPasswords.list().map(shown) }),
    },
    {
      method: "POST",
      path: "/api/v1/app-passwords",
      access: "owner",
      handle: (request) => add(appPasswords, request),
    },
    {
      method: "DELETE",
      path: "/api/v1/app-passwords/{id}",
      access: "owner",
      handle: (request) => remove(appPasswords, request),
    },
  ];
}

function add(appPasswords: AppPasswords, { res, query }: ApiRequest): void {
  const name = textParam(query, "name");
  if (name === undefined) throw badRequest("name is missing", "give the device a name, as in ?name=Kodi");
  const { password, secret } = appPasswords.add({ name, mayWrite: flagParam(query, "write") });
  sendJson(res, { ...shown(password), user: appPasswords.owner, password: secret }, 201);
}

function remove(appPasswords: AppPasswords, { res, params }: ApiRequest): void {
  const id = idParam(params);
  const removed = id === undefined ? undefined : appPasswords.remove(id);
  if (removed === undefined) throw new RequestError("NOT_FOUND", "there is no app password with this id");
  sendJson(res, shown(removed));
}

function shown({ id, name, mayWrite, createdAt, lastUsedAt }: AppPassword) {
  return { id, name, mayWrite, createdAt, lastUsedAt: lastUsedAt ?? null };
}
