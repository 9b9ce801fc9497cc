import type { ByteRange } from "../base/byte-range.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { EntryId } from "../catalog/catalog.ts";
import type { ContentStore, ContentWriter } from "../catalog/contents.ts";
import type { PutRequest } from "../webdav/tree.ts";

/** How much a place takes, and what to do with more. */
export interface BodyLimit {
  readonly bytes: number;
  readonly hint: string;
}

/** Throws BODY_TOO_LARGE when the announced length is more than that. */
export function refuseLarge(length: number | undefined, limit: BodyLimit): void {
  if (length !== undefined && length > limit.bytes) throw tooLarge(limit);
}

/**
 * Hands on the body of a PUT while it is written to `writer`. Throws BODY_TOO_LARGE as soon as it is more than it may be, BAD_REQUEST when it
 * is not as long as announced, or the signal's reason.
 */
export async function* written(
  { body, length, signal }: PutRequest,
  writer: ContentWriter,
  limit: BodyLimit,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    signal.throwIfAborted();
    if (writer.size + chunk.length > limit.bytes) throw tooLarge(limit);
    writer.write(chunk);
    yield chunk;
  }
  signal.throwIfAborted();
  if (length !== undefined && writer.size !== length) {
    throw new RequestError("BAD_REQUEST", `the body has ${writer.size} bytes, not ${length} as announced`);
  }
}

/** The whole body of a PUT on its way into the database; the caller disposes of it. Rejects as `written` throws, nothing left behind. */
export async function receive(contents: ContentStore, request: PutRequest, limit: BodyLimit): Promise<ContentWriter> {
  refuseLarge(request.length, limit);
  const writer = contents.begin();
  try {
    for await (const _chunk of written(request, writer, limit));
    return writer;
  } catch (error) {
    writer[Symbol.dispose]();
    throw error;
  }
}

/** The bytes of a sidecar; holds nothing but one piece. */
export async function* storedBytes(
  contents: ContentStore,
  at: { readonly id: EntryId; readonly range: ByteRange },
  { signal }: Cancel,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of contents.read(at.id, at.range)) {
    signal.throwIfAborted();
    yield piece;
  }
}

function tooLarge({ bytes, hint }: BodyLimit): RequestError {
  return new RequestError("BODY_TOO_LARGE", `a file here may have at most ${bytes} bytes`, { hint });
}
