import { NzbBuilder } from "./builder.ts";
import { type DecodeText, textDecoder } from "./charset.ts";
import { decodeEntities } from "./entities.ts";
import { malformed, type NzbLimits, tooLarge } from "./limits.ts";
import type { Nzb } from "./nzb.ts";
import { doctypeEnd, xmlEncoding } from "./prolog.ts";
import { scanSegmentRun } from "./segment-run.ts";
import { endTagName, isBlank, readTag, type Tag } from "./tag.ts";
import { notXmlHint } from "./wrong-document.ts";

const WINDOW_BYTES = 256 * 1024;
const LT = 0x3c;
const BANG = 0x21;
const QUESTION = 0x3f;
const SLASH = 0x2f;
const COMMENT = "<!--";
const CDATA = "<![CDATA[";
const DOCTYPE = "<!doctype";
/** Of other processing instructions nothing is needed, so they may be of any length. */
const XML_DECLARATION_BYTES = 1024;
const INCOMPLETE = -1;

/**
 * Reads an NZB from chunks cut anywhere, in one pass over a small window of it. Knows tags, text, comments, CDATA, processing instructions and
 * a DOCTYPE (skipped: nothing it declares is expanded or fetched); what the elements mean is the builder's. After an error it is of no use.
 */
export class NzbScanner {
  readonly #limits: NzbLimits;
  readonly #builder: NzbBuilder;
  /** One byte longer than it may be filled: the byte after the filled part is 0. */
  #window: Buffer;
  #filled = 0;
  /** Bytes of the document before the window. */
  #base = 0;
  #decode: DecodeText = textDecoder(undefined);
  /** Local names of the open elements. */
  readonly #open: string[] = [];
  #hasRoot = false;
  /** What ends the comment or the like in which the window begins. */
  #skipTo: string | undefined;

  /** The window grows when a tag is longer; it must hold a byte order mark. */
  constructor(limits: NzbLimits, windowBytes: number = WINDOW_BYTES) {
    this.#limits = limits;
    this.#builder = new NzbBuilder(limits);
    this.#window = Buffer.allocUnsafeSlow(windowBytes + 1);
  }

  feed(chunk: Uint8Array): void {
    if (this.#base + this.#filled + chunk.length > this.#limits.bytes) throw tooLarge(this.#limits.bytes, "bytes");
    for (let from = 0; from < chunk.length; ) {
      const room = this.#window.length - 1 - this.#filled;
      const piece = chunk.subarray(from, from + room);
      this.#window.set(piece, this.#filled);
      this.#filled += piece.length;
      from += piece.length;
      if (this.#filled === this.#window.length - 1) this.#advance();
    }
  }

  /** To be called after the last chunk. Throws NZB_MALFORMED when the document is not complete. */
  finish(): Nzb {
    this.#scan();
    if (!this.#hasRoot) {
      // Trimming takes a byte order mark too.
      const isEmpty = this.#base === 0 && this.#window.toString("utf8", 0, this.#filled).trim() === "";
      throw isEmpty
        ? malformed("the nzb is empty")
        : malformed("this is no nzb: it has no element at all", notXmlHint(""));
    }
    if (this.#open.length > 0) {
      throw malformed(
        `the nzb is cut off: it ends after ${this.#base + this.#filled} bytes inside <${this.#open.at(-1)?.slice(0, 50)}>, in file ${this.#builder.filesSoFar + 1}`,
        "it was not downloaded completely; download it again",
      );
    }
    return this.#builder.finish();
  }

  #advance(): void {
    const done = this.#scan();
    this.#window.copyWithin(0, done, this.#filled);
    this.#filled -= done;
    this.#base += done;
    if (this.#filled < this.#window.length - 1) return;
    const grown = Buffer.allocUnsafeSlow(this.#filled * 2 + 1);
    this.#window.copy(grown, 0, 0, this.#filled);
    this.#window = grown;
  }

  /** Reads as many whole tags and texts as the window holds; returns where the first one begins that it does not hold. */
  #scan(): number {
    this.#window[this.#filled] = 0;
    const bytes = this.#window.subarray(0, this.#filled);
    let at = this.#base === 0 && bytes.toString("latin1", 0, 3) === "\xef\xbb\xbf" ? 3 : 0;
    while (at < bytes.length) {
      const next = this.#skipTo === undefined ? this.#token(bytes, at) : this.#skip(bytes, at, this.#skipTo);
      if (next < at) return this.#skipTo === undefined ? at : Math.max(at, bytes.length - this.#skipTo.length + 1);
      at = next;
    }
    return at;
  }

  #skip(bytes: Buffer, at: number, end: string): number {
    const found = bytes.indexOf(end, at, "latin1");
    if (found < 0) return INCOMPLETE;
    this.#skipTo = undefined;
    return found + end.length;
  }

  /** Reads what begins at `at`; returns where the next thing begins, or INCOMPLETE. */
  #token(bytes: Buffer, at: number): number {
    if (bytes[at] !== LT) return this.#text(bytes, at);
    if (this.#builder.takesSegments) {
      const after = scanSegmentRun(this.#window, at, this.#builder.segments);
      if (after > at) {
        this.#builder.checkSegments();
        return after;
      }
    }
    if (at + 1 === bytes.length) return INCOMPLETE;
    if (bytes[at + 1] === BANG) return this.#declaration(bytes, at);
    if (bytes[at + 1] === QUESTION) return this.#instruction(bytes, at);
    if (bytes[at + 1] === SLASH) return this.#endTag(bytes, at);
    const tag = readTag(bytes, at);
    if (!("problem" in tag)) return this.#startTag(bytes, at, tag);
    if (!("at" in tag)) return this.#incomplete(bytes.length - at, 4 * this.#limits.valueBytes, "bytes in one tag");
    throw this.#wrong(tag.at, tag.problem);
  }

  #text(bytes: Buffer, at: number): number {
    let from = at;
    while (isBlank(bytes[from])) from += 1;
    // Most texts are the blanks between two tags.
    const found = bytes[from] === LT ? from : bytes.indexOf(LT, from);
    const end = found < 0 ? bytes.length : found;
    if (this.#builder.takesText) {
      if (end - at > this.#limits.valueBytes) throw tooLarge(this.#limits.valueBytes, "bytes in one text");
      if (found < 0) return INCOMPLETE;
      this.#builder.text(decodeEntities(this.#decode(bytes, at, end)));
    } else if (!this.#hasRoot && from < end) {
      throw malformed(
        "this is no nzb: it does not begin with <",
        notXmlHint(bytes.toString("latin1", from, from + 20)),
      );
    }
    return end;
  }

  #declaration(bytes: Buffer, at: number): number {
    const start = bytes.toString("latin1", at, at + CDATA.length).toLowerCase();
    if (start.startsWith(COMMENT)) {
      this.#skipTo = "-->";
      return at + COMMENT.length;
    }
    if (start === CDATA.toLowerCase() && this.#open.length > 0) {
      const from = at + CDATA.length;
      if (!this.#builder.takesText) {
        this.#skipTo = "]]>";
        return from;
      }
      const end = bytes.indexOf("]]>", from, "latin1");
      if (end < 0) return this.#incomplete(bytes.length - from, this.#limits.valueBytes, "bytes in one text");
      this.#builder.text(this.#decode(bytes, from, end));
      return end + 3;
    }
    if (start === DOCTYPE && !this.#hasRoot) {
      const end = doctypeEnd(bytes, at + DOCTYPE.length);
      if (end === undefined)
        return this.#incomplete(bytes.length - at, this.#limits.valueBytes, "bytes in its doctype");
      return end;
    }
    const isCut = bytes.length - at < CDATA.length;
    if (isCut && [COMMENT, CDATA.toLowerCase(), DOCTYPE].some((known) => known.startsWith(start))) return INCOMPLETE;
    throw this.#wrong(at, "a declaration where none may be");
  }

  #instruction(bytes: Buffer, at: number): number {
    const end = bytes.indexOf("?>", at + 2, "latin1");
    if (end < 0 && bytes.length - at < XML_DECLARATION_BYTES) return INCOMPLETE;
    this.#skipTo = "?>";
    if (end >= 0 && !this.#hasRoot) {
      const encoding = xmlEncoding(bytes.toString("latin1", at, end));
      if (encoding !== undefined) this.#decode = textDecoder(encoding);
    }
    return at + 2;
  }

  #startTag(bytes: Buffer, at: number, tag: Tag): number {
    const tooLong = tag.attributes.find(({ start, end }) => end - start > this.#limits.valueBytes);
    if (tooLong) throw tooLarge(this.#limits.valueBytes, "bytes in one attribute");
    if (this.#hasRoot && this.#open.length === 0) throw this.#wrong(at, "a second document after the end of the first");
    if (this.#open.length === this.#limits.depth) throw tooLarge(this.#limits.depth, "elements inside each other");
    const attribute = (name: string) => {
      const found = tag.attributes.find((candidate) => candidate.name === name);
      // XML 1.0 section 3.3.3: a line break or tab in an attribute is a space.
      return found && decodeEntities(this.#decode(bytes, found.start, found.end).replace(/[\t\r\n]/g, " "));
    };
    if (!this.#hasRoot) this.#builder.checkRoot(tag.name, attribute);
    this.#hasRoot = true;
    this.#builder.open(tag.name, attribute);
    if (tag.isEmpty) this.#builder.close(tag.name);
    else this.#open.push(tag.name);
    return tag.end;
  }

  #endTag(bytes: Buffer, at: number): number {
    const end = bytes.indexOf(">", at, "latin1");
    if (end < 0) return this.#incomplete(bytes.length - at, this.#limits.valueBytes, "bytes in one tag");
    const name = endTagName(bytes, at, end);
    const open = this.#open.pop();
    if (name !== open) {
      throw this.#wrong(
        at,
        `</${name.slice(0, 50)}> where ${open === undefined ? "nothing is open" : `</${open.slice(0, 50)}> is due`}`,
      );
    }
    this.#builder.close(name);
    return end + 1;
  }

  /** More of the document is needed, unless this much of it should have been enough. */
  #incomplete(bytes: number, limit: number, what: string): number {
    if (bytes > limit) throw tooLarge(limit, what);
    return INCOMPLETE;
  }

  #wrong(at: number, what: string) {
    return malformed(`the nzb is malformed at byte ${this.#base + at}: ${what}`);
  }
}
