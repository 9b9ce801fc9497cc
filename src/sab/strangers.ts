import type { Clock } from "../base/clock.ts";
import { RequestError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Receiver } from "../import/intake.ts";
import type { Upload } from "../import/upload.ts";
import type { Form } from "./form.ts";
import { type ReceivedFiles, receiveFiles } from "./received-files.ts";

/** Of all of them at once. */
const MOST_BYTES = 64 * 1024 * 1024;
const LONGEST_MS = 60_000;
const HINT = "send the API key in the address, or in the form before its files";

/**
 * Forms may say after their files whose they are. Until then they are strangers, who share a little room and have a little time; so nobody
 * without a key can fill the disk, or keep out anyone who says at once who he is.
 */
export class Strangers {
  readonly #clock: Clock;
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads a form to its end. Rejects with BODY_TOO_LARGE or FORBIDDEN. The room is free again when the files are disposed of. */
  async receive(form: Form, { receiver, signal }: Cancel & { readonly receiver: Receiver }): Promise<ReceivedFiles> {
    let bytes = 0;
    const leave = () => {
      this.#bytes -= bytes;
      bytes = 0;
    };
    const enter = (more: number) => {
      if (this.#bytes + more > MOST_BYTES) {
        // The others of its files have no room either.
        const error = new RequestError("BODY_TOO_LARGE", "there is no room for files without an API key", {
          hint: HINT,
        });
        form.giveUp(error);
        throw error;
      }
      bytes += more;
      this.#bytes += more;
    };
    using _timer = this.#clock.after(LONGEST_MS, () => {
      form.giveUp(new RequestError("FORBIDDEN", "the form has not said within a minute whose it is", { hint: HINT }));
    });
    try {
      const received = await receiveFiles(counted(form.files, enter), { receiver, signal });
      return {
        files: received.files,
        async [Symbol.asyncDispose]() {
          await received[Symbol.asyncDispose]();
          leave();
        },
      };
    } catch (error) {
      leave();
      throw error;
    }
  }
}

async function* counted(uploads: AsyncIterable<Upload>, enter: (bytes: number) => void): AsyncGenerator<Upload> {
  for await (const upload of uploads) yield { ...upload, body: countedBytes(upload.body, enter) };
}

async function* countedBytes(
  body: AsyncIterable<Uint8Array>,
  enter: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of body) {
    enter(chunk.length);
    yield chunk;
  }
}
