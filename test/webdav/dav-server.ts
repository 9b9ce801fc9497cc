import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "../../src/base/logger.ts";
import { createDavHandler, type DavOptions } from "../../src/webdav/handler.ts";
import type { Served } from "../../src/webdav/served.ts";
import { hardenedServerOptions, hardenServer } from "../../src/webdav/server-limits.ts";
import { createMemoryTree, type MemoryTree } from "./memory-tree.ts";

export interface DavServer extends AsyncDisposable {
  readonly port: number;
  readonly tree: MemoryTree;
  readonly served: readonly Served[];
  /** What was logged as an error. */
  readonly errors: readonly unknown[];
  /** Connections that are open. */
  connections(): number;
  /** Listeners on the server's side of all its connections. */
  listeners(): number;
  /** Resolves when this many GET bodies are over. */
  servedCount(count: number): Promise<void>;
}

export const GIB = 1024 ** 3;
export const ODD_NAME = 'Zoë — 日本語 #1 100% & <x> "q".mkv'.normalize("NFC");

export interface DavServerOptions extends Partial<DavOptions> {
  readonly headersTimeout?: number;
  readonly connectionsCheckingInterval?: number;
}

/** A hardened server on a port of its own with the fixture of the client contract. */
export async function startDavServer(options: DavServerOptions = {}): Promise<DavServer> {
  const tree = createMemoryTree();
  for (const path of ["movies", "empty", "rw", "rw/sub"]) tree.addFolder(path);
  tree.addFile("movies/huge.mkv", 50 * GIB);
  tree.addFile("movies/small.mkv", 1_000_003);
  tree.addFile("movies/nothing.nfo", 0, { contentType: "text/html" });
  tree.addFile(`movies/${ODD_NAME}`, 4_321);
  tree.addFile("rw/old.txt", 10);

  const served: Served[] = [];
  const errors: unknown[] = [];
  let wake: () => void = () => {};
  const log: Logger = { debug() {}, info() {}, warn() {}, error: (fields) => errors.push(fields) };
  const handler = createDavHandler({
    tree,
    prefix: "/dav",
    log,
    authenticate: async () => ({ user: "tester", mayWrite: true }),
    onServed: (one) => {
      served.push(one);
      wake();
    },
    ...options,
  });
  const { headersTimeout = hardenedServerOptions.headersTimeout } = options;
  const { connectionsCheckingInterval = hardenedServerOptions.connectionsCheckingInterval } = options;
  const server = createServer({ ...hardenedServerOptions, headersTimeout, connectionsCheckingInterval }, handler);
  hardenServer(server);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    tree,
    served,
    errors,
    connections: () => sockets.size,
    listeners: () =>
      [...sockets]
        .flatMap((socket) => socket.eventNames().map((name) => socket.listenerCount(name)))
        .reduce((a, b) => a + b, 0),
    async servedCount(count) {
      while (served.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
