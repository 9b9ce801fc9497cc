import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { type Upload, uploads } from "../import/upload.ts";

const MAX_TEXT = 1024 * 1024;

/** What a request says in its body. Disposing lets go of files that nobody has read. */
export interface Form extends AsyncDisposable {
  /** Of a form with files those that come before the first of them. */
  readonly fields: URLSearchParams;
  /** To be read once, one after the other. */
  readonly uploads: AsyncIterable<Upload>;
}

/**
 * Reads a form to its end, or up to its first file. A body that is no form is one NZB. Throws UNSUPPORTED_MEDIA for one that cannot be that,
 * BAD_REQUEST for a broken form, BODY_TOO_LARGE for one with more than 1 MiB of text.
 */
export async function readForm(req: IncomingMessage, cancel: Cancel): Promise<Form> {
  const { "content-type": type = "", "content-length": length, "transfer-encoding": coding } = req.headers;
  const isEmpty = coding === undefined && Number(length ?? 0) === 0;
  if (req.method !== "POST" || isEmpty) return formOf(new URLSearchParams(), nothing());
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
    return formOf(new URLSearchParams(await textOf(req, cancel)), nothing());
  }
  const files = uploads(req, cancel)[Symbol.asyncIterator]();
  const first = await files.next();
  if (first.done === true) return formOf(new URLSearchParams(), nothing());
  const fields = new URLSearchParams([...first.value.fields]);
  return {
    ...formOf(fields, following(first.value, files)),
    [Symbol.asyncDispose]: async () => void (await files.return?.()),
  };
}

function formOf(fields: URLSearchParams, files: AsyncIterable<Upload>): Form {
  return { fields, uploads: files, [Symbol.asyncDispose]: async () => {} };
}

async function* nothing(): AsyncGenerator<Upload, void, undefined> {}

async function* following(first: Upload, rest: AsyncIterator<Upload>): AsyncGenerator<Upload, void, undefined> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function textOf(req: IncomingMessage, { signal }: Cancel): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop leaves the socket open: an answer is still to be sent over it.
  for await (const chunk of req.iterator({ destroyOnReturn: false })) {
    signal.throwIfAborted();
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_TEXT) throw new RequestError("BODY_TOO_LARGE", "the form is longer than 1 MiB");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
