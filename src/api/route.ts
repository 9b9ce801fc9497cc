import type { IncomingMessage, ServerResponse } from "node:http";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";

/** One call on its way through a route. The signal fires when the client leaves before it was answered. */
export interface ApiRequest extends Cancel {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** What stands in place of `{name}` in the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Always true where access is required or the owner's, never where it is none. */
  readonly isAuthorized: boolean;
}

/** One call of the API. Throws an AppError to refuse, or answers through `res`. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** As OpenAPI writes it: `/api/v1/imports/{id}`. */
  readonly path: string;
  /**
   * optional: answers everybody, and says more to those who are authorized. required: any login, if it may write or the method is GET.
   * owner: no app password.
   */
  readonly access: "none" | "optional" | "required" | "owner";
  /** Reads the request's body itself; other routes take none. */
  readonly takesUpload?: true;
  handle(request: ApiRequest): void | Promise<void>;
}

/** Path and query of a request target in origin or absolute form (RFC 9112 section 3.2). */
export function requestTarget(url: string): { readonly path: string; readonly query: URLSearchParams } {
  const local = url.replace(/^https?:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  return {
    path: mark === -1 ? local : local.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? "" : local.slice(mark + 1)),
  };
}

interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** The route that takes this call, with its parameters; or the refusal: NOT_FOUND, or MethodNotAllowed. */
export function findRoute(routes: readonly Route[], method: string, path: string): Found | RequestError {
  const matches = routes.flatMap((route): Found[] => {
    const params = matchPath(route.path, path);
    return params === undefined ? [] : [{ route, params }];
  });
  if (matches.length === 0) {
    return new RequestError("NOT_FOUND", "there is no such call", { hint: "GET /api/v1/openapi.json lists them all" });
  }
  const wanted = method === "HEAD" ? "GET" : method;
  return (
    matches.find(({ route }) => route.method === wanted) ??
    new MethodNotAllowed(matches.map(({ route }) => route.method))
  );
}

/** Refuses a method; `allow` is the header RFC 9110 section 15.5.6 asks for. */
export class MethodNotAllowed extends RequestError {
  readonly allow: string;

  constructor(methods: readonly Route["method"][]) {
    const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    super("METHOD_NOT_ALLOWED", "this call is made with another method", { hint: `use ${allow}` });
    this.allow = allow;
  }
}

function matchPath(template: string, path: string): Readonly<Record<string, string>> | undefined {
  const wanted = template.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, piece] of wanted.entries()) {
    const text = given[index] as string;
    const name = /^\{(\w+)\}$/.exec(piece)?.[1];
    if (name === undefined) {
      if (piece !== text) return undefined;
      continue;
    }
    const value = decoded(text);
    if (value === undefined || value === "") return undefined;
    params[name] = value;
  }
  return params;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
