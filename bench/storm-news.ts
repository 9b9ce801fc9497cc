import { startChild } from "./child.ts";

/** What lies on the news server: a film, and posts to import meanwhile. */
export interface StormArgument {
  readonly filmBytes: number;
  readonly imports: number;
  /** Volumes of each post, each of which costs an import one body. */
  readonly volumes: number;
}

export interface StormReady {
  readonly port: number;
  readonly film: { readonly name: string; readonly nzb: string };
  readonly filmPartSize: number;
  readonly imports: readonly { readonly name: string; readonly nzb: string }[];
}

/** How what imports have under way falls. Counted as admission does: bodies, and connections that have STATs of theirs. */
export interface Fall {
  /** The most at once until it was asked, since it was counted anew. */
  readonly before: number;
  /** Until the last of those ended that were under way when it was asked. */
  readonly ms: number;
}

export interface Since {
  readonly most: number;
  readonly loopMax: number;
}

/** The news server of a storm, seen from the benchmark. */
export interface StormNews extends StormReady, AsyncDisposable {
  behave(change: { readonly rttMs: number }): Promise<void>;
  /** Resolves when all has ended that imports have under way at this moment; their most is counted from then on. */
  fall(): Promise<Fall>;
  /** Since then: the most that imports have had under way, and how late the event loop came to a timer at worst, in milliseconds. */
  since(): Promise<Since>;
  /** Counts anew, and resolves with the time, in milliseconds since 1970, when imports have so much under way; undefined when that takes too long. */
  reached(count: number): Promise<number | undefined>;
}

export async function startStormNews(argument: StormArgument): Promise<StormNews> {
  const child = startChild("storm-news-server", argument);
  try {
    const ready = await child.ask<StormReady>("ready");
    return {
      ...ready,
      behave: (change) => child.ask("behave", change),
      fall: () => child.ask("fall"),
      since: () => child.ask("since"),
      reached: (count) => child.ask("reached", count),
      [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
    };
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
