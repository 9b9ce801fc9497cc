import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "./base/clock.ts";
import { Closers } from "./base/closers.ts";
import { ConfigError, errorMessage } from "./base/errors.ts";
import type { Logger } from "./base/logger.ts";
import { openTlsFiles, type TlsFiles } from "./tls-files.ts";
import { hardenedServerOptions, hardenedTlsOptions, hardenServer } from "./webdav/server-limits.ts";

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Path under which a reverse proxy shows the server; empty, or without a slash at its end. */
  readonly urlBase: string;
  /** How long answers may take to finish when the server stops. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** A second listener that speaks TLS; none while neither file is given. */
  readonly tls: {
    readonly certFile: string;
    readonly keyFile: string;
    readonly host: string;
    readonly port: number;
  };
}

/** Listening until it is disposed of: then no new requests, and those under way within the grace period. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the path it is shown under, without a slash at the end. */
  readonly url: string;
  /** The same over TLS; undefined without a certificate. */
  readonly tlsUrl: string | undefined;
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

/** Listens, and has every request answered, whose URL is without the base. Throws CONFIG_INVALID when it cannot. */
export async function startHttpServer(
  answer: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
  options: HttpServerOptions,
): Promise<HttpServer> {
  const { host, port, urlBase, clock, log, tls } = options;
  const answering = new Set<Promise<void>>();
  const onRequest: Listener = (req, res) => {
    stripBase(req, urlBase);
    const answered = answer(req, res)
      .catch((error) => {
        log.error({ error: errorMessage(error), method: req.method }, "a request could not be answered");
        res.destroy();
      })
      .finally(() => answering.delete(answered));
    answering.add(answered);
  };
  const running: Running[] = [];
  const closers = new Closers();
  // Their connections are gone then, so that each answer ends; what they use must not be closed before.
  closers.defer(async () => void (await Promise.all(answering)));
  closers.defer(async () => void (await Promise.all(running.map((one) => closeServer(one, options)))));
  const start = async (server: Server, scheme: string, place: Place): Promise<string> => {
    hardenServer(server);
    const sockets = socketsOf(server);
    const authority = await listen(server, place);
    running.push({ server, sockets });
    return `${scheme}://${authority}${urlBase}`;
  };
  const startSecure = async (files: TlsFiles): Promise<string> => {
    const server = createSecureServer({ ...hardenedServerOptions, ...hardenedTlsOptions, ...files.pair }, onRequest);
    const url = await start(server, "https", { ...tls, hostBy: "NEWSREEL_TLS_HOST", portBy: "NEWSREEL_TLS_PORT" });
    // Connections keep the certificate that they began with.
    files.follow((pair) => server.setSecureContext({ ...hardenedTlsOptions, ...pair }));
    log.info({ url }, "listening with TLS too");
    return url;
  };
  try {
    const isWanted = tls.certFile !== "" || tls.keyFile !== "";
    const files = isWanted ? closers.use(await openTlsFiles({ ...tls, clock, log })) : undefined;
    const plain = createServer(hardenedServerOptions, onRequest);
    return {
      url: await start(plain, "http", { host, port, hostBy: "NEWSREEL_HOST", portBy: "--port or NEWSREEL_PORT" }),
      tlsUrl: files === undefined ? undefined : await startSecure(files),
      [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose](),
    };
  } catch (error) {
    await closers[Symbol.asyncDispose]();
    throw error;
  }
}

/** Behind a reverse proxy requests come with the base or without it. */
function stripBase(req: IncomingMessage, urlBase: string): void {
  const url = req.url ?? "/";
  if (urlBase === "" || !url.startsWith(urlBase)) return;
  const rest = url.slice(urlBase.length);
  if (rest === "" || rest.startsWith("/") || rest.startsWith("?")) req.url = rest.startsWith("/") ? rest : `/${rest}`;
}

interface Running {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

interface Place {
  readonly host: string;
  readonly port: number;
  /** How a user chooses them. */
  readonly hostBy: string;
  readonly portBy: string;
}

/** Resolves with the authority that a client on this machine can use. */
function listen(server: Server, { host, port, hostBy, portBy }: Place): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      reject(
        new ConfigError("CONFIG_INVALID", `cannot listen on ${host}:${port} (${cause.code})`, {
          hint: isTaken
            ? `another program, or another newsreel, uses this port: choose one with ${portBy}`
            : `choose an address of this machine with ${hostBy}`,
          cause,
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      resolve(`${hostForUrl(host)}:${(server.address() as AddressInfo).port}`);
    });
  });
}

/** The sockets of a server, also those that are at their TLS handshake, of which the protocol knows nothing yet. */
function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

/** No new connections, idle ones closed; what is being answered may finish within the grace period. */
async function closeServer({ server, sockets }: Running, { graceMs, clock }: HttpServerOptions): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // An answer may end at any time and leave its connection idle: those are closed as they come.
  server.prependListener("request", (_req: IncomingMessage, res: ServerResponse) =>
    res.setHeader("Connection", "close"),
  );
  using _sweep = clock.every(250, () => server.closeIdleConnections());
  using _deadline = clock.after(graceMs, () => {
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  });
  await closed;
}

/** An address that a client on this machine can use. */
function hostForUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
