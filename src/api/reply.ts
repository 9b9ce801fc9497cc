import type { IncomingMessage, ServerResponse } from "node:http";
import { apiErrorAnswer } from "./errors.ts";

type Headers = Readonly<Record<string, string>>;

const JSON_TYPE = "application/json; charset=utf-8";

/** Nothing here may be kept by a cache or taken for another type than it says. */
export const ALWAYS: Headers = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** How much of a refused body is read and thrown away, so that its sender gets to see the refusal. */
const LINGER_BYTES = 4 * 1024 * 1024;

/** Answers with a value as JSON. */
export function sendJson(res: ServerResponse, value: unknown, status = 200): void {
  send(res, { status, headers: { "Content-Type": JSON_TYPE }, text: `${JSON.stringify(value)}\n` });
}

/** Answers with text of the given media type. */
export function sendText(res: ServerResponse, type: string, text: string): void {
  send(res, { status: 200, headers: { "Content-Type": type }, text });
}

/** Answers with an error's status and `{"error":{"code","message","hint"}}`, and lets go of what remains of the request's body. */
export function sendError(res: ServerResponse, error: unknown): void {
  const { status, headers, body } = apiErrorAnswer(error);
  send(res, { status, headers: { "Content-Type": JSON_TYPE, ...headers }, text: `${JSON.stringify(body)}\n` });
  discardBody(res.req);
}

/** Reads the rest of a body that nobody wants, up to a bound, then cuts it off. */
export function discardBody(req: IncomingMessage): void {
  const hasBody = req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined;
  if (req.complete || !hasBody) return;
  let left = LINGER_BYTES;
  req.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) req.destroy();
  });
  req.on("error", () => {});
  req.resume();
}

function send(res: ServerResponse, answer: { status: number; headers: Headers; text: string }): void {
  const { status, headers, text } = answer;
  res.writeHead(status, { ...ALWAYS, ...headers, "Content-Length": Buffer.byteLength(text) });
  res.end(res.req.method === "HEAD" ? undefined : text);
}
