import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, systemClock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { ALL_METHODS, allowOf } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import { handleCopy, handleMove } from "./copy-move.ts";
import { handleDelete } from "./delete.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { handleGet } from "./get.ts";
import { hrefOf } from "./href.ts";
import { checkIf } from "./if-header.ts";
import { type DavLimits, defaultDavLimits } from "./limits.ts";
import { handleLock } from "./lock.ts";
import { type LockStore, LockTable } from "./lock-table.ts";
import { handleMkcol } from "./mkcol.ts";
import { handleOptions } from "./options.ts";
import { handlePropfind } from "./propfind.ts";
import { handleProppatch } from "./proppatch.ts";
import { handlePut } from "./put.ts";
import { announcedLength, readWholeBody } from "./request-body.ts";
import type { Served } from "./served.ts";
import { errorAnswer } from "./status.ts";
import { parseTarget, pathBelow, type Target } from "./target.ts";
import type { DavPath, DavTree } from "./tree.ts";
import { createTurns } from "./turns.ts";
import { handleUnlock } from "./unlock.ts";

/** Who may not pass, and what to tell them. */
export interface Refusal {
  readonly status: 401 | 429;
  /** Several challenges are several headers of one name. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly message: string;
}

/** Who sent a request, and whether more than reading is allowed. */
export interface Grant {
  /** Empty for a guest. */
  readonly user: string;
  readonly mayWrite: boolean;
}

/** Decides who sent a request; must not reject for bad credentials. */
export type Authenticate = (req: IncomingMessage, address: string) => Promise<Grant | Refusal>;

export interface DavOptions {
  readonly tree: DavTree;
  /** Path of the tree's root on this server, such as `/dav`. */
  readonly prefix: string;
  /** What a reverse proxy puts before `prefix`; requests are understood with it and without, hrefs have it. */
  readonly urlBase?: string;
  readonly log: Logger;
  readonly authenticate: Authenticate;
  readonly clock?: Clock;
  readonly limits?: Partial<DavLimits>;
  /** Where locks outlive the process; without it they do not. */
  readonly lockStore?: LockStore;
  /** Scheme and authority that a request was meant for; as its Host header says unless a proxy knows better. */
  readonly originOf?: (req: IncomingMessage) => string;
  /** Where a request comes from, when that is not the peer of its connection. */
  readonly addressOf?: (req: IncomingMessage) => string;
  /** Told about each GET that had a body to send, when it is over. */
  readonly onServed?: (served: Served) => void;
}

export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

interface Method {
  readonly handle: (dav: Dav, exchange: Exchange) => Promise<void>;
  /** What the sender must be allowed to do; `take` is to remove what is there for taking, which every login may. */
  readonly needs: "read" | "take" | "write";
}

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["OPTIONS", { handle: handleOptions, needs: "read" }],
  ["GET", { handle: handleGet, needs: "read" }],
  ["HEAD", { handle: handleGet, needs: "read" }],
  ["PROPFIND", { handle: handlePropfind, needs: "read" }],
  ["PROPPATCH", { handle: handleProppatch, needs: "write" }],
  ["PUT", { handle: handlePut, needs: "write" }],
  ["LOCK", { handle: handleLock, needs: "write" }],
  ["UNLOCK", { handle: handleUnlock, needs: "write" }],
  ["DELETE", { handle: handleDelete, needs: "take" }],
  ["MKCOL", { handle: handleMkcol, needs: "write" }],
  ["COPY", { handle: handleCopy, needs: "write" }],
  ["MOVE", { handle: handleMove, needs: "write" }],
]);

/** Methods that mean something to a WebDAV client, so that it learns what to use instead. */
const KNOWN = new Set("POST PATCH TRACE".split(" "));

const NO_BODY = new Uint8Array();
const ROOT: Target = { path: [], hasTrailingSlash: true };

/**
 * WebDAV (RFC 4918, classes 1, 2 and 3) over `tree`, for every request of a `node:http` server whose path starts with `prefix`, and for
 * OPTIONS of any. The promise resolves when the answer is out or the client has gone, and never rejects.
 */
export function createDavHandler(options: DavOptions): RequestHandler {
  const { tree, log, authenticate, clock = systemClock, onServed } = options;
  const prefix = parseTarget(`${options.prefix}/`).path;
  const mount = parseTarget(`${options.urlBase ?? ""}${options.prefix}/`).path;
  const limits = { ...defaultDavLimits, ...options.limits };
  const mountHref = hrefOf(mount, "resource");
  const locks = new LockTable(options.lockStore, clock);
  const dav: Dav = { tree, locks, log, clock, mountHref, onServed, limits, locate };
  const originOf = options.originOf ?? ((req: IncomingMessage) => `http://${req.headers.host ?? ""}`);
  const addressOf = options.addressOf ?? ((req: IncomingMessage) => req.socket.remoteAddress ?? "");
  const inTurn = createTurns(limits.requestsAhead);

  function locate(url: string): Target | undefined {
    const { path, hasTrailingSlash } = parseTarget(url);
    const below = pathBelow(mount, path) ?? pathBelow(prefix, path);
    return below === undefined ? undefined : { path: below, hasTrailingSlash };
  }

  function targetOf({ url = "", method }: IncomingMessage): Target {
    const isOptions = method === "OPTIONS";
    if (isOptions && url === "*") return ROOT;
    const target = locate(url);
    if (target !== undefined) return target;
    // Windows asks every folder above the one it is given.
    if (isOptions) return ROOT;
    throw new RequestError("NOT_FOUND", "there is nothing at this URL");
  }

  async function serve(req: IncomingMessage, res: ServerResponse, socket: Socket): Promise<void> {
    const startedAt = clock.now();
    const connected = { req, res, socket };
    const address = addressOf(req);
    const { path, hasTrailingSlash } = targetOf(req);
    const name = req.method ?? "";
    const verdict = await authenticate(req, address);
    if (!("user" in verdict)) {
      return sendAnswer(
        connected,
        { status: verdict.status, headers: verdict.headers, text: `${verdict.message}\n` },
        dav,
      );
    }
    const method = METHODS.get(name);
    if (method === undefined && !KNOWN.has(name)) {
      return sendAnswer(connected, { status: 501, headers: { Allow: ALL_METHODS }, text: "unknown method\n" }, dav);
    }
    if (method !== undefined && !mayUse(method, verdict, path)) {
      throw new RequestError("FORBIDDEN", "this login may only read", {
        hint: "log in with a password that may write",
      });
    }
    const body = name === "PUT" || announcedLength(req) === 0 ? NO_BODY : await smallBody(connected);
    if (socket.destroyed) return;
    const client = { address, userAgent: req.headers["user-agent"] ?? "", user: verdict.user };
    const origin = originOf(req);
    const exchange: Exchange = { req, res, socket, path, hasTrailingSlash, client, origin, startedAt, body };
    if (req.headers["if"] !== undefined) checkIf(dav, exchange);
    if (method !== undefined) return method.handle(dav, exchange);
    const headers = { Allow: allowOf(findEntry(dav, exchange)) };
    return sendAnswer(connected, { status: 405, headers, text: `${name} is not supported here\n` }, dav);
  }

  function mayUse({ needs }: Method, { mayWrite, user }: Grant, path: DavPath): boolean {
    if (mayWrite || needs === "read") return true;
    return needs === "take" && user !== "" && tree.isForTaking(path);
  }

  function smallBody({ req, socket }: Pick<Exchange, "req" | "socket">): Promise<Uint8Array> {
    return readWholeBody(req, { socket, clock, maxBytes: limits.smallBodyBytes, forMs: limits.smallBodyMs });
  }

  async function refuse(connected: Pick<Exchange, "req" | "res" | "socket">, error: unknown): Promise<void> {
    const { req, res, socket } = connected;
    if (socket.destroyed) return;
    const refusal = errorAnswer(error);
    if (refusal.status === 500)
      log.error({ method: req.method, url: req.url?.split("?", 1)[0], error }, "a WebDAV request failed");
    if (res.headersSent) socket.destroy();
    else await sendAnswer(connected, refusal, dav);
  }

  async function answer(req: IncomingMessage, res: ServerResponse, socket: Socket): Promise<void> {
    if (socket.destroyed) return;
    try {
      try {
        await serve(req, res, socket);
      } catch (error) {
        await refuse({ req, res, socket }, error);
      }
    } catch (error) {
      log.error(
        { method: req.method, url: req.url?.split("?", 1)[0], error },
        "a WebDAV request could not be answered",
      );
      socket.destroy();
    }
  }

  return (req, res) => {
    const { socket } = req;
    return inTurn(socket, () => answer(req, res, socket));
  };
}
