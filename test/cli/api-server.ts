import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What the server got. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

type Handler = (req: IncomingMessage, res: ServerResponse, body: Buffer) => void | Promise<void>;

/** A server with the answers of the real one, scripted per `METHOD /path`, on a free port of this machine. */
export interface ApiServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: Seen[];
  on(route: string, handler: Handler): void;
}

export async function startApiServer(): Promise<ApiServer> {
  const routes = new Map<string, Handler>();
  const seen: Seen[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method = "", url = "" } = req;
    seen.push({ method, url, headers: req.headers, body });
    const handler = routes.get(`${method} ${url.split("?")[0]}`);
    if (handler === undefined)
      json(res, { error: { code: "NOT_FOUND", message: "there is nothing here", hint: null } }, 404);
    else await handler(req, res, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    on: (route, handler) => void routes.set(route, handler),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function json(res: ServerResponse, value: unknown, status = 200): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** The byte at each offset, so that any range can be checked. */
export function contentAt(start: number, end: number): Buffer {
  return Buffer.from(Array.from({ length: end - start }, (_, index) => (start + index) % 251));
}

/** Answers a GET with one range or none, as RFC 9110 section 14 has it, for a file of `size` bytes of `contentAt`. */
export function serveFile(size: number): Handler {
  return (req, res) => {
    const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(req.headers.range ?? "") ?? [];
    if (first === undefined) {
      res.writeHead(200, { "content-length": size }).end(contentAt(0, size));
      return;
    }
    const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
    const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
    if (start >= size) {
      res.writeHead(416, { "content-range": `bytes */${size}` }).end();
      return;
    }
    const headers = { "content-length": end - start, "content-range": `bytes ${start}-${end - 1}/${size}` };
    res.writeHead(206, headers).end(contentAt(start, end));
  };
}

/** Answers GETs of a path with so many chunks of 64 KiB, as fast as they are taken; `bytes` counts what was asked for so far. */
export function pour(
  server: ApiServer,
  path: string,
  chunks: number,
): { readonly bytes: number; readonly total: number } {
  const chunk = Buffer.alloc(64 * 1024, "newsreel");
  const poured = { bytes: 0, total: chunks * chunk.length };
  server.on(`GET ${path}`, async (_, res) => {
    res.writeHead(200, { "content-length": poured.total });
    const source = Readable.from(
      (function* () {
        for (; poured.bytes < poured.total; poured.bytes += chunk.length) yield chunk;
      })(),
      { highWaterMark: 1 },
    );
    // A reader that leaves is what some tests are about.
    await pipeline(source, res).catch(() => {});
  });
  return poured;
}

/** One `DAV:response`; a folder's href ends in a slash. */
export function davResponse(href: string, size?: number): string {
  const props =
    size === undefined
      ? "<D:resourcetype><D:collection/></D:resourcetype>"
      : `<D:resourcetype/><D:getcontentlength>${size}</D:getcontentlength><D:getetag>"e&amp;1"</D:getetag><D:getcontenttype>video/x-matroska</D:getcontenttype>`;
  return `<D:response><D:href>${href}</D:href><D:propstat><D:prop>${props}<D:getlastmodified>Fri, 02 Jan 2026 03:04:05 GMT</D:getlastmodified><D:creationdate>2026-01-01T00:00:00Z</D:creationdate></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat><D:propstat><D:prop><D:getetag/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>`;
}

export function multistatus(res: ServerResponse, ...responses: readonly string[]): void {
  res.writeHead(207, { "content-type": "application/xml" });
  res.end(`<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">${responses.join("")}</D:multistatus>`);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
