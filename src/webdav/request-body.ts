import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";

export interface BodyOptions extends Cancel {
  readonly clock: Clock;
  /** More than this rejects with BODY_TOO_LARGE, before a byte is read when the client announced it. */
  readonly maxBytes: number;
  /** How long the next bytes may take, asked for anew at each wait; BODY_TOO_SLOW afterwards. */
  readonly patienceMs: () => number;
}

/** Bytes of the body as announced: 0 for none, undefined when it is chunked. */
export function announcedLength(req: IncomingMessage): number | undefined {
  if (req.headers["transfer-encoding"] !== undefined) return undefined;
  return Number(req.headers["content-length"] ?? 0);
}

/** A body was announced and is not here in full. */
export function isBodyOutstanding(req: IncomingMessage): boolean {
  return announcedLength(req) !== 0 && !req.complete;
}

/** Throws BODY_TOO_LARGE when the length that the client announced, if it did, is more than `maxBytes`. */
export function refuseLongBody(length: number | undefined, maxBytes: number): void {
  if ((length ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/** Throws UNSUPPORTED_MEDIA for a body with a Content-Encoding: it would be taken for what it is the encoding of. */
export function refuseEncodedBody({ headers }: IncomingMessage): void {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new RequestError("UNSUPPORTED_MEDIA", "the body must not have a Content-Encoding");
  }
}

/** The body as it arrives. Does not touch the request before the first chunk is asked for, so `100 Continue` waits until then. */
export async function* readBody(
  req: IncomingMessage,
  options: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  refuseUnknownCoding(req);
  let received = 0;
  while (true) {
    const chunk = req.read() as Buffer | null;
    if (chunk !== null) {
      received += chunk.length;
      if (received > options.maxBytes) throw tooLarge(options.maxBytes);
      yield chunk;
    } else if (req.readableEnded || (req.complete && req.readableLength === 0)) return;
    else await nextBytes(req, options);
  }
}

/** RFC 9112 section 7: what is in another coding than chunks would be taken for the body itself. */
function refuseUnknownCoding({ headers }: IncomingMessage): void {
  const coding = headers["transfer-encoding"] ?? "chunked";
  if (coding.toLowerCase() === "chunked") return;
  throw new RequestError("UNSUPPORTED_MEDIA", "the body comes in a transfer coding other than chunked");
}

export interface SmallBodyOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  /** More than this rejects with BODY_TOO_LARGE, before a byte is read when the client announced it. */
  readonly maxBytes: number;
  /** From now until the last byte; BODY_TOO_SLOW afterwards. */
  readonly forMs: number;
}

/**
 * The whole body of a method that has a small one. Rejects, too, when the client leaves. It does not use `readBody`, which costs as much
 * as the rest of a PROPFIND.
 */
export function readWholeBody(req: IncomingMessage, options: SmallBodyOptions): Promise<Uint8Array> {
  const { socket, clock, maxBytes, forMs } = options;
  return new Promise((resolve, reject) => {
    refuseLongBody(announcedLength(req), maxBytes);
    refuseUnknownCoding(req);
    const chunks: Buffer[] = [];
    let received = 0;
    const settle = () => {
      timer[Symbol.dispose]();
      socket.off("close", leave);
      req.off("data", take).off("end", finish);
    };
    const refuse = (error: Error) => {
      settle();
      req.pause();
      reject(error);
    };
    const take = (chunk: Buffer) => {
      received += chunk.length;
      if (received > maxBytes) refuse(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const finish = () => {
      settle();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const leave = () => refuse(new Error("the client has left"));
    const timer = clock.after(forMs, () => refuse(tooSlow()));
    socket.once("close", leave);
    req.on("data", take).once("end", finish);
  });
}

function nextBytes(req: IncomingMessage, { clock, patienceMs, signal }: BodyOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      timer[Symbol.dispose]();
      req.off("readable", arrived).off("end", arrived);
      signal.removeEventListener("abort", left);
      outcome();
    };
    const arrived = () => settle(resolve);
    const left = () => settle(() => reject(signal.reason));
    const timer = clock.after(patienceMs(), () => settle(() => reject(tooSlow())));
    req.on("readable", arrived).on("end", arrived);
    signal.addEventListener("abort", left, { once: true });
    if (signal.aborted) left();
  });
}

export interface LingerOptions {
  readonly clock: Clock;
  readonly forMs: number;
  readonly forBytes: number;
}

/** Reads and forgets what is left of a body, until it ends, the client leaves, or the bounds are reached. */
export function discardBody(req: IncomingMessage, { clock, forMs, forBytes }: LingerOptions): Promise<void> {
  return new Promise((resolve) => {
    let left = forBytes;
    const done = () => {
      timer[Symbol.dispose]();
      req.off("data", take).off("end", done).off("close", done);
      resolve();
    };
    const take = (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) done();
    };
    const timer = clock.after(forMs, done);
    req.on("data", take).once("end", done).once("close", done);
    if (req.readableEnded || req.destroyed) done();
    else req.resume();
  });
}

function tooSlow(): RequestError {
  return new RequestError("BODY_TOO_SLOW", "the request body did not arrive in time");
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError("BODY_TOO_LARGE", `the request body is larger than ${maxBytes} bytes`);
}
