import { ArticleError, ProviderError } from "../../src/base/errors.ts";
import type { MessageId } from "../../src/base/message-id.ts";
import type { Slot } from "../../src/base/slot.ts";
import { toNzb } from "../../src/newsserver/write-nzb.ts";
import type { ArticleSource, FetchOptions, Presence } from "../../src/nntp/article-source.ts";
import type { PartInfo } from "../../src/yenc/part-info.ts";

export const MKV = Buffer.from("1a45dfa30100000000000023428682", "hex");

export interface FileSpec {
  /** In the subject and, unless `info` says otherwise, in the yEnc header. */
  readonly name: string;
  /** Decoded size of every part. */
  readonly parts: readonly number[];
  /** Instead of `[1/1] - "name" yEnc (1/N)`. */
  readonly subject?: string;
  readonly poster?: string;
  /** First bytes of the file. */
  readonly head?: Buffer;
  /** What an article says of itself, as far as that is not the truth. */
  readonly info?: (index: number) => Partial<PartInfo>;
  /** Parts whose article nobody has. */
  readonly missing?: (index: number) => boolean;
  /** Parts that the NZB does not list. */
  readonly unlisted?: (index: number) => boolean;
  /** The NZB's `bytes`. */
  readonly encoded?: (index: number) => number;
  /** The NZB's segment number; index + 1 unless given. */
  readonly number?: (index: number) => number;
}

interface Article {
  readonly info: PartInfo;
  readonly head: Buffer;
}

/** Articles in memory behind the ArticleSource interface. Everything asked in one turn is answered in the next: one round trip. */
export class FakeUsenet implements ArticleSource {
  /** Calls of `body` and `stat`, in order. */
  readonly bodies: string[] = [];
  readonly stats: string[] = [];
  roundTrips = 0;
  /** Most calls under way at once. */
  most = 0;
  running = 0;
  /** Slots from which an article was read, biggest first. */
  largestSlot = 0;
  /** Says what is wrong with the providers when an article is asked for; undefined: nothing. */
  trouble: (id: string) => ProviderError | undefined = () => undefined;
  /** Called with how many questions were asked and answered so far, after each of either. */
  onEvent: (events: number) => void = () => undefined;
  /** Answers nothing while set. */
  isHeld = false;
  readonly #articles = new Map<string, Article>();
  readonly #files: FileSpec[] = [];
  #due: (() => void)[] = [];
  #events = 0;

  /** Posts a file and lists it in the NZB. */
  post(spec: FileSpec): this {
    const file = this.#files.push(spec);
    let begin = 0;
    const fileSize = spec.parts.reduce((sum, size) => sum + size, 0);
    spec.parts.forEach((size, index) => {
      const info: PartInfo = {
        size,
        begin,
        partNumber: spec.parts.length === 1 ? undefined : index + 1,
        totalParts: spec.parts.length === 1 ? undefined : spec.parts.length,
        fileSize,
        name: spec.name,
        isChecked: true,
        ...spec.info?.(index),
      };
      const head = index === 0 && spec.head !== undefined ? spec.head : Buffer.from("just some bytes");
      if (spec.missing?.(index) !== true) this.#articles.set(idOf(file, index), { info, head });
      begin += size;
    });
    return this;
  }

  /** The document, as an indexer would make it. */
  nzb(head: Readonly<Record<string, string>> = {}): Buffer {
    const files = this.#files.map((spec, at) => ({
      subject: spec.subject ?? `[${at + 1}/${this.#files.length}] - "${spec.name}" yEnc (1/${spec.parts.length})`,
      poster: spec.poster ?? "poster <p@example.com>",
      postedAt: Date.UTC(2025, 4, 1),
      groups: ["alt.binaries.test"],
      segments: spec.parts.flatMap((size, index) =>
        spec.unlisted?.(index) === true
          ? []
          : [
              {
                id: idOf(at + 1, index),
                number: spec.number?.(index) ?? index + 1,
                encodedSize: spec.encoded?.(index) ?? Math.round(size * 1.03),
              },
            ],
      ),
    }));
    return Buffer.from(toNzb(files, head));
  }

  get calls(): number {
    return this.bodies.length + this.stats.length;
  }

  body(id: MessageId, into: Slot, options: FetchOptions): Promise<PartInfo> {
    this.bodies.push(id);
    return this.#answer(id, options, (article) => {
      if (article.info.size > into.bytes.length - 1024 && into.grow?.(article.info.size + 64 * 1024) !== true) {
        throw new ArticleError("ARTICLE_CORRUPT", `article ${id} is too large`);
      }
      this.largestSlot = Math.max(this.largestSlot, into.bytes.length);
      article.head.copy(into.bytes);
      return article.info;
    });
  }

  async stat(id: MessageId, options: FetchOptions): Promise<Presence> {
    this.stats.push(id);
    try {
      await this.#answer(id, options, () => undefined);
      return "present";
    } catch (error) {
      if (options.signal.aborted) throw options.signal.reason;
      return error instanceof ArticleError ? "missing" : "unknown";
    }
  }

  /** Answers what is held. */
  release(): void {
    this.isHeld = false;
    this.#flush();
  }

  #answer<T>(id: string, { signal }: FetchOptions, read: (article: Article) => T): Promise<T> {
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    return new Promise<T>((resolve, reject) => {
      const settle = (call: () => void) => {
        if (isSettled) return;
        isSettled = true;
        this.running -= 1;
        signal.removeEventListener("abort", leave);
        call();
      };
      let isSettled = false;
      const leave = () => settle(() => reject(signal.reason));
      signal.addEventListener("abort", leave, { once: true });
      if (signal.aborted) leave();
      if (this.#due.length === 0) setImmediate(() => this.#flush());
      this.onEvent(++this.#events);
      this.#due.push(() =>
        settle(() => {
          const trouble = this.trouble(id);
          const article = this.#articles.get(id);
          if (trouble !== undefined) return reject(trouble);
          if (article === undefined) return reject(new ArticleError("ARTICLE_MISSING", `article ${id} is missing`));
          try {
            resolve(read(article));
          } catch (error) {
            reject(error);
          }
        }),
      );
    });
  }

  #flush(): void {
    if (this.isHeld || this.#due.length === 0) return;
    const due = this.#due;
    this.#due = [];
    this.roundTrips += 1;
    for (const answer of due) {
      answer();
      this.onEvent(++this.#events);
    }
  }
}

/** The id of one part of the file that was posted as number `file` (1-based). */
export function idOf(file: number, index: number): MessageId {
  return `f${file}p${index}@fake` as MessageId;
}

/** `count` parts of `size`, the last of `last`. */
export function parts(count: number, size: number, last = size): number[] {
  return Array.from({ length: count }, (_, index) => (index === count - 1 ? last : size));
}

export function providerDown(): ProviderError {
  return new ProviderError("PROVIDER_UNREACHABLE", "news.example.com refuses connections");
}
