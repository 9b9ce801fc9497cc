import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Answer = (req: IncomingMessage, res: ServerResponse) => void;

/** An indexer on this machine that answers as the test says, and keeps what it was asked. */
export class WebServer implements AsyncDisposable {
  readonly requests: IncomingMessage[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #server = createServer((req, res) => {
    this.requests.push(req);
    const path = (req.url ?? "").split("?")[0] as string;
    const answer = this.#answers.get(path);
    if (answer === undefined) res.writeHead(404).end();
    else answer(req, res);
  });

  static async open(): Promise<WebServer> {
    const web = new WebServer();
    await new Promise<void>((resolve) => web.#server.listen(0, "127.0.0.1", resolve));
    return web;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What to answer at a path; bytes with status 200 where no more is said. Returns the URL. */
  at(path: string, answer: Answer | Uint8Array | string, headers: Readonly<Record<string, string>> = {}): string {
    const serve: Answer =
      typeof answer === "function" ? answer : (_req, res) => res.writeHead(200, headers).end(answer);
    this.#answers.set(path.split("?")[0] as string, serve);
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.requests.filter(({ url }) => url?.split("?")[0] === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
