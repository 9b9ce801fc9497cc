import type { Exchange } from "./exchange.ts";

/**
 * Whether a URL names this server: an absolute path does, and an absolute URL by a name that the client reached us by, with any scheme,
 * since behind a proxy that speaks TLS the schemes differ.
 */
export function isOurs({ req, origin }: Pick<Exchange, "req" | "origin">, url: string): boolean {
  if (url.startsWith("/")) return true;
  const authority = authorityOf(url);
  return authority !== undefined && (authority === authorityOf(origin) || authority === normal(req.headers.host ?? ""));
}

function authorityOf(url: string): string | undefined {
  const authority = /^https?:\/\/([^/?#]+)/i.exec(url)?.[1];
  return authority === undefined ? undefined : normal(authority);
}

/** Where the scheme may be another one on each side, its default port says nothing either. */
function normal(authority: string): string {
  return authority
    .slice(authority.lastIndexOf("@") + 1)
    .toLowerCase()
    .replace(/:(?:80|443)?$/, "");
}
