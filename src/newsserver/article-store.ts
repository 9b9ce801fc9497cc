import { randomUUID } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { MessageId } from "../base/message-id.ts";
import { dotStuff } from "../yenc/encoder.ts";
import { type Article, articleBytes, makeArticle } from "./article.ts";
import { type FilePost, PostedFile, parseGeneratedId } from "./posted-file.ts";
import { parsePosting } from "./posting.ts";

export interface ArticleStoreOptions {
  /** Encoded articles of generated files kept for the next request; 64 MiB by default. */
  readonly cacheBytes?: number;
  /** What clients may post altogether; 1 GiB by default. */
  readonly maxPostedBytes?: number;
}

/** An article put in as it is, to serve what no honest poster would make. */
export interface RawArticle {
  readonly id: MessageId;
  /** Lines with CRLF, not dot-stuffed. */
  readonly body: Uint8Array;
  /** Header lines with CRLF each, without the blank line. */
  readonly head?: string;
}

/** Whether a posting was taken: under which message-id, or why not. */
export type PostResult = { readonly id: MessageId } | { readonly refused: string };

/** The articles of a news server: posted ones as bytes, files as functions. Several servers may share one. */
export class ArticleStore {
  readonly #files = new Map<string, PostedFile>();
  readonly #posted = new Map<MessageId, Article>();
  readonly #encoded: LRUCache<MessageId, Article>;
  readonly #groups = new Set<string>(["alt.binaries.test"]);
  readonly #maxPostedBytes: number;
  #postedBytes = 0;

  constructor(options: ArticleStoreOptions = {}) {
    this.#maxPostedBytes = options.maxPostedBytes ?? 1024 ** 3;
    this.#encoded = new LRUCache({ maxSize: options.cacheBytes ?? 64 * 1024 ** 2, sizeCalculation: articleBytes });
  }

  /** Names of all groups that anything was posted to. */
  get groups(): ReadonlySet<string> {
    return this.#groups;
  }

  /** Registers every part of a file, at no cost per part. Throws RangeError when its id prefix is taken. */
  addFile(post: FilePost): PostedFile {
    const file = new PostedFile(post);
    if (this.#files.has(file.idPrefix)) throw new RangeError(`the id prefix ${file.idPrefix} is taken`);
    this.#files.set(file.idPrefix, file);
    for (const group of file.groups) this.#groups.add(group);
    return file;
  }

  /** Puts an article in, or in the place of another one. */
  addArticle({ id, body, head = `Message-ID: <${id}>\r\n` }: RawArticle): void {
    this.#keep(makeArticle(id, Buffer.from(head), dotStuff(Buffer.from(body))));
  }

  /** Takes what a client posted, dot-stuffed and with its terminating line; one without Message-ID is given one. */
  post(wire: Buffer): PostResult {
    const posting = parsePosting(wire);
    if (typeof posting === "string") return { refused: posting };
    const id = posting.id ?? (`${randomUUID()}@newsreel.example` as MessageId);
    if (this.has(id)) return { refused: "an article of this Message-ID is here already" };
    if (this.#postedBytes + wire.length > this.#maxPostedBytes) return { refused: "no space left" };
    const ownHeader = posting.id === undefined ? [Buffer.from(`Message-ID: <${id}>\r\n`)] : [];
    this.#keep(makeArticle(id, Buffer.concat([...ownHeader, posting.head]), posting.stuffedBody));
    for (const group of posting.groups) this.#groups.add(group);
    return { id };
  }

  /** Whether there is such an article; encodes nothing. */
  has(id: MessageId): boolean {
    return this.#posted.has(id) || this.#partOf(id) !== undefined;
  }

  /** The article, encoded now if it has to be. */
  find(id: MessageId): Article | undefined {
    const kept = this.#posted.get(id) ?? this.#encoded.get(id);
    if (kept !== undefined) return kept;
    const part = this.#partOf(id);
    if (part === undefined) return undefined;
    const article = part.file.article(part.partNumber);
    this.#encoded.set(id, article);
    return article;
  }

  /** Encodes all parts of a file in advance. Throws RangeError when the cache cannot hold them all. */
  encode(file: PostedFile): void {
    for (const { id } of file.segments) this.find(id);
    for (const { id } of file.segments) {
      if (!this.#encoded.has(id)) throw new RangeError(`${file.name} does not fit into the cache of encoded articles`);
    }
  }

  #partOf(id: MessageId): { readonly file: PostedFile; readonly partNumber: number } | undefined {
    const parsed = parseGeneratedId(id);
    const file = parsed && this.#files.get(parsed.prefix);
    return file && parsed.partNumber <= file.partCount ? { file, partNumber: parsed.partNumber } : undefined;
  }

  #keep(article: Article): void {
    const before = this.#posted.get(article.id);
    this.#postedBytes += articleBytes(article) - (before === undefined ? 0 : articleBytes(before));
    this.#posted.set(article.id, article);
  }
}
