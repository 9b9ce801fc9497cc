/**
 * The sending half of one connection: replies leave in the order of their commands, each when its latency is over and its gates are open,
 * paced to the connection's rate, never faster than the socket takes them. Nothing is copied. It starts with the socket and stops when
 * the socket closes; until then it owns at most one timer, and none while there is neither latency nor rate.
 */
import type { Socket } from "node:net";
import { raceAbort } from "../base/abort.ts";
import { type Clock, sleep } from "../base/clock.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Tally } from "./counters.ts";
import type { Command, Gates, Passage } from "./gate.ts";
import { Pacer } from "./pacer.ts";
import { line, type Reply } from "./reply.ts";

export interface OutboxOptions {
  readonly behaviour: () => Behaviour;
  readonly tally: Tally;
  readonly gates: Gates;
  readonly clock: Clock;
  /** A reply has left or was given up. */
  readonly onProgress: () => void;
}

interface Waiting {
  readonly command: Command;
  /** Called when its turn comes, so that a long queue holds no bodies. */
  readonly make: () => Reply;
  readonly dueAt: number;
  /** When the gates that hold the whole reply open; it has arrived at them. */
  readonly opened: readonly Promise<void>[];
  /** All of them, to be left in the end. */
  readonly passages: readonly Passage[];
  sentBytes: number;
}

/** How long a client may take to close after the server has ended the connection. */
const LAST_WORD_MS = 2_000;
const NEVER = new Promise<never>(() => {});

/** Queue and writer of one socket's replies. */
export class Outbox {
  readonly #socket: Socket;
  readonly #options: OutboxOptions;
  readonly #pacer = new Pacer();
  readonly #closed = new AbortController();
  readonly #queue: Waiting[] = [];
  /** Everything whose last byte is not handed to the kernel. */
  readonly #unfinished = new Set<Waiting>();
  #isRunning = false;
  #isEnding = false;
  #isHeld = false;
  #hasClientClosed = false;

  constructor(socket: Socket, options: OutboxOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("end", () => this.#clientClosed());
    socket.on("close", () => this.#socketClosed());
  }

  /** Replies that have not left completely. */
  get length(): number {
    return this.#unfinished.size;
  }

  /** Whether nothing more will be said. */
  get isEnded(): boolean {
    return this.#isEnding || this.#closed.signal.aborted;
  }

  /** Queues the reply to a command that has just arrived; `extraDelayMs` is added to the latency. */
  push(command: Command, make: () => Reply, extraDelayMs = 0): void {
    if (this.isEnded) return;
    const { clock, gates, tally, behaviour } = this.#options;
    const delay = behaviour().rttMs + extraDelayMs;
    const passages = gates.passagesOf(command);
    const waiting: Waiting = {
      command,
      make,
      dueAt: delay > 0 ? clock.now() + delay : 0,
      opened: passages.filter(({ afterBytes }) => afterBytes === undefined).map((passage) => passage.arrive()),
      passages,
      sentBytes: 0,
    };
    if (isBody(command)) tally.bodyStarted();
    this.#unfinished.add(waiting);
    this.#queue.push(waiting);
    if (!this.#isRunning) void this.#run();
  }

  /** Ends the connection after what was written; what still waits is given up. */
  end(): void {
    if (this.isEnded) return;
    this.#isEnding = true;
    this.#queue.length = 0;
    this.#socket.end();
    const timer = this.#options.clock.after(LAST_WORD_MS, () => this.#socket.destroy());
    this.#socket.once("close", () => timer[Symbol.dispose]());
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#socket.cork();
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        await this.#deliver(next);
      }
    } catch {
      // Only the connection's end breaks off a delivery.
      this.#socket.destroy();
    } finally {
      this.#isRunning = false;
      this.#socket.uncork();
    }
    if (this.#hasClientClosed) this.end();
  }

  async #deliver(waiting: Waiting): Promise<void> {
    const { clock } = this.#options;
    for (const opened of waiting.opened) await this.#holdUntil(opened);
    // A timer counts from the beginning of the turn that it is set in, which may have been long ago.
    for (let delay = waiting.dueAt - clock.now(); delay > 0; delay = waiting.dueAt - clock.now()) {
      await this.#pause(sleep(clock, delay, this.#closed.signal));
    }
    const reply = this.#make(waiting);
    await this.#send(waiting, reply);
    if (reply.ending === "hang") await this.#holdUntil(NEVER);
    if (reply.ending === "close") this.end();
    if (reply.chunks.length === 0) this.#finish(waiting);
  }

  #make(waiting: Waiting): Reply {
    try {
      return waiting.make();
    } catch {
      return line("403 internal fault: the article cannot be made");
    }
  }

  async #send(waiting: Waiting, { chunks, bodyStart, ending }: Reply): Promise<void> {
    const marks = waiting.passages
      .filter(({ afterBytes }) => afterBytes !== undefined)
      .map((passage) => ({ at: bodyStart + (passage.afterBytes as number), passage }))
      .sort((one, other) => one.at - other.at);
    const last = chunks.at(-1);
    let position = 0;
    for (const chunk of chunks) {
      for (let from = 0; from < chunk.length; ) {
        for (let mark = marks[0]; mark !== undefined && mark.at <= position; mark = marks[0]) {
          marks.shift();
          await this.#holdUntil(mark.passage.arrive());
        }
        const nextMark = marks[0] === undefined ? Number.POSITIVE_INFINITY : marks[0].at - position;
        const length = await this.#paced(Math.min(chunk.length - from, nextMark));
        const slice = length === chunk.length ? chunk : chunk.subarray(from, from + length);
        from += length;
        position += length;
        const isLast = chunk === last && from === chunk.length && ending !== "hang";
        if (!this.#write(waiting, slice, isLast)) await this.#pause(this.#drained());
      }
    }
  }

  /** How many of these bytes may go now, after waiting until the line is free. */
  async #paced(bytes: number): Promise<number> {
    const { clock, behaviour } = this.#options;
    if (behaviour().bytesPerSecond === 0) return bytes;
    const delay = this.#pacer.delay(clock.now());
    if (delay > 0) await this.#pause(sleep(clock, delay, this.#closed.signal));
    const { bytesPerSecond } = behaviour();
    if (bytesPerSecond === 0) return bytes;
    const length = Math.min(bytes, this.#pacer.sliceBytes(bytesPerSecond));
    this.#pacer.sent(length, bytesPerSecond, clock.now());
    return length;
  }

  /** False when the socket wants to be waited for. */
  #write(waiting: Waiting, bytes: Buffer, isLast: boolean): boolean {
    const { tally } = this.#options;
    const isLate = this.#hasClientClosed;
    return this.#socket.write(bytes, (error) => {
      if (!error) {
        waiting.sentBytes += bytes.length;
        tally.bytesSent += bytes.length;
        if (isLate) tally.bytesAfterClientClosed += bytes.length;
        if (isLast) this.#finish(waiting);
      }
    });
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => this.#socket.once("drain", () => resolve()));
  }

  /** Lets go what was written so far, then waits; rejects when the connection closes. */
  async #pause(wait: Promise<void>): Promise<void> {
    this.#socket.uncork();
    try {
      await raceAbort(wait, this.#closed.signal);
    } finally {
      this.#socket.cork();
    }
  }

  /** Waits for something that only a test decides: whoever has closed its side by then is taken for gone. */
  async #holdUntil(opened: Promise<void>): Promise<void> {
    if (this.#hasClientClosed) this.#socket.destroy();
    this.#isHeld = true;
    await this.#pause(opened);
    this.#isHeld = false;
  }

  #clientClosed(): void {
    this.#hasClientClosed = true;
    if (this.#isHeld) this.#socket.destroy();
    else if (!this.#isRunning) this.end();
  }

  #finish(waiting: Waiting): void {
    if (!this.#unfinished.delete(waiting)) return;
    if (isBody(waiting.command)) this.#options.tally.bodiesInFlight -= 1;
    for (const passage of waiting.passages) passage[Symbol.dispose]();
    this.#options.onProgress();
  }

  #socketClosed(): void {
    this.#closed.abort(new Error("the connection closed"));
    this.#queue.length = 0;
    for (const waiting of this.#unfinished) {
      if (isBody(waiting.command) && waiting.sentBytes > 0) {
        this.#options.tally.bodiesCut += 1;
        this.#options.tally.bytesOfCutBodies += waiting.sentBytes;
      }
      this.#finish(waiting);
    }
  }
}

function isBody({ verb }: Command): boolean {
  return verb === "BODY" || verb === "ARTICLE";
}
