import type { OutgoingHttpHeaders } from "node:http";
import type { Dav, Exchange } from "./exchange.ts";
import { announcedLength, discardBody, isBodyOutstanding } from "./request-body.ts";

type Connected = Pick<Exchange, "req" | "res" | "socket">;
type Patience = Pick<Dav, "clock" | "limits">;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly text?: string;
  /** Of the text; plain text unless given. */
  readonly contentType?: string;
}

/**
 * Sends a short answer. If the request's body has not been read, a small one is read first and the connection kept; of a
 * large one some is read after the answer, since closing at once would reset the connection before the client saw why.
 */
export async function sendAnswer({ req, res, socket }: Connected, answer: Answer, dav: Patience): Promise<void> {
  const { clock, limits } = dav;
  if (!isBodyOutstanding(req)) {
    if (!socket.destroyed) end(res, answer);
    return;
  }
  const linger = { clock, forMs: limits.lingerMs, forBytes: limits.lingerBytes };
  const hasGivenUp = answer.status === 408;
  if (!hasGivenUp && isSmallAndComing(req, limits.smallBodyBytes)) await discardBody(req, linger);
  if (socket.destroyed) return;
  const isOutstanding = isBodyOutstanding(req);
  if (!isOutstanding || hasGivenUp) {
    end(res, answer, isOutstanding);
    return;
  }
  const { text = "" } = answer;
  res.writeHead(answer.status, headersOf(answer, true));
  if (text === "") res.flushHeaders();
  else res.write(text);
  await discardBody(req, linger);
  res.end();
}

function end(res: Connected["res"], answer: Answer, isLast = false): void {
  const { text = "" } = answer;
  const headers = headersOf(answer, isLast);
  res.writeHead(answer.status, headers);
  // Plain ASCII is the same bytes in both, and Latin-1 is the cheaper one to write.
  res.end(text, headers["Content-Length"] === text.length ? "latin1" : "utf8");
}

/** `isLast`: nothing more is read from this connection. */
function headersOf(answer: Answer, isLast: boolean): OutgoingHttpHeaders {
  const { status, headers, text = "", contentType = "text/plain; charset=utf-8" } = answer;
  const all: OutgoingHttpHeaders = {};
  if (text !== "") all["Content-Type"] = contentType;
  if (status !== 204 && status !== 304) all["Content-Length"] = Buffer.byteLength(text);
  if (isLast) all["Connection"] = "close";
  return headers === undefined ? all : Object.assign(all, headers);
}

function isSmallAndComing(req: Connected["req"], smallBodyBytes: number): boolean {
  return (announcedLength(req) ?? Number.POSITIVE_INFINITY) <= smallBodyBytes && req.headers.expect === undefined;
}
