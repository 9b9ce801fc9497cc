/** What a client sends, piece by piece. */
export interface ClientInput {
  /** A command line without its line end. */
  line(text: string): void;
  /** A line longer than RFC 3977 section 3.1 allows; it has been skipped. */
  overlongLine(): void;
  /** A posted article, dot-stuffed and with its terminating line; undefined when it was too large and has been skipped. */
  article(wire: Buffer | undefined): void;
}

const MAX_LINE_BYTES = 512;
const NEWLINE = 10;
const TERMINATOR = Buffer.from("\r\n.\r\n");
const EMPTY = Buffer.alloc(0);

interface IncomingArticle {
  /** Emptied when the article grows too large. */
  chunks: Buffer[];
  bytes: number;
  /** The last bytes before the current chunk, since the terminating line may be torn; a line start to begin with. */
  tail: Buffer;
}

/** Cuts a client's bytes into command lines and posted articles, however they are torn into chunks; keeps no more than it may. */
export class CommandReader {
  readonly #to: ClientInput;
  readonly #maxArticleBytes: number;
  #rest = EMPTY;
  #isSkipping = false;
  #article: IncomingArticle | undefined;

  constructor(to: ClientInput, maxArticleBytes: number) {
    this.#to = to;
    this.#maxArticleBytes = maxArticleBytes;
  }

  /** Whether a line or an article has begun and not ended. */
  get isMidway(): boolean {
    return this.#rest.length > 0 || this.#isSkipping || this.#article !== undefined;
  }

  /** What follows is an article up to its terminating line; to be called from within `line`. */
  expectArticle(): void {
    this.#article = { chunks: [], bytes: 0, tail: TERMINATOR.subarray(0, 2) };
  }

  feed(chunk: Buffer): void {
    let data = chunk;
    while (data.length > 0) {
      data = this.#article === undefined ? this.#takeLine(data) : this.#takeArticle(data, this.#article);
    }
  }

  #takeLine(data: Buffer): Buffer {
    const newline = data.indexOf(NEWLINE);
    const end = newline < 0 ? data.length : newline + 1;
    this.#isSkipping ||= this.#rest.length + end > MAX_LINE_BYTES;
    if (newline < 0) {
      this.#rest = this.#isSkipping ? EMPTY : Buffer.concat([this.#rest, data]);
      return EMPTY;
    }
    const line = this.#rest.length === 0 ? data.subarray(0, end) : Buffer.concat([this.#rest, data.subarray(0, end)]);
    const wasSkipped = this.#isSkipping;
    this.#rest = EMPTY;
    this.#isSkipping = false;
    if (wasSkipped) this.#to.overlongLine();
    else this.#to.line(line.toString("utf8").replace(/\r?\n$/, ""));
    return data.subarray(end);
  }

  #takeArticle(data: Buffer, article: IncomingArticle): Buffer {
    const end = endOfArticle(data, article.tail);
    const taken = end === undefined ? data : data.subarray(0, end);
    article.bytes += taken.length;
    if (article.bytes > this.#maxArticleBytes) article.chunks = [];
    else article.chunks.push(taken);
    if (end === undefined) {
      article.tail = Buffer.concat([article.tail, data.subarray(-4)]).subarray(-4);
      return EMPTY;
    }
    this.#article = undefined;
    this.#to.article(article.bytes > this.#maxArticleBytes ? undefined : Buffer.concat(article.chunks));
    return data.subarray(end);
  }
}

/** Where in `data` the terminating line ends, if it does. */
function endOfArticle(data: Buffer, tail: Buffer): number | undefined {
  const border = Buffer.concat([tail, data.subarray(0, TERMINATOR.length - 1)]).indexOf(TERMINATOR);
  if (border >= 0) return border + TERMINATOR.length - tail.length;
  const inside = data.indexOf(TERMINATOR);
  return inside < 0 ? undefined : inside + TERMINATOR.length;
}
