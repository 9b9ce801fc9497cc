import { errorCode } from "../base/errors.ts";
import { Limiter } from "../base/limiter.ts";
import type { MessageId } from "../base/message-id.ts";
import type { Slot } from "../base/slot.ts";
import type { Segment } from "../catalog/catalog.ts";
import type { ArticleSource, FetchOptions, Presence } from "../nntp/article-source.ts";
import { md5Of16k } from "../par2/file-names.ts";
import type { PartInfo } from "../yenc/part-info.ts";
import { type FileKind, fileKind, MAGIC_BYTES } from "./magic.ts";

/** What an import learns from one article. */
export interface Found {
  readonly state: "found";
  readonly info: PartInfo;
  /** What the bytes look like, if they are the start of a file. */
  readonly kind: FileKind | undefined;
  /** As many of the first bytes as headers of archives take, or as it takes to see that it is none. */
  readonly head: Buffer;
  /** By which PAR2 knows files. */
  readonly md5Of16k: string;
}
/** No provider has it, or has it intact. */
export interface Lost {
  readonly state: "missing" | "corrupt";
}
export type Probe = Found | Lost;

/** All that one article holds. */
export interface PartBytes {
  readonly state: "found";
  readonly info: PartInfo;
  readonly bytes: Buffer;
}

/** What is made of the bytes of a part, which are reused afterwards. */
type Take<T> = (info: PartInfo, bytes: Buffer) => T;

export interface ProbeTarget extends Pick<FetchOptions, "expect" | "trace"> {
  /** The article and others that claim to hold the same part, in the order in which they are asked. */
  readonly ids: readonly MessageId[];
  readonly encodedSize: number;
}

interface Read<T> extends Omit<ProbeTarget, "ids"> {
  readonly id: MessageId;
  readonly signal: AbortSignal;
  readonly take: Take<T>;
}

/** What is kept of the beginning of a file: the headers of a RAR volume lie in 4 KiB, and nothing else is looked into so closely. */
const ARCHIVE_HEAD_BYTES = 4096;
const HEAD_BYTES = 512;
const ARCHIVE_KINDS: ReadonlySet<string> = new Set(["rar", "7z", "zip"]);

const LANE = { lane: "import" } as const;
/** Requests that all imports together have outstanding; the providers' limits are the pool's matter. */
const SMALL_SLOTS = 32;
const SMALL_BYTES = 1024 * 1024 + 64 * 1024;
/** Articles beyond a megabyte are rare; few at once, so that memory stays bounded. */
const LARGE_SLOTS = 4;
const LARGE_BYTES = 16 * 1024 * 1024 + 128 * 1024;

/** STATs that all imports together have outstanding: their answers need no memory, and dozens fit on one connection. */
export const STATS_AT_ONCE = 128;

/** Takes a copy of a verified part, if anybody may want it soon; `bytes` begin with it. */
export type Remember = (part: Pick<Segment, "id" | "alternates" | "begin" | "size">, bytes: Buffer) => void;

/**
 * Reads articles for imports and keeps what they say, and the first bytes of files. Memory is bounded whatever the articles claim: 32 slots of
 * a megabyte and four that grow to sixteen, allocated when first needed and given up when nobody reads.
 */
export class ArticleProbe {
  readonly #source: ArticleSource;
  readonly #remember: Remember | undefined;
  readonly #small = new SlotStock(SMALL_SLOTS, SMALL_BYTES, SMALL_BYTES);
  readonly #large = new SlotStock(LARGE_SLOTS, 2 * SMALL_BYTES, LARGE_BYTES);
  readonly #stats = new Limiter(STATS_AT_ONCE);

  constructor(source: ArticleSource, remember?: Remember) {
    this.#source = source;
    this.#remember = remember;
  }

  /** Reads the first article that is usable. Rejects with ProviderError or the signal's reason. */
  read(target: ProbeTarget, signal: AbortSignal): Promise<Probe> {
    return this.#readFirst(target, signal, foundIn);
  }

  /** The same for all bytes of the part, in memory of their own. */
  bytes(target: ProbeTarget, signal: AbortSignal): Promise<PartBytes | Lost> {
    return this.#readFirst(target, signal, (info, bytes) => ({ state: "found", info, bytes: Buffer.from(bytes) }));
  }

  /** Asks only whether there is an article. `unknown` when no provider would tell. */
  async exists({ ids, trace }: ProbeTarget, signal: AbortSignal): Promise<Presence> {
    using _place = await this.#stats.acquire({ signal });
    let answer: Presence = "missing";
    for (const id of ids) {
      const presence = await this.#source.stat(id, { urgency: LANE, signal, trace });
      if (presence === "present") return presence;
      if (presence === "unknown") answer = presence;
    }
    return answer;
  }

  async #readFirst<T extends { readonly state: "found" }>(
    { ids, ...target }: ProbeTarget,
    signal: AbortSignal,
    take: Take<T>,
  ): Promise<T | Lost> {
    let worst: Lost["state"] = "missing";
    for (const id of ids) {
      const probe = await this.#readOne({ ...target, id, signal, take });
      if (probe.state === "found") return probe;
      if (probe.state === "corrupt") worst = "corrupt";
    }
    return { state: worst };
  }

  async #readOne<T>(read: Read<T>): Promise<T | Lost> {
    if (read.encodedSize <= SMALL_BYTES) {
      const probe = await this.#readInto(this.#small, read);
      if (probe !== "too large") return probe;
    }
    const probe = await this.#readInto(this.#large, read);
    return probe === "too large" ? { state: "corrupt" } : probe;
  }

  async #readInto<T>(stock: SlotStock, { id, take, ...read }: Read<T>): Promise<T | Lost | "too large"> {
    const { signal } = read;
    using _place = await stock.places.acquire({ signal });
    const slot = stock.take();
    try {
      const info = await this.#source.body(id, slot, { urgency: LANE, ...read });
      const { begin, size } = info;
      if (begin !== undefined) this.#remember?.({ id, alternates: [], begin, size }, slot.bytes);
      return take(info, slot.bytes.subarray(0, size));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (errorCode(error) === "ARTICLE_MISSING") return { state: "missing" };
      if (errorCode(error) !== "ARTICLE_CORRUPT") throw error;
      return slot.wasTooSmall ? "too large" : { state: "corrupt" };
    } finally {
      stock.giveBack(slot);
    }
  }
}

function foundIn(info: PartInfo, bytes: Buffer): Found {
  const kind = fileKind(bytes.subarray(0, MAGIC_BYTES));
  const kept = kind !== undefined && ARCHIVE_KINDS.has(kind.extension) ? ARCHIVE_HEAD_BYTES : HEAD_BYTES;
  const head = Buffer.from(bytes.subarray(0, kept));
  return { state: "found", info, kind, head, md5Of16k: md5Of16k(bytes) };
}

class ProbeSlot implements Slot {
  bytes: Buffer;
  /** Whether an article did not fit since the slot was taken. */
  wasTooSmall = false;
  readonly #maxBytes: number;

  constructor(bytes: number, maxBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes);
    this.#maxBytes = maxBytes;
  }

  grow(capacity: number): boolean {
    if (capacity > this.#maxBytes) {
      this.wasTooSmall = true;
      return false;
    }
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, Math.max(capacity, this.bytes.length * 2)));
    this.bytes.copy(grown);
    this.bytes = grown;
    return true;
  }
}

class SlotStock {
  readonly places: Limiter;
  readonly #bytes: number;
  readonly #maxBytes: number;
  #free: ProbeSlot[] = [];
  #taken = 0;

  constructor(count: number, bytes: number, maxBytes: number) {
    this.places = new Limiter(count);
    this.#bytes = bytes;
    this.#maxBytes = maxBytes;
  }

  /** To be called by whoever holds a place, so that there are never more slots than places. */
  take(): ProbeSlot {
    this.#taken += 1;
    const slot = this.#free.pop() ?? new ProbeSlot(this.#bytes, this.#maxBytes);
    slot.wasTooSmall = false;
    return slot;
  }

  giveBack(slot: ProbeSlot): void {
    this.#taken -= 1;
    if (this.#taken === 0) this.#free = [];
    else this.#free.push(slot);
  }
}
