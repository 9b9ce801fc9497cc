import type { Dav, Exchange } from "./exchange.ts";
import { announcedLength, discardBody, isBodyOutstanding } from "./request-body.ts";

type Connected = Pick<Exchange, "req" | "res" | "socket">;
type Patience = Pick<Dav, "clock" | "limits">;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Plain text unless `headers` say otherwise. */
  readonly text?: string;
}

/**
 * Sends a short answer. If the request's body has not been read, a small one is read first and the connection kept; of a
 * large one some is read after the answer, since closing at once would reset the connection before the client saw why.
 */
export async function sendAnswer({ req, res, socket }: Connected, answer: Answer, dav: Patience): Promise<void> {
  const { clock, limits } = dav;
  const linger = { clock, forMs: limits.lingerMs, forBytes: limits.lingerBytes };
  const hasGivenUp = answer.status === 408;
  if (!hasGivenUp && isBodyOutstanding(req) && isSmallAndComing(req, limits.smallBodyBytes)) {
    await discardBody(req, linger);
  }
  if (socket.destroyed) return;
  const text = answer.text ?? "";
  const isOutstanding = isBodyOutstanding(req);
  res.writeHead(answer.status, {
    ...(text === "" ? {} : { "Content-Type": "text/plain; charset=utf-8" }),
    ...(answer.status === 204 || answer.status === 304 ? {} : { "Content-Length": Buffer.byteLength(text) }),
    ...(isOutstanding ? { Connection: "close" } : {}),
    ...answer.headers,
  });
  if (!isOutstanding || hasGivenUp) {
    res.end(text);
    return;
  }
  if (text === "") res.flushHeaders();
  else res.write(text);
  await discardBody(req, linger);
  res.end();
}

function isSmallAndComing(req: Connected["req"], smallBodyBytes: number): boolean {
  return (announcedLength(req) ?? Number.POSITIVE_INFINITY) <= smallBodyBytes && req.headers.expect === undefined;
}
