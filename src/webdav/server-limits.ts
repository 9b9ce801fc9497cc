import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { TlsOptions } from "node:tls";

/**
 * Options for `http.createServer`. Slow headers are cut off after 15 s (checked every 5); a whole request may take an hour,
 * since uploads do, and whoever reads a body has a timer of its own. Nothing limits how long an answer takes: players pause.
 */
export const hardenedServerOptions = {
  connectionsCheckingInterval: 5_000,
  headersTimeout: 15_000,
  requestTimeout: 3_600_000,
  // A little more than clients wait before they stop reusing a connection.
  keepAliveTimeout: 75_000,
  // Room for a URL that is too long to be told so.
  maxHeaderSize: 24 * 1024,
  insecureHTTPParser: false,
  requireHostHeader: true,
  noDelay: true,
  // Finds players whose machine vanished during a pause.
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
} as const satisfies ServerOptions;

/** What comes on top for `https.createServer`. */
export const hardenedTlsOptions = {
  minVersion: "TLSv1.2",
  ALPNProtocols: ["http/1.1"],
  handshakeTimeout: 15_000,
} as const satisfies TlsOptions;

/** Of all clients together: behind a proxy, or a container's bridge, they all come from one address. */
const MAX_CONNECTIONS = 2_048;

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/**
 * Makes a server made with `hardenedServerOptions` answer what cannot be parsed, and hold back `100 Continue` until somebody reads
 * the body, so that any handler may refuse it unseen. Call it before requests come in.
 */
export function hardenServer(server: Server): void {
  server.maxConnections = MAX_CONNECTIONS;
  // Their size is bounded; those beyond a number would be dropped unseen, Content-Length among them.
  server.maxHeadersCount = 0;
  /** Answers leave a connection in the order of their requests, so the latest one tells of all. */
  const latest = new WeakMap<Duplex, ServerResponse>();

  server.prependListener("request", ({ socket }: IncomingMessage, res: ServerResponse) => {
    latest.set(socket, res);
  });

  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => {
    continueWhenRead(req, res);
    server.emit("request", req, res);
  });

  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    // Within an answer that is under way, or before one that is owed, the client would take this for something else.
    if (!socket.writable || error.code === "ECONNRESET" || latest.get(socket)?.writableFinished === false) {
      socket.destroy();
      return;
    }
    const refusal = REFUSALS[error.code ?? ""] ?? "400 Bad Request";
    socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
  });
}

/** RFC 9110 section 10.1.1: a client that expects it sends nothing before. `_read` is what every way of reading comes to. */
function continueWhenRead(req: IncomingMessage, res: ServerResponse): void {
  const read = req._read;
  req._read = function (size) {
    req._read = read;
    if (!res.headersSent) res.writeContinue();
    read.call(this, size);
  };
}
