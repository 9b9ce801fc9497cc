import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { errorCode } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Cancel } from "../base/seekable-file.ts";

export interface PeerOptions {
  /** A login in it is used as `login` would be. */
  readonly url: string;
  /** For Basic authentication; absent: none. */
  readonly login?: { readonly user: string; readonly password: string };
  readonly headers?: Readonly<Record<string, string>>;
  /** What the log calls it, as `rclone`. */
  readonly kind: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What came of a call: the answer's JSON, or why there is none, in words without a login or key. */
export type Outcome =
  | { readonly kind: "answer"; readonly json: unknown }
  | { readonly kind: "refusal" | "silence"; readonly why: string };

export interface CallOptions extends Cancel {
  readonly withinMs: number;
}

const MAX_ANSWER_BYTES = 256 * 1024;
const MAX_WORDS = 200;
const TOO_LATE = new Error("the time for an answer is over");

/**
 * A program that is told of what happens here, by POSTs of JSON. Redirects are not followed, since nothing goes to addresses that nobody has
 * configured.
 */
export class Peer {
  readonly #options: PeerOptions;
  readonly #base: string;
  readonly #address: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** What the log knows of. */
  #trouble: string | undefined;

  constructor(options: PeerOptions) {
    this.#options = options;
    const url = new URL(options.url);
    const { user, password } = options.login ?? { user: decoded(url.username), password: decoded(url.password) };
    url.username = "";
    url.password = "";
    this.#base = url.href.replace(/\/+$/, "");
    this.#address = url.origin;
    const basic = Buffer.from(`${user}:${password}`).toString("base64");
    this.#headers = {
      ...options.headers,
      "Content-Type": "application/json",
      ...(user === "" ? {} : { Authorization: `Basic ${basic}` }),
    };
  }

  /** Rejects with the signal's reason alone. */
  async post(path: string, body: unknown, { signal, withinMs }: CallOptions): Promise<Outcome> {
    const stop = new AbortController();
    using _left = onAbort(signal, () => stop.abort(signal.reason));
    using _late = this.#options.clock.after(withinMs, () => stop.abort(TOO_LATE));
    try {
      const response = await fetch(this.#base + path, {
        method: "POST",
        headers: this.#headers,
        body: JSON.stringify(body),
        redirect: "manual",
        signal: stop.signal,
      });
      const json = await readJson(response);
      if (response.ok) return { kind: "answer", json };
      const said = (json as { error?: unknown } | undefined)?.error;
      const words = typeof said === "string" ? `: ${said.slice(0, MAX_WORDS)}` : "";
      return { kind: "refusal", why: `it answers ${response.status}${words}` };
    } catch (error) {
      signal.throwIfAborted();
      if (stop.signal.aborted) return { kind: "silence", why: "it does not answer in time" };
      // fetch says only that it failed; why is in the cause.
      const code = errorCode((error as { cause?: unknown }).cause);
      return { kind: "refusal", why: `it cannot be reached (${code ?? "no connection"})` };
    }
  }

  /** Says what is wrong with it, once, until something else is; and with undefined, that all is well again. */
  report(trouble: string | undefined, hint?: string): void {
    if (trouble === this.#trouble) return;
    const { kind, log } = this.#options;
    const about = { peer: kind, address: this.#address };
    if (trouble === undefined) log.info(about, "is told of completed imports again");
    else
      log.warn({ ...about, trouble, ...(hint === undefined ? {} : { hint }) }, "cannot be told of completed imports");
    this.#trouble = trouble;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** undefined for what is no JSON, or too much of it. */
async function readJson(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}
