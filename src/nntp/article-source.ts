import type { MessageId } from "../base/message-id.ts";
import type { Cancel } from "../base/seekable-file.ts";
import type { Slot } from "../base/slot.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import type { FetchTrace } from "./fetch-trace.ts";
import type { Urgency } from "./lanes.ts";

/** One provider, and how much of it: for measuring what it can do. */
export interface OnlyProvider {
  readonly provider: string;
  /** Connections that the requests with this object may use together. */
  readonly connections: number;
  /** Commands under way on each of them. */
  readonly depth: number;
}

/** A second place for the same article, for when the first try makes no progress. */
export interface Spare {
  /** Memory for it; undefined when there is none to be had at once. Called once at most. */
  take(): Slot | undefined;
  /** As `onProgress`, of the second try. */
  onProgress(filled: number): void;
  /** The verified article lies in the spare slot; what the first try wrote does not count. */
  won(): void;
  /** Nothing is written to the spare slot from here on; called once after `take` gave one. */
  done(): void;
}

export interface FetchOptions extends Cancel {
  /** Looked at whenever a connection becomes free, so that a waiting request may become more urgent. */
  readonly urgency: Urgency;
  /** What the catalog says of this part; an article that differs is taken for corrupt. */
  readonly expect?: undefined | { readonly size?: number; readonly begin?: number };
  /** The NZB's `bytes`, to guess how much of an abandoned body is still to come. */
  readonly encodedSize?: number | undefined;
  /** Whoever reads; requests of one reader take turns with those of others in the same lane. */
  readonly stream?: object | undefined;
  /** The post that the article is part of: a provider that lacks its neighbours is asked later than others of its tier. */
  readonly post?: number | undefined;
  /** Asks this provider and nobody else; requests with the same object share its bounds. */
  readonly only?: OnlyProvider | undefined;
  /** Lets the article be asked for a second time when somebody waits for it and nothing comes. */
  readonly spare?: Spare | undefined;
  /** Is told how the fetch goes. */
  readonly trace?: FetchTrace | undefined;
  /** Called at most once per loop turn while the body arrives: so many bytes of the slot are decoded, none of them verified yet. */
  readonly onProgress?: ((filled: number) => void) | undefined;
  /**
   * The bytes reported so far come from an attempt that failed; the slot is filled anew from its start, once the answer is there.
   * Until then its `bytes` may be exchanged.
   */
  readonly onRestart?: (() => void | Promise<void>) | undefined;
}

/** missing: every provider of every tier said 430 or 423. unknown: anything else, silence included. */
export type Presence = "present" | "missing" | "unknown";

/** The news providers as one. */
export interface ArticleSource {
  /**
   * Decodes one article into the slot; resolves when size, place and checksum are known to be right.
   * Rejects with ArticleError, ProviderError, or the signal's reason. After it settled the slot is not written any more.
   */
  body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo>;
  stat(id: MessageId, options: FetchOptions): Promise<Presence>;
}
