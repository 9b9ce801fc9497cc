import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { formFiles } from "./form-files.ts";

/** One NZB on its way in. The body is read once, and to its end or left, before the next one is asked for. */
export interface Upload {
  /** As the client calls it; undefined when it does not say. */
  readonly fileName: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** What a form says before this file. */
  readonly fields: FormFields;
}

/** The text of a form by the names of its fields; of two with the same name the last one counts. */
export type FormFields = ReadonlyMap<string, string>;

/** Ends with all the text of the form, what came after the last file too. */
export type Uploads = AsyncGenerator<Upload, FormFields, undefined>;

const FORM = "multipart/form-data";
const RAW = new Set([
  "application/x-nzb",
  "application/octet-stream",
  "application/xml",
  "text/xml",
  "application/gzip",
  "application/x-gzip",
  "application/zip",
  "application/x-zip-compressed",
]);

/** Whether a media type without parameters may be that of an NZB, or of what NZBs are packed in. */
export function isNzbType(type: string): boolean {
  return RAW.has(type);
}

/**
 * The NZBs, or ZIPs of them, that a request brings, one after the other, as its bytes arrive: its body is one, or a form with files.
 * Throws UNSUPPORTED_MEDIA for any other type, BAD_REQUEST for a broken form.
 */
export function uploads(req: IncomingMessage, cancel: Cancel): Uploads {
  const type = (req.headers["content-type"] ?? "application/x-nzb").split(";")[0]?.trim().toLowerCase() ?? "";
  const encoding = (req.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  const encodings = type === FORM ? ["identity"] : ["identity", "gzip", "x-gzip"];
  if (!encodings.includes(encoding)) throw unsupported(`a body that is encoded as ${encoding.slice(0, 40)}`);
  if (type === FORM) return formFiles(req, cancel);
  if (isNzbType(type)) return oneBody(req);
  throw unsupported(`a body of type ${type.slice(0, 80)}`);
}

async function* oneBody(req: IncomingMessage): Uploads {
  yield { fileName: undefined, body: bytesOf(req), fields: new Map() };
  return new Map();
}

/** Leaving the loop leaves the socket open: an answer is still to be sent over it. */
async function* bytesOf(req: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of req.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
}

function unsupported(what: string): RequestError {
  return new RequestError("UNSUPPORTED_MEDIA", `${what} cannot be imported`, {
    hint: 'send the NZB itself with "Content-Type: application/x-nzb", plain or gzip, a ZIP of NZBs, or as the file of a form',
  });
}
