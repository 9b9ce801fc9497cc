import { fileURLToPath } from "node:url";
import type { Behaviour } from "../src/newsserver/behaviour.ts";
import type { ProviderOptions } from "../src/nntp/provider-options.ts";
import { type Child, startChild } from "./child.ts";

export interface FileWish {
  readonly name: string;
  readonly bytes: number;
  readonly partSize: number;
  /** Articles are encoded when somebody asks for them: for files of which only a few are read. */
  readonly isLazy?: boolean;
}

export interface NewsServerArgument {
  readonly files: readonly FileWish[];
  readonly login?: { readonly username: string; readonly password: string };
  /** Paths of PEM files. */
  readonly certificate: { readonly key: string; readonly cert: string };
}

/** A file on the news server. */
export interface BenchFile {
  readonly name: string;
  readonly bytes: number;
  readonly partSize: number;
  readonly nzb: string;
  /** Message-ids in order; none for a lazy file. */
  readonly ids: readonly string[];
  /** Bytes on the wire per byte of content. */
  readonly wireFactor: number;
}

export interface NewsServerReady {
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly files: readonly BenchFile[];
}

export interface NewsCounters {
  readonly bodies: number;
  readonly bytesSent: number;
  readonly bodiesInFlight: number;
  readonly connectionsNow: number;
  readonly connectionsEver: number;
}

/** The news server, seen from the benchmark. */
export interface News extends NewsServerReady, AsyncDisposable {
  /** Which the server wants to hear; undefined when it asks for none. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
  behave(change: Pick<Partial<Behaviour>, "rttMs" | "bytesPerSecond">): Promise<void>;
  counters(): Promise<NewsCounters>;
  reset(): Promise<void>;
  quiet(): Promise<void>;
  drop(): Promise<void>;
  run(bodies: number): Promise<number>;
  slow(which: { file: number; every: number; delayMs: number }): Promise<void>;
}

const LOGIN = { username: "bench", password: "bench" };

export async function startNews(files: readonly FileWish[], options: { hasLogin?: boolean } = {}): Promise<News> {
  const pem = (name: string) => fileURLToPath(new URL(`../../test/fixtures/tls/${name}.pem`, import.meta.url));
  const login = options.hasLogin === true ? LOGIN : undefined;
  const argument: NewsServerArgument = {
    files,
    certificate: { key: pem("key"), cert: pem("cert") },
    ...(login === undefined ? {} : { login }),
  };
  const child: Child = startChild("news-server", argument);
  try {
    const ready = await child.ask<NewsServerReady>("ready");
    return {
      ...ready,
      login,
      behave: (change) => child.ask("behave", change),
      counters: () => child.ask("counters"),
      reset: () => child.ask("reset"),
      quiet: () => child.ask("quiet"),
      drop: () => child.ask("drop"),
      run: (bodies) => child.ask("run", bodies),
      slow: (which) => child.ask("slow", which),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

export interface ProviderWish {
  readonly connections: number;
  readonly pipeline: number | "auto";
  /** True unless given. */
  readonly isTls?: boolean;
}

/** The news server as one provider. */
export function providerOf(
  news: Pick<News, "plainPort" | "tlsPort" | "login">,
  { connections, pipeline, isTls = true }: ProviderWish,
): ProviderOptions {
  return {
    id: "bench",
    host: "127.0.0.1",
    port: isTls ? news.tlsPort : news.plainPort,
    tls: isTls,
    verifyTls: false,
    username: news.login?.username ?? "",
    password: news.login?.password ?? "",
    connections,
    tier: 1,
    backup: false,
    pipeline,
    timeoutMs: 15_000,
  };
}

/** Takes ranges of a file in turn, so that no two within a cache's memory are the same: each begins where a segment does. */
export function rangesOf({ bytes, partSize }: BenchFile): (length: number) => readonly [start: number, end: number] {
  let at = 0;
  return (length) => {
    if (at + length > bytes) at = 0;
    const start = at;
    at = Math.ceil((at + length) / partSize) * partSize;
    return [start, start + length];
  };
}
