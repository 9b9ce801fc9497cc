import type { Clock } from "../base/clock.ts";
import { ArticleError, errorMessage, type ProviderError } from "../base/errors.ts";
import type { MessageId } from "../base/message-id.ts";
import type { Slot } from "../base/slot.ts";
import type { YencKernel } from "../yenc/kernel.ts";
import { PartDecoder } from "../yenc/part-decoder.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import type { FetchOptions, OnlyProvider } from "./article-source.ts";
import type { CommandTimes } from "./command-times.ts";
import type { Exchange } from "./connection.ts";
import type { TryTimes } from "./fetch-trace.ts";
import { refusal } from "./login.ts";
import type { Waiting } from "./placement.ts";
import type { Line, Provider } from "./provider.ts";
import type { Course } from "./race.ts";
import type { StatusLine, Verdict } from "./replies.ts";
import type { Scheduler } from "./scheduler.ts";

export type Outcome =
  | { readonly kind: "ok"; readonly provider: Provider; readonly info: PartInfo | undefined }
  | { readonly kind: "missing"; readonly provider: Provider }
  | { readonly kind: "corrupt"; readonly provider: Provider; readonly error: Error }
  | { readonly kind: "failed"; readonly provider: Provider; readonly error: ProviderError }
  /** None of the candidates could be asked. */
  | { readonly kind: "unavailable" };

export interface AttemptRequest {
  readonly kind: "BODY" | "STAT";
  readonly id: MessageId;
  /** Where a BODY goes. */
  readonly slot: Slot | undefined;
  readonly options: FetchOptions;
  readonly candidates: ReadonlySet<Provider>;
  /** Gives up when something begins to speak against all of them, instead of waiting for one to come back. */
  readonly isForWell: boolean;
  /** A connection that is no help: the same article is stuck there. */
  readonly avoid: Line | undefined;
  /** Knows the attempt while it is under way, and only then. */
  readonly course: Course | undefined;
}

export interface AttemptContext {
  readonly scheduler: Scheduler;
  readonly kernel: YencKernel;
  readonly clock: Clock;
  readonly times: CommandTimes | undefined;
  /** Reports progress once per loop turn, however many reads there were in it. */
  readonly reportProgress: (report: () => void) => void;
}

/** A socket that was silent for so long may have died without a word. */
const SLEEP_MS = 5_000;

/** Times that a command may lose its connection through no fault of its own before that counts. */
const MAX_INNOCENT_LOSSES = 4;

/**
 * Asks one of the candidates for one article, once; the scheduler decides who and when.
 * Rejects with the signal's reason at once when the caller leaves; the slot is not written after that.
 */
export function attempt(request: AttemptRequest, context: AttemptContext): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const run = new Attempt(request, context, resolve, reject);
    if (request.course !== undefined) request.course.attempt = run;
    run.begin();
  });
}

interface Running {
  readonly provider: Provider;
  readonly line: Line;
  readonly exchange: Exchange;
  /** A share of what imports may use. */
  readonly hold: Disposable | undefined;
  /** The first command on a connection that had been silent for a while. */
  readonly isWakeUp: boolean;
  /** Counted as such when it started; it may have become urgent since. */
  readonly isBulk: boolean;
}

/** One command for one article, from the queue to its answer. */
export class Attempt implements Waiting {
  readonly kind: "BODY" | "STAT";
  readonly urgency: FetchOptions["urgency"];
  readonly stream: object | undefined;
  readonly only: OnlyProvider | undefined;
  /** Encoded size of the reply as far as anybody knows. */
  readonly expectedBytes: number;
  readonly #times: TryTimes;
  #lastByteAt = 0;
  #decodeMs = 0;
  readonly #request: AttemptRequest;
  readonly #context: AttemptContext;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #onAbort = () => this.leave(this.#request.options.signal.reason);
  #running: Running | undefined;
  /** Still known when it has been left. */
  #lastLine: Line | undefined;
  #decoder: PartDecoder | undefined;
  #isProgressDue = false;
  #innocentLosses = 0;
  #watch: Disposable | undefined;
  #isSettled = false;
  #wasLeft = false;

  constructor(
    request: AttemptRequest,
    context: AttemptContext,
    resolve: (outcome: Outcome) => void,
    reject: (reason: unknown) => void,
  ) {
    this.kind = request.kind;
    this.urgency = request.options.urgency;
    this.stream = request.options.stream;
    this.only = request.options.only;
    this.expectedBytes = expectedBytes(request);
    const askedAt = context.clock.now();
    this.#times = request.options.trace?.begin(askedAt) ?? { askedAt, sentAt: undefined, firstByteAt: undefined };
    this.#request = request;
    this.#context = context;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { signal } = this.#request.options;
    if (signal.aborted) {
      this.#reject(signal.reason);
      return;
    }
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#watch = this.urgency.watch?.(() => this.#context.scheduler.pump());
    this.#context.scheduler.enqueue(this);
  }

  /** Who is being asked; undefined while it waits for a connection. */
  get provider(): Provider | undefined {
    return this.#running?.provider;
  }

  /** The connection that it uses. */
  get line(): Line | undefined {
    return this.#running?.line;
  }

  /** How long nothing has come of it, in milliseconds: neither a connection nor a byte. */
  quietMs(now: number): number {
    const { askedAt, sentAt = 0 } = this.#times;
    return now - (this.#running === undefined ? askedAt : Math.max(sentAt, this.#lastByteAt));
  }

  /** Bytes that have come, or will come since the rest is read, for an answer that nobody wants any more. */
  get wastedBytes(): number {
    const line = this.#lastLine;
    if (line === undefined) return 0;
    const isRead = this.#wasLeft && !line.connection.isClosed;
    return isRead ? this.expectedBytes : (this.#decoder?.filled ?? 0);
  }

  /** Bytes that the connection has to deliver for others before its own. */
  get bytesBefore(): number {
    return this.#running?.line.connection.bytesBefore(this.#running.exchange) ?? 0;
  }

  suits(provider: Provider): boolean {
    return this.#request.candidates.has(provider) && (provider.isWell || !this.#request.isForWell);
  }

  avoids(line: Line): boolean {
    return this.#request.avoid === line;
  }

  giveUp(): void {
    this.#settle({ kind: "unavailable" });
  }

  start(provider: Provider, line: Line): void {
    const { id, slot } = this.#request;
    const decoder = slot === undefined ? undefined : new PartDecoder(slot, this.#context.kernel);
    this.#decoder = decoder;
    const exchange: Exchange = {
      verb: this.kind,
      line: `${this.kind} <${id}>`,
      sink: decoder,
      onStatus: () => this.#noteStatus(),
      onBytes: (decodeMs) => this.#noteBytes(decodeMs),
      expectedBytes: this.expectedBytes,
      onReply: (verdict, status) => this.#replied(provider, verdict, status),
      onLost: (error, isCulprit) => this.#lost(provider, error, isCulprit),
    };
    const isWakeUp = line.connection.inFlight === 0 && line.connection.silentMs > SLEEP_MS;
    const isBulk = this.urgency.lane !== "playhead";
    this.#lastLine = line;
    this.#running = {
      provider,
      line,
      exchange,
      hold: this.#context.scheduler.holdImport(this, line),
      isWakeUp,
      isBulk,
    };
    if (this.kind === "BODY") line.bodies += 1;
    else line.stats += 1;
    if (isBulk) line.bulk += 1;
    this.#context.scheduler.began(this, line);
    this.#times.sentAt = this.#context.clock.now();
    this.#times.firstByteAt = undefined;
    this.#lastByteAt = 0;
    line.connection.send(exchange);
    line.usedAt = line.connection.lastProgressAt;
  }

  #noteStatus(): void {
    const line = this.#running?.line;
    if (line === undefined) return;
    this.#times.firstByteAt = line.connection.lastReceivedAt;
    this.#lastByteAt = line.connection.lastReceivedAt;
  }

  #noteBytes(decodeMs: number): void {
    this.#decodeMs += decodeMs;
    this.#lastByteAt = this.#running?.line.connection.lastReceivedAt ?? 0;
    if (this.#isProgressDue || this.#request.options.onProgress === undefined || this.#decoder?.isEnded) return;
    this.#isProgressDue = true;
    this.#context.reportProgress(() => {
      this.#isProgressDue = false;
      if (!this.#isSettled && this.#decoder !== undefined) this.#request.options.onProgress?.(this.#decoder.filled);
    });
  }

  #replied(provider: Provider, verdict: Verdict, status: StatusLine): void {
    const connection = this.#running?.line.connection;
    const hasServed = connection?.hasServed === true;
    const isAnswer = verdict === "ok" || verdict === "missing";
    if (this.kind === "BODY" && isAnswer && connection !== undefined)
      this.#noteTimes(provider, connection.lastReceivedAt);
    this.#release();
    if (verdict === "ok") {
      this.#accept(provider);
    } else if (verdict === "missing") {
      provider.counts.missing += 1;
      if (this.kind === "BODY") provider.standing.noteAnswer(0);
      this.#settle({ kind: "missing", provider });
    } else {
      provider.counts.failed += 1;
      const error = refusal(provider.options.host, `answer ${this.kind}`, verdict, status);
      const isForgetful = verdict === "auth-required" && hasServed;
      if (verdict !== "unsupported" && !isForgetful) provider.failed(error);
      this.#settle({ kind: "failed", provider, error });
    }
  }

  #noteTimes(provider: Provider, endedAt: number): void {
    const { times } = this.#context;
    if (times === undefined) return;
    const { id } = provider.options;
    const { askedAt, sentAt = askedAt, firstByteAt } = this.#times;
    times.observe(id, "connection", (sentAt - askedAt) / 1000);
    times.observe(id, "firstByte", ((firstByteAt ?? endedAt) - sentAt) / 1000);
    if (firstByteAt !== undefined) times.observe(id, "body", (endedAt - firstByteAt) / 1000);
  }

  #accept(provider: Provider): void {
    const { trace } = this.#request.options;
    try {
      const startedAt = trace === undefined ? 0 : this.#context.clock.now();
      const info = this.#decoder?.finish();
      if (info !== undefined) {
        checkExpectation(info, this.#request.options.expect);
        provider.standing.noteAnswer(info.size);
      }
      if (trace !== undefined) trace.decodeMs += this.#decodeMs + this.#context.clock.now() - startedAt;
      provider.counts.ok += 1;
      this.#settle({ kind: "ok", provider, info });
    } catch (error) {
      provider.counts.corrupt += 1;
      provider.standing.noteAnswer(0);
      this.#settle({
        kind: "corrupt",
        provider,
        error: error instanceof Error ? error : new Error(errorMessage(error)),
      });
    }
  }

  #lost(provider: Provider, error: ProviderError, isCulprit: boolean): void {
    const isStale =
      this.#running?.isWakeUp === true && (this.#decoder?.filled ?? 0) === 0 && error.code !== "PROVIDER_TIMEOUT";
    this.#release();
    if ((!isCulprit || isStale) && this.#innocentLosses < MAX_INNOCENT_LOSSES) {
      // Behind another command, or the first after a pause on a socket that had died: ask again as if nothing had been.
      this.#innocentLosses += 1;
      this.#context.scheduler.enqueue(this);
      return;
    }
    provider.counts.failed += 1;
    this.#settle({ kind: "failed", provider, error });
  }

  /** Gives it up: rejects with the reason at once, and nothing is written to the slot from here on. Harmless when it has ended. */
  leave(reason: unknown): void {
    if (this.#isSettled) return;
    this.#wasLeft = true;
    const running = this.#running;
    this.#isSettled = true;
    this.#watch?.[Symbol.dispose]();
    this.#request.options.signal.removeEventListener("abort", this.#onAbort);
    this.#context.scheduler.remove(this);
    if (running !== undefined) {
      const { line, provider, exchange } = running;
      line.connection.abandon(exchange);
      this.#release();
      provider.drainOrDrop(line);
    }
    this.#reject(reason);
    this.#context.scheduler.pump();
  }

  #release(): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.hold?.[Symbol.dispose]();
    if (this.kind === "BODY") running.line.bodies -= 1;
    else running.line.stats -= 1;
    if (running.isBulk) running.line.bulk -= 1;
    this.#context.scheduler.ended(this, running.line);
  }

  #noteTry(outcome: Outcome): void {
    if (outcome.kind === "unavailable") return;
    this.#request.options.trace?.note({ provider: outcome.provider.options.id, result: outcome.kind });
  }

  #settle(outcome: Outcome): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#watch?.[Symbol.dispose]();
    this.#noteTry(outcome);
    if (this.#request.course !== undefined) this.#request.course.attempt = undefined;
    this.#request.options.signal.removeEventListener("abort", this.#onAbort);
    this.#resolve(outcome);
    this.#context.scheduler.pump();
  }
}

/** Encoded size of the reply as far as anybody knows: escapes and line ends add 2 to 3 %. */
function expectedBytes({ kind, options }: AttemptRequest): number {
  if (kind === "STAT") return 64;
  if (options.encodedSize !== undefined && options.encodedSize > 0) return options.encodedSize;
  return Math.ceil((options.expect?.size ?? 750_000) * 1.03) + 400;
}

function checkExpectation(info: PartInfo, expect: FetchOptions["expect"]): void {
  if (expect?.size !== undefined && info.size !== expect.size) {
    throw new ArticleError("ARTICLE_CORRUPT", `it holds ${info.size} bytes where ${expect.size} belong`);
  }
  if (expect?.begin !== undefined && info.begin !== undefined && info.begin !== expect.begin) {
    throw new ArticleError(
      "ARTICLE_CORRUPT",
      `it holds the bytes from ${info.begin} on where those from ${expect.begin} on belong`,
    );
  }
}
