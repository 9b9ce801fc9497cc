import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

interface Where {
  readonly host: string;
  readonly port: number;
}

/** A bare socket that reads what a news server says, line by line and byte by byte; knows nothing of the server's code. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  readonly #closed: Promise<void>;
  #received = Buffer.alloc(0);
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    const ended = () => {
      this.#hasEnded = true;
      this.#wake();
    };
    socket.on("end", ended);
    socket.on("error", ended);
    this.#closed = new Promise((resolve) => {
      socket.on("close", () => {
        ended();
        resolve();
      });
    });
  }

  /** Connects without waiting for a greeting. With `ca` it speaks TLS. */
  static open({ host, port }: Where, ca?: Buffer): RawClient {
    return new RawClient(ca === undefined ? connectTcp(port, host) : connectTls({ host, port, ca }));
  }

  /** Connects and takes the greeting. */
  static async greeted(where: Where, ca?: Buffer): Promise<RawClient> {
    const client = RawClient.open(where, ca);
    await client.line();
    return client;
  }

  send(data: string | Buffer): void {
    this.socket.write(data);
  }

  /** Bytes that came and were not taken. */
  get buffered(): number {
    return this.#received.length;
  }

  /** The next line without its CRLF; rejects when the connection ends before it. */
  async line(): Promise<string> {
    const end = await this.#find("\r\n");
    return this.#take(end).toString("latin1").slice(0, -2);
  }

  /** What follows up to and with the terminating line, dot-stuffed as it came. */
  async block(): Promise<Buffer> {
    if (this.#received.length < 3) await this.bytesBuffered(3);
    if (this.#received.subarray(0, 3).toString("latin1") === ".\r\n") return this.#take(3);
    return this.#take(await this.#find("\r\n.\r\n"));
  }

  /** Sends a command line and takes the first line of its reply. */
  ask(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return this.line();
  }

  /** Sends a command with a reply of several lines; the status line is looked at by nobody. */
  async askBlock(command: string): Promise<Buffer> {
    await this.ask(command);
    return this.block();
  }

  async bytesBuffered(count: number): Promise<void> {
    while (this.#received.length < count) await this.#more();
  }

  /** Everything until the server ends the connection. */
  async rest(): Promise<Buffer> {
    while (!this.#hasEnded) await this.#more().catch(() => {});
    return this.#take(this.#received.length);
  }

  /** Closes both sides. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await this.#closed;
  }

  async #find(text: string): Promise<number> {
    for (let from = 0; ; ) {
      const at = this.#received.indexOf(text, from);
      if (at >= 0) return at + text.length;
      from = Math.max(0, this.#received.length - text.length);
      await this.#more();
    }
  }

  #take(count: number): Buffer {
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  #more(): Promise<void> {
    if (this.#hasEnded) return Promise.reject(new Error("the server ended the connection"));
    const before = this.#received.length;
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = () => {};
        if (this.#received.length > before) resolve();
        else reject(new Error("the server ended the connection"));
      };
    });
  }
}
