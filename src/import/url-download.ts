/**
 * One GET of something that lies elsewhere, through redirects. Nothing is pooled: every connection is a new one, so every address is checked.
 * A download ends at the latest after five minutes, and one minute after its last byte.
 */
import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { onAbort } from "../base/abort.ts";
import type { Clock } from "../base/clock.ts";
import { AppError, errorCode, errorMessage, FormatError, UrlError } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { VERSION } from "../base/version.ts";
import { type AddressRule, allowedLookup, isWebAddress, requireAllowedHost } from "./url-address.ts";

export interface DownloadOptions extends AddressRule, Cancel {
  /** As they come over the wire. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** An answer, whatever its status. Disposing ends it. */
export interface Download extends Disposable {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where it came from in the end. */
  readonly url: URL;
  /** All that were asked, that one last. */
  readonly trail: readonly URL[];
  /** Unpacked as `Content-Encoding` says. Throws URL_UNREACHABLE when it breaks off, NZB_TOO_LARGE, or the signal's reason. */
  readonly body: AsyncGenerator<Uint8Array, void, undefined>;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const STALL_MS = 60_000;
const TOTAL_MS = 5 * 60_000;
/** RFC 1950 section 2.2: the method of every zlib stream; what begins otherwise is Deflate without its wrapper, as some servers send it. */
const ZLIB_METHOD = 8;

/**
 * Resolves with the answer's header. Rejects with URL_FORBIDDEN for an address that is not allowed, URL_REFUSED for redirects that lead nowhere,
 * URL_UNREACHABLE when nobody answers, or the signal's reason. No message holds more of a URL than its host.
 */
export async function openDownload(url: string, options: DownloadOptions): Promise<Download> {
  const patience = new Patience(options);
  let at = new URL(url);
  const trail = [at];
  try {
    for (;;) {
      const response = await answerOf(at, options, patience.signal);
      patience.renew();
      const next = redirectOf(response, at);
      if (next === undefined) return download(response, trail, { options, patience });
      response.destroy();
      if (trail.length > MAX_REDIRECTS) throw misled(at, `redirects more than ${MAX_REDIRECTS} times`);
      at = next;
      trail.push(at);
    }
  } catch (error) {
    patience[Symbol.dispose]();
    throw failure(error, at, patience);
  }
}

/** The address as it may be logged and shown. */
export function shownUrl({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

/** Fires when the caller leaves, or when a download takes too long. */
class Patience implements Disposable {
  readonly #stop = new AbortController();
  readonly #clock: Clock;
  readonly #caller: Disposable;
  readonly #total: Disposable;
  #stall: Disposable;
  #renewedAt: number;

  constructor({ clock, signal }: DownloadOptions) {
    this.#clock = clock;
    this.#caller = onAbort(signal, () => this.#stop.abort(signal.reason));
    this.#total = clock.after(TOTAL_MS, () => this.#end(`takes more than ${TOTAL_MS / 60_000} minutes`));
    this.#renewedAt = clock.now();
    this.#stall = clock.after(STALL_MS, () => this.#look());
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** To be called when something has come. */
  renew(): void {
    this.#renewedAt = this.#clock.now();
  }

  [Symbol.dispose](): void {
    for (const held of [this.#caller, this.#total, this.#stall]) held[Symbol.dispose]();
  }

  /** One timer a minute instead of one per chunk. */
  #look(): void {
    const leftMs = this.#renewedAt + STALL_MS - this.#clock.now();
    if (leftMs > 0) this.#stall = this.#clock.after(leftMs, () => this.#look());
    else this.#end(`sends nothing for ${STALL_MS / 1000} seconds`);
  }

  #end(why: string): void {
    this.#stop.abort(new UrlError("URL_UNREACHABLE", `the download ${why}`, { hint: WAITS }));
  }
}

const WAITS = "it is tried again by itself";

function answerOf(url: URL, options: DownloadOptions, signal: AbortSignal): Promise<IncomingMessage> {
  signal.throwIfAborted();
  requireAllowedHost(url, options);
  const { request } = url.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false,
      signal,
      headers: { "User-Agent": `Newsreel/${VERSION}`, Accept: "*/*", "Accept-Encoding": "gzip, deflate" },
      lookup: allowedLookup(options),
    });
    asked.once("response", resolve);
    // Nobody else would hear of it: what changes to another protocol gives no response.
    asked.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(misled(url, "answers in another protocol than HTTP"));
    });
    // Those that come after the answer are its body's too.
    asked.on("error", reject);
    asked.end();
  });
}

/** Where an answer sends its reader; undefined when it is the answer itself. A login goes along to the same place only. */
function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | undefined {
  if (!REDIRECTS.has(statusCode) || headers.location === undefined) return undefined;
  if (!URL.canParse(headers.location, from.href)) throw misled(from, "redirects to what is no address");
  const to = new URL(headers.location, from.href);
  if (!isWebAddress(to)) throw misled(from, "redirects to what is no web address");
  if (to.origin === from.origin && to.username === "" && to.password === "") {
    to.username = from.username;
    to.password = from.password;
  }
  return to;
}

interface Parts {
  readonly options: DownloadOptions;
  readonly patience: Patience;
}

function download(response: IncomingMessage, trail: readonly URL[], { options, patience }: Parts): Download {
  const { statusCode = 0, headers } = response;
  const url = trail.at(-1) as URL;

  async function* wire(): AsyncGenerator<Uint8Array, void, undefined> {
    let bytes = 0;
    for await (const chunk of response) {
      patience.renew();
      bytes += (chunk as Buffer).length;
      if (bytes > options.maxBytes) throw tooLarge(options.maxBytes);
      yield chunk as Buffer;
    }
  }

  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* unpacked(wire(), headers["content-encoding"]?.trim().toLowerCase() ?? "identity");
    } catch (error) {
      throw failure(error, url, patience);
    }
  }

  return {
    status: statusCode,
    headers,
    url,
    trail,
    body: body(),
    [Symbol.dispose]() {
      patience[Symbol.dispose]();
      response.destroy();
    },
  };
}

async function* unpacked(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  encoding: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (encoding === "" || encoding === "identity") {
    yield* chunks;
    return;
  }
  const first = await chunks.next();
  if (first.done === true) return;
  const unpacker = unpackerOf(encoding, first.value);
  const pumped = pipeline(Readable.from(resumed(first.value, chunks), { objectMode: false }), unpacker);
  // The loop below reports the same failure.
  pumped.catch(() => {});
  yield* unpacker;
}

function unpackerOf(encoding: string, first: Uint8Array) {
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip();
  if (encoding === "deflate") return ((first[0] ?? 0) & 15) === ZLIB_METHOD ? createInflate() : createInflateRaw();
  throw new UrlError("URL_REFUSED", "the answer is packed in a way that nobody asked for", {
    hint: "the server does not keep to HTTP: fetch the NZB yourself and add it as a file",
  });
}

async function* resumed(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/** What the caller is told about whatever went wrong on the way. */
function failure(error: unknown, url: URL, { signal }: Patience): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof AppError) return error;
  const code = errorCode(error);
  if (code !== undefined && isUntrusted(code)) {
    return new UrlError("URL_REFUSED", `the certificate of ${shownUrl(url)} cannot be trusted (${code})`, {
      hint: "whoever answers may be somebody else: check the link, and this machine's clock",
      cause: error,
    });
  }
  const why = code?.startsWith("Z_") ? "what comes is damaged" : (code ?? errorMessage(error));
  return new UrlError("URL_UNREACHABLE", `the download from ${shownUrl(url)} fails: ${why}`, {
    hint: WAITS,
    cause: error,
  });
}

/** What node:tls calls certificates that prove nothing: OpenSSL's X509_V_ERR codes, and `ERR_TLS_CERT_ALTNAME_INVALID`. */
function isUntrusted(code: string): boolean {
  return /CERT|CRL|^(?:UNABLE_TO_VERIFY|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|HOSTNAME_MIS)/.test(code);
}

function misled(url: URL, what: string): UrlError {
  return new UrlError("URL_REFUSED", `${shownUrl(url)} ${what}`, { hint: "check the link" });
}

function tooLarge(maxBytes: number): FormatError {
  return new FormatError("NZB_TOO_LARGE", `what comes is larger than ${maxBytes} bytes`, {
    hint: "check the link, or raise imports.maxNzbBytes if it really is an NZB",
  });
}
