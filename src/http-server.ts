import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "./base/clock.ts";
import { ConfigError, errorMessage } from "./base/errors.ts";
import type { Logger } from "./base/logger.ts";
import { hardenedServerOptions, hardenServer } from "./webdav/server-limits.ts";

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
}

/** Listening until it is disposed of: then no new requests, and those under way within the grace period. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens, with the path it is shown under, without a slash at the end. */
  readonly url: string;
}

/** Listens, and has every request answered, whose URL is without the base. Throws CONFIG_INVALID when it cannot. */
export async function startHttpServer(
  answer: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
  options: HttpServerOptions,
): Promise<HttpServer> {
  const { host, urlBase, graceMs, clock, log } = options;
  const answering = new Set<Promise<void>>();
  const server = createServer(hardenedServerOptions, (req, res) => {
    stripBase(req, urlBase);
    const answered = answer(req, res)
      .catch((error) => {
        log.error({ error: errorMessage(error), method: req.method }, "a request could not be answered");
        res.destroy();
      })
      .finally(() => answering.delete(answered));
    answering.add(answered);
  });
  hardenServer(server);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${hostForUrl(host)}:${port}${urlBase}`,
    async [Symbol.asyncDispose]() {
      await closeServer(server, graceMs, clock);
      // Their connections are gone, so that each of them ends; what they use must not be closed before.
      await Promise.all(answering);
    },
  };
}

/** Behind a reverse proxy requests come with the base or without it. */
function stripBase(req: IncomingMessage, urlBase: string): void {
  const url = req.url ?? "/";
  if (urlBase === "" || !url.startsWith(urlBase)) return;
  const rest = url.slice(urlBase.length);
  if (rest === "" || rest.startsWith("/") || rest.startsWith("?")) req.url = rest.startsWith("/") ? rest : `/${rest}`;
}

function listen(server: Server, { host, port }: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === "EADDRINUSE";
      reject(
        new ConfigError("CONFIG_INVALID", `cannot listen on ${host}:${port} (${cause.code})`, {
          hint: isTaken
            ? "another program, or another newsreel, uses this port: choose one with --port or NEWSREEL_PORT"
            : "choose an address of this machine with NEWSREEL_HOST",
          cause,
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
}

/** No new connections, idle ones closed; what is being answered may finish within the grace period. */
async function closeServer(server: Server, graceMs: number, clock: Clock): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // An answer may end at any time and leave its connection idle: those are closed as they come.
  server.prependListener("request", (_req: IncomingMessage, res: ServerResponse) =>
    res.setHeader("Connection", "close"),
  );
  using _sweep = clock.every(250, () => server.closeIdleConnections());
  using _deadline = clock.after(graceMs, () => server.closeAllConnections());
  await closed;
}

/** An address that a client on this machine can use. */
function hostForUrl(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
