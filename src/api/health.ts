import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import { sendJson } from "./reply.ts";
import type { Route } from "./route.ts";

/** How long an answer about readiness is good for: anybody may ask, and each look writes to the database. */
const FRESH_MS = 1000;

interface HealthDeps {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly log: Logger;
  providers(): readonly ProviderSnapshot[];
  /** Whether the catalog's schema is this program's. */
  isMigrated(): boolean;
}

interface Check {
  readonly ok: boolean;
  /** The finding in words. */
  readonly words: string;
}

/** `/healthz`: this process answers. `/readyz`: it can do its work; the reasons are told to those who are authorized. */
export function healthRoutes(deps: HealthDeps): readonly Route[] {
  const checks = remembered(deps.clock, () => check(deps));
  return [
    {
      method: "GET",
      path: "/healthz",
      access: "none",
      handle: ({ res }) => sendJson(res, { status: "ok" }),
    },
    {
      method: "GET",
      path: "/readyz",
      access: "optional",
      handle: ({ res, isAuthorized }) => {
        const found = checks();
        const isReady = Object.values(found).every(({ ok }) => ok);
        const status = isReady ? "ready" : "not ready";
        sendJson(res, isAuthorized ? { status, checks: found } : { status }, isReady ? 200 : 503);
      },
    },
  ];
}

function check(deps: HealthDeps): Readonly<Record<string, Check>> {
  return {
    catalog: checkCatalog(deps),
    providers: checkProviders(deps.providers()),
    migrations: deps.isMigrated()
      ? { ok: true, words: "the catalog's schema is up to date" }
      : { ok: false, words: "the catalog's schema is not up to date yet" },
  };
}

function checkCatalog({ catalog, log }: HealthDeps): Check {
  try {
    catalog.checkWritable();
    return { ok: true, words: "the catalog can be written" };
  } catch (error) {
    log.error({ err: error }, "the catalog cannot be written");
    return {
      ok: false,
      words: error instanceof AppError ? inWords(error) : "the catalog cannot be written; the log says why",
    };
  }
}

function inWords({ message, hint }: AppError): string {
  return hint === undefined ? message : `${message}; ${hint}`;
}

function checkProviders(providers: readonly ProviderSnapshot[]): Check {
  if (providers.length === 0) return { ok: false, words: "no provider is configured" };
  const usable = providers.filter(({ state }) => state !== "backing-off").length;
  if (usable > 0) return { ok: true, words: `${usable} of ${providers.length} providers can be used` };
  const reasons = providers.map(({ id, reason }) => `${id}: ${reason ?? "backing off"}`);
  return { ok: false, words: `no provider can be used at present (${reasons.join("; ")})` };
}

function remembered<T>(clock: Clock, look: () => T): () => T {
  let last: { readonly value: T; readonly at: number } | undefined;
  return () => {
    if (last === undefined || clock.now() - last.at >= FRESH_MS) last = { value: look(), at: clock.now() };
    return last.value;
  };
}
