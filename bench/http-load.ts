/** Asks a server, in a process of its own, so that neither side waits for the benchmark. The same for every server. */
import { answerRequests } from "./child-side.ts";
import { type Asked, getOnce, HttpClient } from "./http-client.ts";
import { quantile } from "./rounds.ts";

export interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadWish {
  readonly server: Server;
  /** Asked in turn, each over a connection that is kept. */
  readonly requests: readonly { readonly path: string; readonly asked: Asked }[];
  readonly connections: number;
  readonly forMs: number;
}

export interface Load {
  readonly requests: number;
  readonly seconds: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface OneWish {
  readonly server: Server;
  readonly path: string;
  readonly asked: Asked;
}

answerRequests({
  one: ({ server, path, asked }: OneWish) => getOnce({ ...server, path }, asked),
  async load({ server, requests, connections, forMs }: LoadWish): Promise<Load> {
    const clients = await Promise.all(
      Array.from({ length: connections }, () => HttpClient.connect(server.url, server.headers)),
    );
    const startedAt = performance.now();
    const deadline = startedAt + forMs;
    const times: number[] = [];
    let next = 0;
    await Promise.all(
      clients.map(async (client) => {
        while (performance.now() < deadline) {
          const { path, asked } = requests[next++ % requests.length] as (typeof requests)[number];
          times.push((await client.request(path, asked)).seconds * 1000);
        }
      }),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    for (const client of clients) client[Symbol.dispose]();
    return { requests: times.length, seconds, medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
  },
});
