import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";

/** Headers that a foreign page cannot send without asking first (a CORS preflight), which is never granted here. */
const PROOFS = ["x-api-key", "x-requested-with"] as const;

/**
 * Refuses with FORBIDDEN what a browser sends on behalf of another site: it would carry the user's Basic login without the
 * user's will. Sec-Fetch-Site decides where the browser sends it, else Origin against Host; programs send neither.
 */
export function requireOwnOrigin(req: IncomingMessage): void {
  if (PROOFS.some((name) => req.headers[name] !== undefined)) return;
  const site = req.headers["sec-fetch-site"];
  const isOwn = site === undefined ? isSameHost(req.headers.origin, req.headers.host) : isOwnSite(site);
  if (isOwn) return;
  throw new RequestError("FORBIDDEN", "the request comes from another site's page", {
    hint: "a program that is no browser sends its key as X-Api-Key",
  });
}

function isOwnSite(site: string | string[]): boolean {
  return site === "same-origin" || site === "none";
}

function isSameHost(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}
