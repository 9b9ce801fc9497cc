/**
 * One client of the news server: it starts with an accepted socket (for TLS: after the handshake) and stops when the socket closes.
 * It owns its outbox and the timer of its idleness.
 */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { CommandReader } from "./command-reader.ts";
import type { Gates } from "./gate.ts";
import { Outbox } from "./outbox.ts";
import { lastLine, silence } from "./reply.ts";
import { Session, type SessionContext } from "./session.ts";

export interface ConnectionOptions extends Omit<SessionContext, "reply" | "expectArticle"> {
  /** Serial number, from 1. */
  readonly number: number;
  readonly isTls: boolean;
  readonly gates: Gates;
  readonly clock: Clock;
  /** Text to refuse it with; undefined to let it in. */
  readonly refusal: string | undefined;
}

/** The largest article that is taken from a client. */
const MAX_ARTICLE_BYTES = 16 * 1024 * 1024;
/** Who pipelines more than this is not read from until half of it is answered. */
const MAX_UNANSWERED = 256;

/** Greets the client (or refuses it) at once and serves it until its socket closes. */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  readonly #reader: CommandReader;
  #idleSince: number;
  #idleTimer: Disposable | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#idleSince = options.clock.now();
    this.#outbox = new Outbox(socket, { ...options, onProgress: () => this.#progressed() });
    const session = new Session({
      ...options,
      reply: (command, make) => this.#outbox.push({ ...command, connection: options.number }, make),
      expectArticle: () => this.#reader.expectArticle(),
    });
    this.#reader = new CommandReader(session, MAX_ARTICLE_BYTES);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("close", () => this.#idleTimer?.[Symbol.dispose]());
    this.#guard(() => this.#greet(session));
    this.watchIdleness();
  }

  /** Whether nothing is asked or being said. */
  get isIdle(): boolean {
    return !this.#outbox.isEnded && this.#outbox.length === 0 && !this.#reader.isMidway;
  }

  /** Ends at once and without a word. */
  drop(): void {
    this.#socket.destroy();
  }

  /** Starts or stops the clock of `idleCloseMs`, as the behaviour now says. */
  watchIdleness(): void {
    this.#idleTimer?.[Symbol.dispose]();
    const { clock, behaviour } = this.#options;
    const { idleCloseMs } = behaviour();
    if (idleCloseMs === 0 || this.#socket.destroyed) return;
    // One timer, set anew when it fires too early: not one per command.
    const left = this.isIdle ? this.#idleSince + idleCloseMs - clock.now() : idleCloseMs;
    if (left <= 0) this.drop();
    else this.#idleTimer = clock.after(left, () => this.watchIdleness());
  }

  #greet(session: Session): void {
    const { refusal, behaviour, number, isTls } = this.#options;
    const { greetingFault, rttMs } = behaviour();
    // Loopback shakes hands in no time: the round trips of TCP, and of TLS 1.3, are waited for here.
    const handshakesMs = rttMs * (isTls ? 2 : 1);
    const command = { verb: "GREETING", connection: number } as const;
    if (refusal !== undefined) this.#outbox.push(command, () => lastLine(refusal), handshakesMs);
    else if (greetingFault === "closeBeforeGreeting") this.#outbox.push(command, () => silence("close"), handshakesMs);
    else if (greetingFault === "hangBeforeGreeting") this.#outbox.push(command, () => silence("hang"));
    else this.#outbox.push(command, () => session.greeting(), handshakesMs);
  }

  #read(chunk: Buffer): void {
    if (this.#outbox.isEnded) return;
    this.#idleSince = this.#options.clock.now();
    this.#socket.cork();
    this.#guard(() => this.#reader.feed(chunk));
    this.#socket.uncork();
    if (this.#outbox.length > MAX_UNANSWERED) this.#socket.pause();
  }

  /** Fault choices and gate matches are the caller's code: when they throw, this connection ends and no other. */
  #guard(act: () => void): void {
    try {
      act();
    } catch {
      this.#socket.destroy();
    }
  }

  #progressed(): void {
    this.#idleSince = this.#options.clock.now();
    if (this.#socket.isPaused() && this.#outbox.length <= MAX_UNANSWERED / 2) this.#socket.resume();
  }
}
