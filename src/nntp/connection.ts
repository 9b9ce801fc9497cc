import net from "node:net";
import tls from "node:tls";
import type { Clock } from "../base/clock.ts";
import { ProviderError } from "../base/errors.ts";
import { type BlockSink, DiscardSink, LineReader } from "./framing.ts";
import type { ProviderOptions } from "./provider-options.ts";
import { judge, parseStatusLine, type StatusLine, type Verb, type Verdict } from "./replies.ts";

/** One command and what becomes of it. Exactly one of `onReply` and `onLost` is called, once. */
export interface Exchange {
  readonly verb: Verb;
  /** Without CRLF. Empty for the greeting, which is waited for and not asked for. */
  readonly line: string;
  /** Takes the block after a 220 or 222. */
  readonly sink?: (BlockSink & { abandon(): void }) | undefined;
  /** Encoded bytes that the block is thought to have. */
  readonly expectedBytes?: number;
  onReply(verdict: Verdict, status: StatusLine): void;
  /** The status line of a block has come. */
  onStatus?: (() => void) | undefined;
  /** The connection is gone. `isCulprit`: this command was the one being answered, or waited for. */
  onLost(error: ProviderError, isCulprit: boolean): void;
  /** More of the block has arrived; taking it in took so many milliseconds. */
  onBytes?: ((decodeMs: number) => void) | undefined;
}

interface Pending {
  readonly exchange: Exchange;
  readonly sentAt: number;
  /** When the answer before it had ended; 0 when there was none. */
  headAt: number;
  status: StatusLine | undefined;
  sink: BlockSink | undefined;
  firstByteAt: number;
  received: number;
  isAbandoned: boolean;
}

export interface ConnectionEvents {
  onClosed(error: ProviderError): void;
  onRtt(ms: number): void;
  onRate(bytesPerSecond: number): void;
  onReceived(bytes: number): void;
  /** An answer has ended, and nobody wants it or the one that follows it. */
  onUnwanted(): void;
}

/** Bodies smaller than this say nothing about the rate of the line. */
const RATE_SAMPLE_BYTES = 64 * 1024;

/** A line on which nothing comes for so long between two answers was not full. */
const IDLE_LINE_MS = 2;

/** An answer is a stalled one until it has brought so much: a byte now and then is no progress. */
const PROGRESS_BYTES = 8 * 1024;

/** However long an article is said to be, it is no longer than this; and never several times longer than it is said to be. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MIN_BODY_BOUND_BYTES = 8 * 1024 * 1024;
const BODY_BOUND_FACTOR = 4;

/**
 * One receive buffer for every socket of the thread: whatever arrives is consumed before the next read. Twice what one read of 64 KiB brings
 * costs 8 % less CPU time without TLS, since everything that is done per read is done half as often; more than that gains nothing.
 */
const receiveBuffer = Buffer.allocUnsafeSlow(128 * 1024);

/**
 * One socket to one news server. Commands go out as they come (pipelined) and are answered first in, first out.
 * Starts with `openSocket`, ends with `close` (QUIT) or `destroy`; owns its socket and nothing else.
 */
export class NntpConnection {
  readonly #socket: net.Socket;
  readonly #name: string;
  /** Empty for none. */
  readonly #password: string;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  readonly #queue: Pending[] = [];
  readonly #lines = new LineReader();
  #closedBy: ProviderError | undefined;
  #lastProgressAt: number;
  #lastReceivedAt = 0;
  #hasServed = false;
  #bytesSinceProgress = 0;

  constructor(
    options: ProviderOptions,
    context: { clock: Clock; events: ConnectionEvents; secure?: tls.SecureContext },
  ) {
    this.#clock = context.clock;
    this.#events = context.events;
    this.#name = `${options.host}:${options.port}`;
    this.#password = options.password;
    this.#lastProgressAt = context.clock.now();
    const receive = (count: number): boolean => {
      this.#receive(count);
      return true;
    };
    const onread = { buffer: receiveBuffer, callback: receive };
    this.#socket = options.tls
      ? tls.connect({
          host: options.host,
          port: options.port,
          rejectUnauthorized: options.verifyTls,
          ...(net.isIP(options.host) === 0 ? { servername: options.host } : {}),
          ...(context.secure === undefined ? {} : { secureContext: context.secure }),
          onread,
        } as tls.ConnectionOptions)
      : net.connect({ host: options.host, port: options.port, onread });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", (error: NodeJS.ErrnoException) => this.destroy(this.#unreachable(error)));
    this.#socket.on("end", () => this.destroy(this.#lost("was closed by the server")));
    this.#socket.on("close", () => this.destroy(this.#lost("was closed")));
  }

  get inFlight(): number {
    return this.#queue.length;
  }

  /** Whether it has given anything for an article; if it then asks for a login, it has forgotten ours. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  get isClosed(): boolean {
    return this.#closedBy !== undefined;
  }

  /** When an answer last came nearer to its end, or a command was sent while none was under way; on the clock's scale. */
  get lastProgressAt(): number {
    return this.#lastProgressAt;
  }

  /** When anything came last. */
  get lastReceivedAt(): number {
    return this.#lastReceivedAt;
  }

  get silentMs(): number {
    return this.#clock.now() - this.#lastProgressAt;
  }

  send(exchange: Exchange): void {
    if (this.#closedBy !== undefined) {
      exchange.onLost(this.#closedBy, false);
      return;
    }
    const now = this.#clock.now();
    this.#queue.push({
      exchange,
      sentAt: now,
      headAt: 0,
      status: undefined,
      sink: undefined,
      firstByteAt: 0,
      received: 0,
      isAbandoned: false,
    });
    // A command behind others must not hide that the first of them has stalled.
    if (this.#queue.length === 1) this.#progressed(now);
    if (exchange.line !== "") this.#socket.write(`${exchange.line}\r\n`, "utf8");
  }

  /** Nobody wants the answer to `exchange` any more; nothing of it is reported or stored from here on. */
  abandon(exchange: Exchange): void {
    const pending = this.#queue.find((entry) => entry.exchange === exchange);
    if (pending === undefined) return;
    pending.isAbandoned = true;
    pending.exchange.sink?.abandon();
  }

  /** Encoded bytes that are still to come for abandoned commands; somebody has to decide whether to read or to drop them. */
  get unwantedBytes(): number {
    return this.#queue
      .filter((entry) => entry.isAbandoned)
      .reduce((sum, entry) => sum + Math.max(0, (entry.exchange.expectedBytes ?? 0) - entry.received), 0);
  }

  /** Encoded bytes that have to come before the answer to `exchange` begins; none if it is coming already. */
  bytesBefore(exchange: Exchange): number {
    let bytes = 0;
    for (const entry of this.#queue) {
      if (entry.exchange === exchange) return bytes;
      bytes += Math.max(0, (entry.exchange.expectedBytes ?? 0) - entry.received);
    }
    return bytes;
  }

  /** Encoded bytes under way: a command sent now would wait for them. */
  get bytesAhead(): number {
    let bytes = 0;
    for (const { exchange, received } of this.#queue) bytes += Math.max(0, (exchange.expectedBytes ?? 0) - received);
    return bytes;
  }

  /** Whether a command under way is still wanted by anybody. */
  get isWanted(): boolean {
    return this.#queue.some((entry) => !entry.isAbandoned);
  }

  /** Whether what arrives now is wanted by nobody; a command sent here would wait for it. */
  get isDraining(): boolean {
    return this.#queue[0]?.isAbandoned === true;
  }

  /** Says QUIT and hangs up; what is under way is lost. */
  close(reason: ProviderError): void {
    if (this.#closedBy !== undefined) return;
    this.#fail(reason);
    this.#socket.end("QUIT\r\n");
    // The server closes after 205; one that does not gets no more of our time.
    const timer = setTimeout(() => this.#socket.destroy(), 1000).unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** Hangs up at once. */
  destroy(reason: ProviderError): void {
    this.#fail(reason);
    this.#socket.destroy();
  }

  #fail(reason: ProviderError): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = reason;
    const lost = this.#queue.splice(0);
    // First the owner forgets this connection, so that nobody who asks again is sent here.
    this.#events.onClosed(reason);
    lost.forEach((entry, index) => {
      if (!entry.isAbandoned) entry.exchange.onLost(reason, index === 0);
    });
  }

  #receive(count: number): void {
    if (this.#closedBy !== undefined) return;
    this.#lastReceivedAt = this.#clock.now();
    this.#bytesSinceProgress += count;
    if (this.#bytesSinceProgress >= PROGRESS_BYTES) this.#progressed(this.#lastReceivedAt);
    this.#events.onReceived(count);
    let at = 0;
    while (at < count && this.#closedBy === undefined) {
      const head = this.#queue[0];
      at = head?.sink === undefined ? this.#readStatus(head, at, count) : this.#readBlock(head, head.sink, at, count);
    }
  }

  #readStatus(head: Pending | undefined, start: number, end: number): number {
    const found = this.#lines.read(receiveBuffer, start, end);
    if (found === undefined) {
      if (this.#lines.isTooLong) this.destroy(this.#protocol("sent a status line without an end"));
      return end;
    }
    const status = parseStatusLine(found.line);
    if (status === undefined) {
      this.destroy(this.#protocol(`sent something that is no status line: ${this.#quote(found.line)}`));
      return end;
    }
    if (head === undefined) {
      this.destroy(this.#lost(`was closed by the server: ${this.#quote(found.line)}`));
      return end;
    }
    this.#answer(head, status);
    return found.next;
  }

  #answer(head: Pending, given: StatusLine): void {
    const verdict = judge(head.exchange.verb, given);
    const status = { code: given.code, text: this.#withoutPassword(given.text) };
    // Where nothing had to come before it, or the line lay idle before it came, an answer measures the round trip.
    const isUnhindered = head.headAt === 0 || this.#lastReceivedAt - head.headAt > IDLE_LINE_MS;
    if (isUnhindered && head.exchange.verb !== "GREETING") this.#events.onRtt(this.#lastReceivedAt - head.sentAt);
    if (verdict === "out-of-step") {
      this.destroy(this.#protocol(`answered ${head.exchange.verb} with ${status.code} ${this.#quote(status.text)}`));
      return;
    }
    const isFetch = head.exchange.verb === "BODY" || head.exchange.verb === "STAT";
    if (verdict === "ok" && head.exchange.verb === "BODY") {
      this.#hasServed = true;
      head.status = status;
      this.#progressed(this.#lastReceivedAt);
      head.firstByteAt = this.#lastReceivedAt;
      if (!head.isAbandoned) head.exchange.onStatus?.();
      head.sink = head.isAbandoned ? new DiscardSink() : head.exchange.sink;
      return;
    }
    if (isFetch) this.#hasServed ||= verdict === "ok" || verdict === "missing";
    if (verdict === "closing" || verdict === "busy" || (isFetch && isRefusal(verdict)))
      this.#endWith(head, verdict, status);
    else this.#finish(head, verdict, status);
  }

  /** This answer was the last one here; those that wait behind it are lost, and not to blame. */
  #endWith(head: Pending, verdict: Verdict, status: StatusLine): void {
    const reason = this.#lost(`is being closed: ${this.#quote(status.text)}`);
    const [, ...behind] = this.#queue.splice(0);
    this.#closedBy = reason;
    this.#socket.destroy();
    // First the provider hears what was said: it decides about the next connection when this one is forgotten.
    if (!head.isAbandoned) head.exchange.onReply(verdict, status);
    this.#events.onClosed(reason);
    for (const { isAbandoned, exchange } of behind) if (!isAbandoned) exchange.onLost(reason, false);
  }

  #readBlock(head: Pending, sink: BlockSink, start: number, end: number): number {
    const startedAt = start === 0 ? this.#lastReceivedAt : this.#clock.now();
    const next = sink.write(receiveBuffer, start, end);
    head.received += next - start;
    if (!head.isAbandoned) head.exchange.onBytes?.(this.#clock.now() - startedAt);
    if (!sink.isEnded) {
      if (head.received > longest(head.exchange)) {
        this.destroy(this.#protocol(`sent ${head.received} bytes for one article, and no end of it`));
        return end;
      }
      return next;
    }
    const elapsed = this.#lastReceivedAt - head.firstByteAt;
    if (head.received >= RATE_SAMPLE_BYTES && elapsed > 0) this.#events.onRate((head.received / elapsed) * 1000);
    this.#finish(head, "ok", head.status as StatusLine);
    return next;
  }

  #finish(head: Pending, verdict: Verdict, status: StatusLine): void {
    this.#queue.shift();
    const next = this.#queue[0];
    if (next !== undefined) next.headAt = this.#lastReceivedAt;
    this.#progressed(this.#lastReceivedAt);
    if (!head.isAbandoned) head.exchange.onReply(verdict, status);
    if (head.isAbandoned || this.isDraining) this.#events.onUnwanted();
  }

  #progressed(at: number): void {
    this.#lastProgressAt = at;
    this.#bytesSinceProgress = 0;
  }

  #lost(what: string): ProviderError {
    return new ProviderError("PROVIDER_UNREACHABLE", `connection to ${this.#name} ${what}`);
  }

  #protocol(what: string): ProviderError {
    return new ProviderError("PROVIDER_PROTOCOL", `${this.#name} ${what}`);
  }

  #unreachable(error: NodeJS.ErrnoException): ProviderError {
    const isCertificate = /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(error.code ?? "");
    return new ProviderError("PROVIDER_UNREACHABLE", `cannot use ${this.#name}: ${error.message}`, {
      cause: error,
      ...(isCertificate
        ? { hint: "check host and port; verifyTls: false switches the check off for this provider" }
        : {}),
    });
  }

  /** What a server said, fit for a log line. */
  #quote(text: string): string {
    const clean = this.#withoutPassword(text).replace(/[^\x20-\x7e]/g, "?");
    return `"${clean.length > 120 ? `${clean.slice(0, 120)}...` : clean}"`;
  }

  /** Some servers repeat what they refuse; their words end up in logs and answers. */
  #withoutPassword(text: string): string {
    return this.#password !== "" && text.includes(this.#password) ? "(words that repeat the password)" : text;
  }
}

function isRefusal(verdict: Verdict): boolean {
  return verdict === "refused" || verdict === "auth-required" || verdict === "auth-rejected";
}

/** Encoded bytes after which an answer is taken for one without an end. */
function longest({ expectedBytes }: Exchange): number {
  if (expectedBytes === undefined) return MAX_BODY_BYTES;
  return Math.min(MAX_BODY_BYTES, Math.max(MIN_BODY_BOUND_BYTES, BODY_BOUND_FACTOR * expectedBytes));
}
