import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type Clock, systemClock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { ALL_METHODS, allowOf } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import { type Dav, type Exchange, findEntry } from "./exchange.ts";
import { handleGet } from "./get.ts";
import { hrefOf } from "./href.ts";
import { type DavLimits, defaultDavLimits } from "./limits.ts";
import { handleOptions } from "./options.ts";
import { handlePropfind } from "./propfind.ts";
import { handlePut } from "./put.ts";
import { announcedLength, readWholeBody } from "./request-body.ts";
import type { Served } from "./served.ts";
import { errorAnswer } from "./status.ts";
import { parseTarget, pathBelow, type Target } from "./target.ts";
import type { DavTree } from "./tree.ts";
import { createTurns } from "./turns.ts";

/** Who may not pass, and what to tell them. */
export interface Refusal {
  readonly status: 401 | 429;
  readonly headers: Readonly<Record<string, string>>;
  readonly message: string;
}

/** Decides who sent a request; must not reject for bad credentials. */
export type Authenticate = (
  headers: IncomingHttpHeaders,
  address: string,
) => Promise<{ readonly user: string } | Refusal>;

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
  /** Where a request comes from, when that is not the peer of its connection. */
  readonly addressOf?: (req: IncomingMessage) => string;
  /** Told about each GET that had a body to send, when it is over. */
  readonly onServed?: (served: Served) => void;
}

export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => Promise<void>;

type Method = (dav: Dav, exchange: Exchange) => Promise<void>;

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["OPTIONS", handleOptions],
  ["GET", handleGet],
  ["HEAD", handleGet],
  ["PROPFIND", handlePropfind],
  ["PUT", handlePut],
]);

/** Methods that mean something to a WebDAV client, so that it learns what to use instead. */
const KNOWN = new Set("POST PATCH DELETE TRACE MKCOL COPY MOVE PROPPATCH LOCK UNLOCK".split(" "));

const NO_BODY = new Uint8Array();
const ROOT: Target = { path: [], hasTrailingSlash: true };

/**
 * WebDAV class 1 (RFC 4918) over `tree`, for every request of a `node:http` server whose path starts with `prefix`, and for
 * OPTIONS of any. The promise resolves when the answer is out or the client has gone, and never rejects.
 */
export function createDavHandler(options: DavOptions): RequestHandler {
  const { tree, log, authenticate, clock = systemClock, onServed } = options;
  const prefix = parseTarget(`${options.prefix}/`).path;
  const mount = parseTarget(`${options.urlBase ?? ""}${options.prefix}/`).path;
  const limits = { ...defaultDavLimits, ...options.limits };
  const mountHref = hrefOf(mount, "resource");
  const dav: Dav = { tree, log, clock, mountHref, onServed, limits };
  const addressOf = options.addressOf ?? ((req: IncomingMessage) => req.socket.remoteAddress ?? "");
  const inTurn = createTurns(limits.requestsAhead);

  function locate(req: IncomingMessage): Target {
    const url = req.url ?? "";
    const isOptions = req.method === "OPTIONS";
    if (isOptions && url === "*") return ROOT;
    const { path, hasTrailingSlash } = parseTarget(url);
    const below = pathBelow(mount, path) ?? pathBelow(prefix, path);
    // Windows asks every folder above the one it is given.
    if (below === undefined && isOptions) return ROOT;
    if (below === undefined) throw new RequestError("NOT_FOUND", "there is nothing at this URL");
    return { path: below, hasTrailingSlash };
  }

  async function serve(req: IncomingMessage, res: ServerResponse, socket: Socket): Promise<void> {
    const startedAt = clock.now();
    const connected = { req, res, socket };
    const address = addressOf(req);
    const { path, hasTrailingSlash } = locate(req);
    const name = req.method ?? "";
    // Windows asks what there is before it says who it is.
    const verdict = name === "OPTIONS" ? { user: "" } : await authenticate(req.headers, address);
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
    const body = method === handlePut || announcedLength(req) === 0 ? NO_BODY : await smallBody(connected);
    if (socket.destroyed) return;
    const client = { address, userAgent: req.headers["user-agent"] ?? "", user: verdict.user };
    const exchange: Exchange = { req, res, socket, path, hasTrailingSlash, client, startedAt, body };
    if (method !== undefined) return method(dav, exchange);
    const headers = { Allow: allowOf(findEntry(dav, exchange)) };
    return sendAnswer(connected, { status: 405, headers, text: `${name} is not supported here\n` }, dav);
  }

  async function smallBody({ req, socket }: Pick<Exchange, "req" | "socket">): Promise<Uint8Array> {
    const { smallBodyBytes, smallBodyMs } = dav.limits;
    const deadline = clock.now() + smallBodyMs;
    const controller = new AbortController();
    const leave = () => controller.abort();
    socket.once("close", leave);
    try {
      const patienceMs = () => Math.max(0, deadline - clock.now());
      return await readWholeBody(req, { signal: controller.signal, clock, maxBytes: smallBodyBytes, patienceMs });
    } finally {
      socket.off("close", leave);
    }
  }

  async function refuse(connected: Pick<Exchange, "req" | "res" | "socket">, error: unknown): Promise<void> {
    const { req, res, socket } = connected;
    if (socket.destroyed) return;
    const { status, headers, text } = errorAnswer(error);
    if (status === 500)
      log.error({ method: req.method, url: req.url?.split("?", 1)[0], error }, "a WebDAV request failed");
    if (res.headersSent) socket.destroy();
    else await sendAnswer(connected, { status, headers, text }, dav);
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
