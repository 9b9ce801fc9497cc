import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pageCss } from "./page-css.ts";
import { pageHtml } from "./page-html.ts";
import { pageIcon } from "./page-icon.ts";
import { pageScript } from "./page-script.ts";

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  ...["script-src", "style-src", "img-src", "connect-src"].map((kind) => `${kind} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
].join("; ");

interface Asset {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | number>>;
}

/** Answers a request for the page and says true, or says false when the path belongs to somebody else. */
export type PageHandler = (req: IncomingMessage, res: ServerResponse) => boolean;

/** The page at `/` and what it is made of under `/ui/`. It holds no data, so it needs no login; the API that it asks does. */
export function createPageHandler(): PageHandler {
  const assets = new Map([
    ["/", asset("text/html", pageHtml)],
    ["/ui/page.css", asset("text/css", pageCss)],
    ["/ui/page.js", asset("text/javascript", pageScript)],
    ["/ui/icon.svg", asset("image/svg+xml", pageIcon)],
  ]);

  return (req, res) => {
    if (req.method !== "GET" && req.method !== "HEAD") return false;
    const found = assets.get((req.url ?? "").split("?", 1)[0] ?? "");
    if (found === undefined) return false;
    if (req.headers["if-none-match"] === found.headers["ETag"]) {
      res.writeHead(304, { ETag: found.headers["ETag"] }).end();
    } else {
      res.writeHead(200, found.headers).end(req.method === "HEAD" ? undefined : found.body);
    }
    return true;
  };
}

function asset(type: string, text: string): Asset {
  const body = Buffer.from(text);
  const digest = createHash("sha256").update(body).digest("base64url");
  return {
    body,
    headers: {
      "Content-Type": `${type}; charset=utf-8`,
      "Content-Length": body.length,
      "Cache-Control": "no-cache",
      "Content-Security-Policy": POLICY,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      ETag: `"${digest}"`,
    },
  };
}
