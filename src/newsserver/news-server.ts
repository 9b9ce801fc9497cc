/**
 * The built-in news server (RFC 3977) over TCP or TLS: the product's demo, and the peer of all tests and benchmarks. It starts listening,
 * or rejects with nothing left behind; closing it destroys every connection and leaves no timer. It never writes to disk.
 */
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type Clock, systemClock } from "../base/clock.ts";
import { ConfigError } from "../base/errors.ts";
import { ArticleStore } from "./article-store.ts";
import { type Behaviour, GOOD_BEHAVIOUR } from "./behaviour.ts";
import { Connection } from "./connection.ts";
import { type Counters, Tally } from "./counters.ts";
import { type Gate, type GateMatch, type GateOptions, Gates } from "./gate.ts";
import type { Credentials } from "./session.ts";

export interface NewsServerOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** PEM; with it the server speaks TLS from the first byte. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** An own, empty store by default; several servers may share one. */
  readonly store?: ArticleStore;
  /** Without them nobody has to log in, and anybody may. */
  readonly credentials?: Credentials;
  /** True by default. */
  readonly allowsPosting?: boolean;
  readonly behaviour?: Partial<Behaviour>;
  readonly clock?: Clock;
}

/** A news server that runs. Closing it twice is harmless. */
export interface NewsServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly store: ArticleStore;
  readonly counters: Counters;
  readonly behaviour: Behaviour;
  /** Changes what is named, for the commands and connections that come afterwards (rate and idleness: at once). */
  behave(change: Partial<Behaviour>): void;
  /** Holds back all matching replies until the gate is opened. Who closes its side at a gate is dropped. */
  hold(match: GateMatch, options?: GateOptions): Gate;
  /** Ends connections at once and without a word, as a lost network or an idle limit does; says how many. */
  drop(which: "idle" | "all"): number;
  close(): Promise<void>;
}

/** Starts a news server; rejects with ConfigError when it cannot listen there. */
export async function startNewsServer(options: NewsServerOptions = {}): Promise<NewsServer> {
  const { host = "127.0.0.1", port = 0, tls, store = new ArticleStore(), clock = systemClock } = options;
  const { credentials, allowsPosting = true } = options;
  const tally = new Tally();
  const gates = new Gates();
  /** All of them, in order of arrival: under TLS the bare ones too, each before the TLS socket that is made of it. */
  const sockets = new Set<Socket>();
  const connections = new Set<Connection>();
  let logins = 0;
  let behaviour: Behaviour = { ...GOOD_BEHAVIOUR, ...options.behaviour };

  const keep = (socket: Socket) => {
    sockets.add(socket);
    // A socket that fails destroys itself; what is left to do is done when it closes.
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const accept = (socket: Socket) => {
    tally.connectionsEver += 1;
    const isRefused = behaviour.refuseAt === "greeting" && tally.connectionsNow >= behaviour.maxConnections;
    let hasLogin = false;
    if (isRefused) tally.connectionsRefused += 1;
    else tally.connectionOpened();
    const connection = new Connection(socket, {
      number: tally.connectionsEver,
      isTls: tls !== undefined,
      refusal: isRefused ? behaviour.refusal : undefined,
      behaviour: () => behaviour,
      admitLogin: () => {
        if (hasLogin) return true;
        hasLogin = behaviour.refuseAt !== "login" || logins < behaviour.maxConnections;
        if (hasLogin) logins += 1;
        else tally.connectionsRefused += 1;
        return hasLogin;
      },
      wall: () => clock.wall(),
      store,
      tally,
      gates,
      clock,
      credentials,
      allowsPosting,
    });
    connections.add(connection);
    socket.once("close", () => {
      connections.delete(connection);
      if (!isRefused) tally.connectionsNow -= 1;
      if (hasLogin) logins -= 1;
    });
  };

  // A client may close its sending side and still wait for replies.
  const server =
    tls === undefined ? createTcpServer({ allowHalfOpen: true }) : createTlsServer({ ...tls, allowHalfOpen: true });
  server.on("connection", keep);
  if (tls !== undefined) server.on("secureConnection", keep);
  server.on(tls === undefined ? "connection" : "secureConnection", accept);
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  await listen(server, host, port);
  const address = server.address() as AddressInfo;

  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= Promise.all([
      new Promise((resolve) => server.close(resolve)),
      // The server itself is closed before its sockets have said so. A TLS socket never says it when its bare one goes first.
      ...[...sockets].reverse().map((socket) => {
        socket.destroy();
        return new Promise((resolve) => socket.once("close", resolve));
      }),
    ]).then(() => {});
    return closing;
  };

  return {
    host,
    port: address.port,
    store,
    counters: tally,
    get behaviour() {
      return behaviour;
    },
    behave(change) {
      behaviour = { ...behaviour, ...change };
      for (const connection of connections) connection.watchIdleness();
    },
    hold: (match, gateOptions) => gates.hold(match, gateOptions),
    drop(which) {
      const leaving = [...connections].filter(({ isIdle }) => which === "all" || isIdle);
      for (const connection of leaving) connection.drop();
      return leaving.length;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error) =>
      reject(
        new ConfigError("CONFIG_INVALID", `cannot listen on ${host}:${port}`, {
          cause,
          hint: "choose a free port, or 0",
        }),
      );
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      // A failure to accept (no file handles left) concerns only the client that was not accepted.
      server.on("error", () => {});
      resolve();
    });
  });
}
