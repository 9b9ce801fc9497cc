/**
 * A reader over one kept-alive HTTP connection that costs next to nothing: one receive buffer for all connections of the process, the
 * bytes are counted and thrown away. It opens with `connect` and owns its socket; a connection that says nothing for a minute is given up.
 */
import net from "node:net";
import { Chunked } from "./chunked.ts";

export interface Asked {
  readonly method?: "GET" | "HEAD" | "POST" | "PROPFIND";
  readonly headers?: Readonly<Record<string, string>>;
  /** ASCII. */
  readonly body?: string;
  /** First byte, and the one behind the last; without that one to the end of the file. */
  readonly range?: readonly [start: number, end?: number];
  /** Ascending counts of body bytes: when each was there is told. */
  readonly marks?: readonly number[];
  /** Closes the connection once so many body bytes are there. */
  readonly leaveAfter?: number;
  /** Reads no faster than this. */
  readonly bytesPerSecond?: number;
  /** Called when the first byte of the body is there. */
  readonly onBegun?: () => void;
}

export interface Got {
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** From the request to the last byte. */
  readonly seconds: number;
  /** From the request to each of `marks`. */
  readonly marksMs: readonly number[];
}

interface Pending {
  readonly asked: Asked;
  readonly startedAt: number;
  readonly marksMs: number[];
  readonly resolve: (got: Got) => void;
  readonly reject: (error: Error) => void;
  head: string;
  status: number;
  /** Of the body; undefined until the header is there, and endless until the last chunk of a chunked one is. */
  length: number | undefined;
  chunked: Chunked | undefined;
  bytes: number;
}

const BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
const MOST_HEAD = 8 * 1024;
const SILENCE_MS = 60_000;

export class HttpClient implements Disposable {
  readonly #headers: Readonly<Record<string, string>>;
  readonly #socket: net.Socket;
  #pending: Pending | undefined;

  private constructor(port: number, headers: Readonly<Record<string, string>>) {
    this.#headers = headers;
    const onread = { buffer: BUFFER, callback: (count: number) => this.#received(count) };
    this.#socket = net.connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.setTimeout(SILENCE_MS, () => {
      if (this.#pending !== undefined) this.#socket.destroy(new Error("nothing came for a minute"));
    });
    this.#socket.on("error", (error) => this.#settle()?.reject(error));
    this.#socket.on("close", () => this.#settle()?.reject(new Error("the server closed the connection")));
  }

  /** Resolves when the connection is there; `headers` go with every request. */
  static connect(url: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpClient> {
    const client = new HttpClient(Number(new URL(url).port), headers);
    return new Promise((resolve, reject) => {
      client.#socket.once("connect", () => resolve(client));
      client.#socket.once("error", reject);
    });
  }

  /** Asks for a path, already encoded; one at a time. Rejects when the connection ends early, or for a status of 300 and more. */
  request(path: string, asked: Asked = {}): Promise<Got> {
    const { method = "GET", headers = {}, body, range } = asked;
    const last = range?.[1] === undefined ? "" : range[1] - 1;
    const all = {
      Host: "127.0.0.1",
      ...this.#headers,
      ...(range === undefined ? {} : { Range: `bytes=${range[0]}-${last}` }),
      ...(body === undefined ? {} : { "Content-Length": String(body.length) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return new Promise((resolve, reject) => {
      const startedAt = performance.now();
      this.#pending = {
        asked,
        startedAt,
        marksMs: [],
        resolve,
        reject,
        head: "",
        status: 0,
        length: undefined,
        chunked: undefined,
        bytes: 0,
      };
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** False pauses the socket. */
  #received(count: number): boolean {
    const pending = this.#pending;
    if (pending === undefined) return true;
    const begin = pending.length === undefined ? this.#head(pending, count) : 0;
    if (pending.length === undefined) return true;
    if (pending.bytes === 0 && count > begin) pending.asked.onBegun?.();
    pending.bytes += pending.chunked?.take(BUFFER.subarray(begin, count)) ?? count - begin;
    if (pending.chunked?.isDone) pending.length = pending.bytes;
    const { marks = [], leaveAfter = Number.POSITIVE_INFINITY, bytesPerSecond } = pending.asked;
    for (let mark = marks[pending.marksMs.length]; mark !== undefined && pending.bytes >= mark; ) {
      pending.marksMs.push(performance.now() - pending.startedAt);
      mark = marks[pending.marksMs.length];
    }
    if (pending.bytes >= pending.length || pending.bytes >= leaveAfter) {
      if (pending.bytes < pending.length) this.#socket.destroy();
      const { status, bytes, startedAt, marksMs } = pending;
      const seconds = (performance.now() - startedAt) / 1000;
      this.#settle()?.resolve({ status, bytes, seconds, marksMs });
    } else if (bytesPerSecond !== undefined) {
      const earlyMs = pending.startedAt + (pending.bytes / bytesPerSecond) * 1000 - performance.now();
      if (earlyMs >= 1) {
        setTimeout(() => this.#socket.resume(), earlyMs);
        return false;
      }
    }
    return true;
  }

  /** Takes in the header; says where in what was received the body begins. */
  #head(pending: Pending, count: number): number {
    const before = pending.head.length;
    pending.head += BUFFER.toString("latin1", 0, Math.min(count, MOST_HEAD));
    const end = pending.head.indexOf("\r\n\r\n");
    if (end < 0 && pending.head.length < MOST_HEAD) return 0;
    pending.status = Number(pending.head.slice(9, 12));
    const head = pending.head.slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const isBodiless = pending.asked.method === "HEAD" || pending.status === 204;
    if (length === undefined && /\r\ntransfer-encoding: *chunked/i.test(head)) pending.chunked = new Chunked();
    const isEndless = length === undefined && pending.chunked === undefined && !isBodiless;
    if (!(pending.status >= 200 && pending.status < 300) || isEndless) {
      this.#settle()?.reject(new Error(`cannot use the answer ${head.split("\r\n")[0]}`));
      this.#socket.destroy();
      return 0;
    }
    pending.length = isBodiless ? 0 : Number(length ?? Number.POSITIVE_INFINITY);
    return end + 4 - before;
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}

/** One request over a connection of its own. */
export async function getOnce(
  { url, headers, path }: { url: string; headers?: Readonly<Record<string, string>>; path: string },
  asked: Asked = {},
): Promise<Got> {
  using client = await HttpClient.connect(url, headers);
  return await client.request(path, asked);
}
