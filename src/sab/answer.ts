import type { IncomingMessage, ServerResponse } from "node:http";

const HEADERS = { "Cache-Control": "no-store", Pragma: "no-cache", "X-Content-Type-Options": "nosniff" };
/** How much of a body that nobody wants is read and thrown away, so that its sender gets to see the answer. */
const LINGER_BYTES = 4 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text is sent as it is; all else is JSON already, in pieces. */
  readonly body: string | readonly Buffer[];
}

/** Sends an answer and lets go of what remains of the request's body. */
export function send(res: ServerResponse, { status, headers = {}, body }: Answer): void {
  const isText = typeof body === "string";
  const pieces = isText ? [Buffer.from(body)] : body;
  const type = isText ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
  const length = { "Content-Length": pieces.reduce((sum, piece) => sum + piece.length, 0) };
  res.writeHead(status, { ...HEADERS, "Content-Type": type, ...headers, ...length });
  if (res.req.method !== "HEAD") for (const piece of pieces) res.write(piece);
  res.end();
  discardBody(res.req);
}

function discardBody(req: IncomingMessage): void {
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
