import type { ArchivedPostName } from "./archived-posts.ts";
import { startChild } from "./child.ts";

export interface ArchiveNewsReady {
  readonly port: number;
}

/** A post that lies on the news server. */
export interface ArchiveNewsPost {
  readonly name: ArchivedPostName;
  readonly nzb: string;
  /** Of an article in the middle of a file, which no import reads. */
  readonly unreadId: string;
  /** Bytes of each file that the release must have. */
  readonly holds: readonly number[];
}

export interface ArchiveNewsCounters {
  readonly bodies: number;
  readonly stats: number;
  readonly bytesSent: number;
}

/** The news server that has archives, seen from the benchmark. */
export interface ArchiveNews extends ArchiveNewsReady, AsyncDisposable {
  readonly pid: number;
  post(name: ArchivedPostName): Promise<ArchiveNewsPost>;
  behave(change: { readonly rttMs: number }): Promise<void>;
  counters(): Promise<ArchiveNewsCounters>;
  reset(): Promise<void>;
}

export async function startArchiveNews(): Promise<ArchiveNews> {
  const child = startChild("archive-news-server", {});
  try {
    const ready = await child.ask<ArchiveNewsReady>("ready");
    return {
      ...ready,
      pid: child.pid,
      post: (name) => child.ask("post", name),
      behave: (change) => child.ask("behave", change),
      counters: () => child.ask("counters"),
      reset: () => child.ask("reset"),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
