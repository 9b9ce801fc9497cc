import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Told {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A real server on loopback that remembers what it is told, and answers as the test says. */
export class ToldServer implements AsyncDisposable {
  readonly told: Told[] = [];
  /** What rclone and Sonarr say when all is well. */
  answer: (told: Told, res: ServerResponse) => void = ({ path, body }, res) => {
    const dirs = Object.entries(body).filter(([key]) => key.startsWith("dir"));
    const result = Object.fromEntries(dirs.map(([, dir]) => [dir, "OK"]));
    res.end(JSON.stringify(path === "/vfs/refresh" ? { result } : {}));
  };
  readonly #server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const { method = "", url: path = "", headers } = req;
      const told = { method, path, headers, body: JSON.parse(Buffer.concat(chunks).toString() || "{}") };
      this.told.push(told);
      this.answer(told, res);
    });
  });

  static async open(): Promise<ToldServer> {
    const server = new ToldServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  paths(): readonly string[] {
    return this.told.map(({ path }) => path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
