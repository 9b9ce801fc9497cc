import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";
import { allowOf } from "./allow.ts";
import { sendAnswer } from "./answer.ts";
import { httpDate } from "./dates.ts";
import type { Dav, Exchange } from "./exchange.ts";
import { whileConnected } from "./presence.ts";
import { announcedLength, readBody, refuseEncodedBody, refuseLongBody } from "./request-body.ts";
import { requireConditions } from "./require-conditions.ts";
import type { DavEntry } from "./tree.ts";
import { requireTokens } from "./write-guard.ts";

/** PUT: RFC 9110 section 9.3.4. Everything that can be refused is refused before a byte of the body is read. */
export async function handlePut(dav: Dav, exchange: Exchange): Promise<void> {
  const { tree, clock, limits } = dav;
  const { req, path } = exchange;
  refuseUnusableBody(exchange);
  const length = expectedLength(req);
  refuseLongBody(length, limits.putBytes);

  const entry = tree.find(path);
  if (entry?.kind === "collection") {
    const answer = { status: 405, headers: { Allow: allowOf(entry) }, text: "this is a collection\n" };
    return sendAnswer(exchange, answer, dav);
  }
  if (exchange.hasTrailingSlash) throw new RequestError("CONFLICT", "a file's URL does not end in a slash");
  if (tree.find(path.slice(0, -1))?.kind !== "collection") {
    throw new RequestError("CONFLICT", "the folder to put the file into does not exist");
  }
  requireTokens(dav, exchange, [{ path, depth: "0", changesParent: entry === undefined }]);
  requireConditions(exchange, entry);

  using presence = whileConnected(exchange);
  const { signal } = presence;
  const body = readBody(req, { signal, clock, maxBytes: limits.putBytes, patienceMs: () => limits.putIdleMs });
  try {
    const outcome = await tree.put(path, { length, body, signal });
    const status = outcome === "created" ? 201 : 204;
    await sendAnswer(exchange, { status, headers: validatorsOf(tree.find(path)) }, dav);
  } finally {
    // A wait for bytes that the tree has deserted would hold up the answer.
    presence[Symbol.dispose]();
    await body.return();
  }
}

/** They tell the client that what is kept is what it sent, so that it need not ask for them. */
function validatorsOf(entry: DavEntry | undefined): Readonly<Record<string, string>> {
  return entry?.kind === "resource" ? { ETag: `"${entry.etag}"`, "Last-Modified": httpDate(entry.modifiedAt) } : {};
}

/** A part of a file (RFC 9110 section 14.5) or an encoded one would be stored as if it were the file. */
function refuseUnusableBody({ req }: Exchange): void {
  if (req.headers["content-range"] !== undefined) {
    throw new RequestError("BAD_REQUEST", "a file cannot be put in parts");
  }
  refuseEncodedBody(req);
}

/** Finder sends chunks and announces their sum in a header of its own. */
function expectedLength(req: IncomingMessage): number | undefined {
  const length = announcedLength(req);
  const expected = Number(req.headers["x-expected-entity-length"] ?? Number.NaN);
  return length ?? (Number.isSafeInteger(expected) && expected >= 0 ? expected : undefined);
}
