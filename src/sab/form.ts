import type { IncomingMessage } from "node:http";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { type FormFields, type Upload, uploads } from "../import/upload.ts";

const MAX_TEXT = 1024 * 1024;

/** What a request says in its body. Disposing lets go of what nobody has read. */
export interface Form extends AsyncDisposable {
  /** Its text: of a form with files what came so far, and all of it once they have. */
  readonly fields: URLSearchParams;
  /** To be read once, one after the other. Throws UNSUPPORTED_MEDIA for a body that is neither a form nor an NZB. */
  readonly files: AsyncIterable<Upload>;
  /** Whether text may follow its files. */
  readonly isOpen: boolean;
  /** Whoever waits for a file, or for bytes of one, gets the reason instead. */
  giveUp(reason: Error): void;
}

/**
 * Reads a form to its end, or up to its first file. A body that is no form is one NZB. Throws BAD_REQUEST for a broken form, BODY_TOO_LARGE for
 * one with more than 1 MiB of text.
 */
export async function readForm(req: IncomingMessage, { signal }: Cancel): Promise<Form> {
  const { "content-type": type = "", "content-length": length, "transfer-encoding": coding } = req.headers;
  const given = new AbortController();
  const cancel = { signal: AbortSignal.any([signal, given.signal]) };
  const fields = new URLSearchParams();
  const form = { fields, isOpen: false, giveUp: (reason: Error) => given.abort(reason) };
  const isEmpty = coding === undefined && Number(length ?? 0) === 0;
  if (req.method !== "POST" || isEmpty) return { ...form, ...NO_FILES };
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) {
    return { ...form, ...NO_FILES, fields: new URLSearchParams(await textOf(req, cancel)) };
  }
  if (!/^multipart\/form-data\b/i.test(type)) return { ...form, ...NO_FILES, files: oneNzb(req, cancel) };
  const files = uploads(req, cancel);
  const first = await files.next();
  add(fields, first.done ? first.value : first.value.fields);
  if (first.done) return { ...form, ...NO_FILES };
  return {
    ...form,
    isOpen: true,
    files: following(first.value, files, fields),
    // Where it still waits for something, leaving alone would wait with it.
    async [Symbol.asyncDispose]() {
      given.abort(new RequestError("BAD_REQUEST", "nobody reads the form any more"));
      await files.return(new Map());
    },
  };
}

const NO_FILES = { files: nothing(), [Symbol.asyncDispose]: async () => {} };

async function* nothing(): AsyncGenerator<Upload, void, undefined> {}

async function* oneNzb(req: IncomingMessage, cancel: Cancel): AsyncGenerator<Upload, void, undefined> {
  yield* uploads(req, cancel);
}

async function* following(
  first: Upload,
  rest: AsyncIterator<Upload, FormFields>,
  fields: URLSearchParams,
): AsyncGenerator<Upload, void, undefined> {
  yield first;
  for (;;) {
    const next = await rest.next();
    add(fields, next.done ? next.value : next.value.fields);
    if (next.done) return;
    yield next.value;
  }
}

function add(fields: URLSearchParams, more: FormFields): void {
  for (const [name, value] of more) fields.set(name, value);
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
