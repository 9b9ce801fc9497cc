import { Closers } from "../base/closers.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Received, Receiver } from "../import/intake.ts";
import type { Upload } from "../import/upload.ts";

/** A file that came with a call. */
export interface ReceivedFile {
  /** As the client calls it; undefined when it does not say. */
  readonly fileName: string | undefined;
  /** What was read, or what was wrong with it. */
  readonly outcome: Received | { readonly error: unknown };
}

/** All files of a call; disposing removes them. */
export interface ReceivedFiles extends AsyncDisposable {
  readonly files: readonly ReceivedFile[];
}

export const NO_FILES: ReceivedFiles = { files: [], [Symbol.asyncDispose]: async () => {} };

/** Reads files to their end. What is wrong with one of them keeps nobody from the others; rejects when they break off, with nothing left. */
export async function receiveFiles(
  uploads: AsyncIterable<Upload>,
  { receiver, signal }: Cancel & { readonly receiver: Receiver },
): Promise<ReceivedFiles> {
  const closers = new Closers();
  const files: ReceivedFile[] = [];
  try {
    for await (const { fileName, body } of uploads) {
      const outcome = await receiver.receive(body, { signal }).catch((error: unknown) => ({ error }));
      files.push({ fileName, outcome: "error" in outcome ? outcome : closers.use(outcome) });
    }
  } catch (error) {
    await closers[Symbol.asyncDispose]();
    throw error;
  }
  return { files, [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose]() };
}
