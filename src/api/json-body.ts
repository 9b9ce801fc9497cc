import type { IncomingMessage } from "node:http";
import { raceAbort } from "../base/abort.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { badRequest } from "./errors.ts";

const MAX_BODY = 64 * 1024;
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json$/;

export interface JsonBodyWish extends Cancel {
  /** What the body describes, for refusals: "the provider". */
  readonly what: string;
  /** How a body looks, for refusals; never with a secret. */
  readonly example: string;
}

/** What a request's body says. Throws UNSUPPORTED_MEDIA, BODY_TOO_LARGE beyond 64 KiB, or BAD_REQUEST, which does not quote it. */
export async function readJsonBody(req: IncomingMessage, { what, example, signal }: JsonBodyWish): Promise<unknown> {
  const type = (req.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!JSON_TYPE.test(type)) {
    throw new RequestError("UNSUPPORTED_MEDIA", `${what} is not sent as JSON`, {
      hint: 'send it with "Content-Type: application/json"',
    });
  }
  const text = await raceAbort(readText(req), signal);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words would quote what stands around the mistake: perhaps a password.
    throw badRequest("the body is not JSON", `it looks like ${example}`);
  }
}

/** Leaving the loop leaves the socket open: an answer is still to be sent over it. */
async function readText(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    length += (chunk as Buffer).length;
    if (length > MAX_BODY) throw new RequestError("BODY_TOO_LARGE", "this call takes a body of less than 64 KiB");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
