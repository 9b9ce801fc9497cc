import { RequestError } from "../base/errors.ts";
import { allowOf } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import { checkConditions } from "./conditions.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { announcedLength, readBody, refuseLargeBody } from "./request-body.ts";
import { isProbe } from "./target.ts";

/** PUT: RFC 9110 section 9.3.4. Everything that can be refused is refused before a byte of the body is read. */
export async function handlePut(dav: Dav, exchange: Exchange): Promise<void> {
  const { tree, clock, limits } = dav;
  const { req, path, socket } = exchange;
  refuseUnusableBody(exchange, limits.putBytes);

  const entry = tree.find(path);
  if (entry?.kind === "collection") {
    const answer = { status: 405, headers: { Allow: allowOf(entry) }, text: "this is a collection\n" };
    return sendAnswer(exchange, answer, dav);
  }
  if (exchange.hasTrailingSlash) throw new RequestError("CONFLICT", "a file's URL does not end in a slash");
  if (isProbe(path)) throw new RequestError("FORBIDDEN", "the system's own helper files are not kept");
  if (tree.find(path.slice(0, -1))?.kind !== "collection") {
    throw new RequestError("CONFLICT", "the folder to put the file into does not exist");
  }
  if (checkConditions(req.headers, entry, "write") !== "proceed") {
    throw new RequestError("PRECONDITION_FAILED", "the file is not the one the request was meant for");
  }

  const controller = new AbortController();
  const { signal } = controller;
  const leave = () => controller.abort();
  socket.once("close", leave);
  const body = readBody(req, { signal, clock, maxBytes: limits.putBytes, patienceMs: () => limits.putIdleMs });
  try {
    const outcome = await tree.put(path, { length: announcedLength(req), body, signal });
    await sendAnswer(exchange, { status: outcome === "created" ? 201 : 204 }, dav);
  } finally {
    socket.off("close", leave);
    // A wait for bytes that the tree has deserted would hold up the answer.
    controller.abort();
    await body.return();
  }
}

/** A part of a file (RFC 9110 section 14.5) or an encoded one would be stored as if it were the file. */
function refuseUnusableBody({ req }: Exchange, maxBytes: number): void {
  if (req.headers["content-range"] !== undefined) {
    throw new RequestError("BAD_REQUEST", "a file cannot be put in parts");
  }
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new RequestError("UNSUPPORTED_MEDIA", "the body must not have a Content-Encoding");
  }
  refuseLargeBody(req, maxBytes);
  // Finder sends chunks and announces their sum in a header of its own.
  if (Number(req.headers["x-expected-entity-length"] ?? 0) > maxBytes) {
    throw new RequestError("BODY_TOO_LARGE", `the request body is larger than ${maxBytes} bytes`);
  }
}
