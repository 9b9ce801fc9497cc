import type { IncomingMessage, ServerResponse } from "node:http";
import type { AppPasswords } from "../auth/app-passwords.ts";
import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ImportQueue } from "../import/import-queue.ts";
import type { Intake } from "../import/intake.ts";
import type { DamagePolicy } from "../reader/damage.ts";
import { type Authorize, LoginRefused, requireAccess } from "./access.ts";
import { type AdmissionDeps, admissionRoutes } from "./admission.ts";
import { appPasswordRoutes } from "./app-passwords.ts";
import { damageRoutes } from "./damage.ts";
import { apiErrorAnswer } from "./errors.ts";
import type { EventFeed } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { importActionRoutes } from "./import-actions.ts";
import { importRoutes } from "./imports.ts";
import { libraryRoutes } from "./library.ts";
import { liveRoutes } from "./live.ts";
import { type MetricsDeps, metricsRoutes } from "./metrics.ts";
import { openApiDocument } from "./openapi.ts";
import { requireOwnOrigin } from "./origin.ts";
import { queueRoutes } from "./queue.ts";
import { discardBody, sendError, sendJson } from "./reply.ts";
import { type ApiRequest, findRoute, MethodNotAllowed, type Route, requestTarget } from "./route.ts";
import { type SpeedTestCalls, speedTestRoutes } from "./speed-test.ts";
import { trashRoutes } from "./trash.ts";
import { type Verify, verifyRoutes } from "./verify.ts";

const MAX_TARGET = 8 * 1024;
const MAX_SMALL_BODY = 64 * 1024;
/** Strangers do not learn which calls there are. */
const UNKNOWN = { method: "GET", access: "required" } as const;
const OURS = /^\/(?:api\/v1(?:\/.*)?|healthz|readyz|metrics)$/s;

/** What the API talks about; the present is looked up at each call. */
export interface ApiDeps extends Omit<MetricsDeps, "admission">, AdmissionDeps {
  readonly intake: Intake;
  readonly queue: ImportQueue;
  readonly events: EventFeed;
  readonly verify: Verify;
  readonly speedTests: SpeedTestCalls;
  /** What players get for articles that are gone. */
  readonly damagePolicy: DamagePolicy;
  readonly clock: Clock;
  readonly log: Logger;
  readonly appPasswords: AppPasswords;
  readonly authorize: Authorize;
  /** Whether the catalog's schema is this program's. */
  isMigrated(): boolean;
}

/** Answers a request and says true, or says false when its path belongs to somebody else. Never rejects. */
export type ApiHandler = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>;

/** All calls there are. */
export function apiRoutes(deps: ApiDeps): readonly Route[] {
  return [
    ...healthRoutes(deps),
    ...metricsRoutes(deps),
    ...importRoutes(deps),
    ...importActionRoutes(deps),
    ...queueRoutes(deps),
    ...libraryRoutes(deps.catalog),
    ...damageRoutes(deps),
    ...trashRoutes(deps.catalog),
    ...appPasswordRoutes(deps.appPasswords),
    ...liveRoutes(deps),
    ...admissionRoutes(deps),
    ...verifyRoutes(deps),
    ...speedTestRoutes(deps),
    {
      method: "GET",
      path: "/api/v1/events",
      access: "required",
      handle: ({ res }) => deps.events.listen(res),
    },
    {
      method: "GET",
      path: "/api/v1/openapi.json",
      access: "required",
      handle: ({ res }) => sendJson(res, openApiDocument(deps.version)),
    },
  ];
}

/**
 * The JSON API under `/api/v1`, `/healthz`, `/readyz` and `/metrics`. Everybody may ask for health; all else needs `authorize`, and what
 * changes something must not come from another site's page.
 */
export function createApiHandler(deps: ApiDeps): ApiHandler {
  const routes = apiRoutes(deps);

  async function answer(request: ApiCall): Promise<void> {
    const { req, path } = request;
    if ((req.url ?? "").length > MAX_TARGET) throw new RequestError("PATH_TOO_LONG", "the URL is longer than 8 KiB");
    const found = findRoute(routes, req.method ?? "", path);
    const wanted = found instanceof RequestError ? UNKNOWN : found.route;
    const caller = wanted.access === "none" ? undefined : await deps.authorize(req);
    if (caller !== undefined) requireAccess(wanted, caller);
    if (found instanceof RequestError) throw found;
    const { route, params } = found;
    if (route.method !== "GET") requireOwnOrigin(req);
    if (route.takesUpload !== true) passOverBody(req);
    await route.handle({ ...request, params, isAuthorized: caller !== undefined && "user" in caller });
  }

  function refuse(error: unknown, { req, res, path, signal }: ApiCall): void {
    if (signal.aborted || res.destroyed) return;
    if (apiErrorAnswer(error).status === 500) deps.log.error({ err: error, method: req.method, path }, "a call failed");
    if (res.headersSent) {
      res.destroy();
      return;
    }
    if (error instanceof MethodNotAllowed) res.setHeader("Allow", error.allow);
    if (error instanceof LoginRefused) {
      for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
    }
    sendError(res, error);
  }

  return async (req, res) => {
    const { path, query } = requestTarget(req.url ?? "/");
    if (!OURS.test(path)) return false;
    const client = new AbortController();
    res.once("close", () => {
      if (!res.writableFinished) client.abort();
    });
    const call = { req, res, path, query, signal: client.signal };
    try {
      await answer(call);
    } catch (error) {
      refuse(error, call);
    }
    return true;
  };
}

type ApiCall = Omit<ApiRequest, "params" | "isAuthorized"> & { readonly path: string };

/** These calls take no body; what little there may be is thrown away. */
function passOverBody(req: IncomingMessage): void {
  if (Number(req.headers["content-length"] ?? 0) > MAX_SMALL_BODY) {
    throw new RequestError("BODY_TOO_LARGE", "this call takes no body", { hint: "put its parameters into the query" });
  }
  discardBody(req);
}
