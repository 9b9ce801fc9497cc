import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly status: number;
  /** Lower-case names; repeated fields joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One connection that says exactly what it is told to and reads what comes back, response by response. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  #received: Buffer[] = [];
  #length = 0;
  #isClosed = false;
  #wake: () => void = () => {};
  readonly closed: Promise<void>;
  /** How the connection broke, if it did. */
  error: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received.push(bytes);
      this.#length += bytes.length;
      this.#wake();
    });
    socket.on("error", (error) => {
      this.error = error;
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new RawClient(socket)));
      socket.once("error", reject);
    });
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  get bytesReceived(): number {
    return this.#length;
  }

  /** The next response; rejects when the connection closes before its end. `method` says whether it has a body. */
  async response(method = "GET"): Promise<RawResponse> {
    const head = (await this.#until("\r\n\r\n")).toString("latin1");
    const [statusLine = "", ...lines] = head.trimEnd().split("\r\n");
    const status = Number(statusLine.split(" ")[1]);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    return { status, headers, body: await this.#body(method, status, headers) };
  }

  async #body(method: string, status: number, headers: Readonly<Record<string, string>>): Promise<Buffer> {
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) return Buffer.alloc(0);
    if (headers["transfer-encoding"] === "chunked") return this.#chunkedBody();
    return this.#take(Number(headers["content-length"]));
  }

  async #chunkedBody(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    while (true) {
      const size = Number.parseInt((await this.#until("\r\n")).toString("latin1"), 16);
      const chunk = await this.#take(size + 2);
      if (size === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, size));
    }
  }

  async #until(mark: string): Promise<Buffer> {
    while (true) {
      const at = this.#joined().indexOf(mark);
      if (at !== -1) return this.#take(at + mark.length);
      await this.#more();
    }
  }

  async #take(count: number): Promise<Buffer> {
    while (this.#length < count) await this.#more();
    const all = this.#joined();
    this.#received = [all.subarray(count)];
    this.#length -= count;
    return all.subarray(0, count);
  }

  #joined(): Buffer {
    const all = this.#received.length === 1 ? (this.#received[0] as Buffer) : Buffer.concat(this.#received);
    this.#received = [all];
    return all;
  }

  #more(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new Error(`closed after ${this.#length} more bytes`));
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }
}

export type Headers = Readonly<Record<string, string>>;

/** The text of a request; a body gets its Content-Length unless the headers say how long it is. */
export function requestText(method: string, url: string, headers: Headers = {}, body = ""): string {
  const hasLength = Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name));
  const all: Headers = {
    Host: "h",
    ...headers,
    ...(body === "" || hasLength ? {} : { "Content-Length": `${Buffer.byteLength(body)}` }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url} HTTP/1.1\r\n${lines.join("")}\r\n${Buffer.from(body).toString("latin1")}`;
}

/** One request over a connection of its own. */
export async function fetchRaw(
  port: number,
  method: string,
  url: string,
  headers: Headers = {},
  body = "",
): Promise<RawResponse> {
  await using client = await RawClient.open(port);
  client.send(requestText(method, url, headers, body));
  return await client.response(method);
}
