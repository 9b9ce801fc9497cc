import { createHash } from "node:crypto";
import type { ByteRange } from "../base/byte-range.ts";
import type { MessageId } from "../base/message-id.ts";
import { dotStuff, encodeArticleBody } from "../yenc/encoder.ts";
import { type Article, makeArticle } from "./article.ts";
import type { Content } from "./content.ts";
import type { NzbFileLines, NzbSegmentLine } from "./write-nzb.ts";

/** What the yEnc header of one part says. Without `begin` and `partNumber` it is a single-part post. */
export interface PartHeader {
  readonly name: string;
  readonly fileSize: number;
  /** 0-based offset of the part in the file. */
  readonly begin?: number;
  /** 1-based. */
  readonly partNumber?: number;
  readonly totalParts?: number;
}

/** A file to be posted; its articles are made when somebody asks for them. */
export interface FilePost {
  readonly name: string;
  readonly content: Content;
  /** Decoded bytes per part, 716 800 by default; a list names the size of each part. A file that fits one part becomes a single-part post. */
  readonly partSize?: number | readonly number[];
  /** Begins all message-ids of the file (`<prefix>-<part>@newsreel.example`), unique in the store; by default made from name and size. */
  readonly idPrefix?: string;
  /** What the subject says before ` (1/N) size`; the quoted name and `yEnc` by default. */
  readonly subject?: string;
  readonly poster?: string;
  readonly groups?: readonly string[];
  /** Milliseconds since 1970. */
  readonly postedAt?: number;
  /** Makes the yEnc header of a part lie; size of the data and checksum stay true. */
  readonly header?: (truth: PartHeader) => PartHeader;
  /** Encoded characters per line, 128 by default. */
  readonly lineLength?: number;
}

const ID_HOST = "newsreel.example";
const ID_SHAPE = new RegExp(`^(.+)-([1-9]\\d*)@${ID_HOST}$`);
const PREFIX_SHAPE = /^[\w.+=$-]{1,200}$/;

/** Takes a message-id of a generated article apart; undefined for any other. */
export function parseGeneratedId(id: string): { readonly prefix: string; readonly partNumber: number } | undefined {
  const match = ID_SHAPE.exec(id);
  return match === null ? undefined : { prefix: match[1] as string, partNumber: Number(match[2]) };
}

/** A posted file whose articles are generated on demand: it needs no memory per part, however large it is. */
export class PostedFile implements NzbFileLines {
  readonly name: string;
  readonly size: number;
  readonly content: Content;
  readonly idPrefix: string;
  readonly poster: string;
  readonly groups: readonly string[];
  readonly postedAt: number;
  readonly partCount: number;
  readonly #post: FilePost;
  /** Half-open end of every part for a list of sizes; undefined when all parts but the last are of one size. */
  readonly #ends: Float64Array | undefined;
  readonly #partSize: number;

  /** Throws RangeError for part sizes that do not add up to the content, or a prefix that cannot stand in a message-id. */
  constructor(post: FilePost) {
    this.#post = post;
    this.name = post.name;
    this.content = post.content;
    this.size = post.content.size;
    this.idPrefix = post.idPrefix ?? createHash("sha1").update(`${post.name}\n${this.size}`).digest("hex").slice(0, 24);
    if (!PREFIX_SHAPE.test(this.idPrefix)) throw new RangeError("an id prefix is 1 to 200 letters, digits and .+=$-_");
    this.poster = post.poster ?? "Newsreel <newsreel@newsreel.example>";
    this.groups = post.groups ?? ["alt.binaries.test"];
    this.postedAt = post.postedAt ?? Date.UTC(2026, 0, 1);
    const { partSize = 716_800 } = post;
    if (typeof partSize === "number") {
      if (!Number.isSafeInteger(partSize) || partSize < 1) throw new RangeError("a part has at least one byte");
      this.#partSize = partSize;
      this.partCount = Math.max(1, Math.ceil(this.size / partSize));
    } else {
      this.#partSize = 0;
      this.#ends = endsOf(partSize, this.size);
      this.partCount = partSize.length;
    }
  }

  /** The subject of the first part, as NZBs have it. */
  get subject(): string {
    return this.#subjectOf(1);
  }

  /** One line per part, in order; `encodedSize` is an estimate within about 1 %. */
  get segments(): Iterable<NzbSegmentLine> {
    const lines = this.#segmentLines.bind(this);
    return { [Symbol.iterator]: lines };
  }

  *#segmentLines(): Generator<NzbSegmentLine> {
    for (let number = 1; number <= this.partCount; number += 1) {
      const { start, end } = this.partRange(number);
      // Four of 256 byte values are escaped, and each line of 128 ends in two bytes more.
      const encodedSize = Math.round((end - start) * (1 + 4 / 256) * (1 + 2 / 128)) + 100;
      yield { id: this.idOf(number), number, encodedSize };
    }
  }

  /** The message-id of a part, counted from 1. */
  idOf(partNumber: number): MessageId {
    return `${this.idPrefix}-${partNumber}@${ID_HOST}` as MessageId;
  }

  /** Which bytes of the file a part holds, counted from 1. */
  partRange(partNumber: number): ByteRange {
    if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > this.partCount) {
      throw new RangeError(`no part ${partNumber} in a file of ${this.partCount}`);
    }
    if (this.#ends !== undefined) {
      return {
        start: partNumber === 1 ? 0 : (this.#ends[partNumber - 2] as number),
        end: this.#ends[partNumber - 1] as number,
      };
    }
    return { start: (partNumber - 1) * this.#partSize, end: Math.min(partNumber * this.#partSize, this.size) };
  }

  /** Encodes the article of a part, counted from 1. */
  article(partNumber: number): Article {
    const { start, end } = this.partRange(partNumber);
    const single: PartHeader = { name: this.name, fileSize: this.size };
    const truth = this.partCount === 1 ? single : { ...single, begin: start, partNumber, totalParts: this.partCount };
    const body = encodeArticleBody({
      ...(this.#post.header?.(truth) ?? truth),
      bytes: this.content.read(start, end - start),
      lineLength: this.#post.lineLength ?? 128,
    });
    return makeArticle(this.idOf(partNumber), this.#head(partNumber), dotStuff(body));
  }

  #subjectOf(partNumber: number): string {
    return `${this.#post.subject ?? `"${this.name}" yEnc`} (${partNumber}/${this.partCount}) ${this.size}`;
  }

  #head(partNumber: number): Buffer {
    const lines = [
      "Path: newsreel.example!not-for-mail",
      `From: ${this.poster}`,
      `Newsgroups: ${this.groups.join(",")}`,
      `Subject: ${this.#subjectOf(partNumber)}`,
      `Date: ${new Date(this.postedAt).toUTCString().replace("GMT", "+0000")}`,
      `Message-ID: <${this.idOf(partNumber)}>`,
    ];
    // A line break in a name would forge headers.
    return Buffer.from(`${lines.map((line) => line.replace(/[\r\n\0]/g, " ")).join("\r\n")}\r\n`);
  }
}

function endsOf(sizes: readonly number[], total: number): Float64Array {
  let end = 0;
  const ends = Float64Array.from(sizes, (size) => {
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError("a part size is a whole number of bytes");
    end += size;
    return end;
  });
  if (sizes.length === 0 || end !== total)
    throw new RangeError(`part sizes add up to ${end}, the content has ${total} bytes`);
  return ends;
}
