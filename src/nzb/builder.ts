import { parseMessageId } from "../base/message-id.ts";
import { PostDigest } from "./digest.ts";
import { malformed, type NzbLimits, tooLarge } from "./limits.ts";
import type { Nzb, NzbFile } from "./nzb.ts";
import { PackArena } from "./pack-arena.ts";
import { SegmentCollector } from "./segment-collector.ts";
import { parseSubject } from "./subject.ts";
import { withoutLayout } from "./trim.ts";
import { wrongRootHint } from "./wrong-document.ts";

/** The decoded value of the attribute of that (lower-case) name. */
type Attributes = (name: string) => string | undefined;

const MAX_ALTERNATES = 500_000;
const MAX_U32 = 0xffff_ffff;
const TEXT_OVERHEAD_BYTES = 32;
/** The last second of the year 9999. */
const LAST_SECOND = 253_402_300_799;
const REMEMBERED_TEXTS = 1000;

/** What elements mean: takes an NZB's tags and texts in document order and makes the Nzb of them. */
export class NzbBuilder {
  readonly segments = new SegmentCollector(MAX_ALTERNATES);
  readonly #limits: NzbLimits;
  readonly #arena = new PackArena();
  readonly #digest = new PostDigest();
  readonly #meta = { title: [] as string[], category: [] as string[], password: [] as string[], tag: [] as string[] };
  readonly #files: NzbFile[] = [];
  /** Groups and posters repeat in every file: one string serves all. */
  readonly #known = new Map<string, string>();
  #file: (Pick<NzbFile, "subject" | "poster" | "postedAt"> & { readonly groups: string[] }) | undefined;
  /** Who gets the text of the element that is open; undefined when nobody wants it. */
  #reader: ((text: string) => void) | undefined;
  #text = "";
  #parts = 0;
  #usable = 0;
  #textBytes = 0;

  constructor(limits: NzbLimits) {
    this.#limits = limits;
  }

  get filesSoFar(): number {
    return this.#files.length;
  }

  /** Whether a run of segments may follow: inside a file, and not inside an element whose text is read. */
  get takesSegments(): boolean {
    return this.#file !== undefined && this.#reader === undefined;
  }

  get takesText(): boolean {
    return this.#reader !== undefined;
  }

  /** The root's name must be checked before anything else is opened. */
  checkRoot(name: string, attribute: Attributes): void {
    if (name !== "nzb")
      throw malformed(`this is no nzb: its root element is <${name.slice(0, 50)}>`, wrongRootHint(name, attribute));
  }

  open(name: string, attribute: Attributes): void {
    if (this.#reader) {
      if (["file", "segment", "segments", "group", "meta"].includes(name))
        throw malformed(`the nzb has <${name}> inside an element of text`);
      return;
    }
    if (name === "file") this.#openFile(attribute);
    else if (name === "segment" && this.#file) {
      const number = wholeNumber(attribute("number"));
      const size = wholeNumber(attribute("bytes"));
      this.#read((text) => this.#addSegment(text, number, size));
    } else if (name === "group" && this.#file) this.#read((text) => this.#addGroup(text.trim()));
    else if (name === "meta" && !this.#file) {
      const type = attribute("type")?.trim().toLowerCase();
      this.#read((text) => this.#addMeta(type, text));
    }
  }

  text(piece: string): void {
    if (this.#text.length + piece.length > this.#limits.valueBytes)
      throw tooLarge(this.#limits.valueBytes, "bytes in one text");
    this.#text += piece;
  }

  close(name: string): void {
    if (name === "file") this.#closeFile();
    else if (this.#reader && (name === "segment" || name === "group" || name === "meta")) {
      const read = this.#reader;
      this.#reader = undefined;
      read(this.#text);
    }
  }

  /** To be called now and then: a run of segments is not counted while it is read. */
  checkSegments(): void {
    if (this.#parts + this.segments.count > this.#limits.segments) throw tooLarge(this.#limits.segments, "segments");
  }

  finish(): Nzb {
    if (this.#files.length === 0)
      throw malformed("the nzb has no files", "the indexer has lost its content; get it from another one");
    if (this.#usable === 0) {
      throw malformed(
        `the nzb has no usable segments in its ${this.#files.length} files`,
        "none of its files names an article that could be asked for; get it from another indexer",
      );
    }
    const { title, category, password, tag } = this.#meta;
    return {
      meta: { title: title[0], category: category[0], passwords: password, tags: tag },
      files: this.#files,
      digest: this.#digest.hex(),
    };
  }

  #openFile(attribute: Attributes): void {
    if (this.#file) throw malformed(`file ${this.#files.length + 1} of the nzb has another file inside it`);
    if (this.#files.length === this.#limits.files) throw tooLarge(this.#limits.files, "files");
    const seconds = wholeNumber(attribute("date"));
    this.#file = {
      subject: this.#counted(attribute("subject") ?? ""),
      poster: this.#remembered(this.#counted(attribute("poster") ?? "")),
      postedAt: seconds > 0 && seconds <= LAST_SECOND ? seconds * 1000 : undefined,
      groups: [],
    };
  }

  #closeFile(): void {
    const file = this.#file;
    if (!file) return;
    this.#file = undefined;
    this.#usable += this.segments.count - this.segments.rejected;
    const taken = this.segments.take(this.#arena, this.#limits.segments - this.#parts);
    if (!taken) throw tooLarge(this.#limits.segments, "segments, missing ones included");
    this.#parts += taken.segments.length;
    this.#digest.add(taken.segments);
    const { subject, poster, postedAt, groups } = file;
    const { name, partsHint } = parseSubject(subject);
    const { segments, rejectedIds } = taken;
    this.#files.push({ subject, poster, postedAt, groups, name, partsHint, segments, rejectedIds });
  }

  #read(reader: (text: string) => void): void {
    this.#text = "";
    this.#reader = reader;
  }

  #addSegment(text: string, number: number, size: number): void {
    this.segments.add(parseMessageId(text), Math.min(number, MAX_U32), Math.min(size, MAX_U32));
    this.checkSegments();
  }

  #addGroup(group: string): void {
    if (group !== "") this.#file?.groups.push(this.#remembered(this.#counted(group)));
  }

  #addMeta(type: string | undefined, text: string): void {
    if (type !== "title" && type !== "category" && type !== "password" && type !== "tag") return;
    // A password may begin or end with blanks, but never with a line break: that is how the XML was laid out.
    const value = type === "password" ? withoutLayout(text) : text.trim();
    if (value.trim() !== "") this.#meta[type].push(this.#counted(value));
  }

  #counted(text: string): string {
    this.#textBytes += text.length + TEXT_OVERHEAD_BYTES;
    if (this.#textBytes > this.#limits.textBytes)
      throw tooLarge(this.#limits.textBytes, "bytes of subjects and other texts");
    return text;
  }

  #remembered(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size < REMEMBERED_TEXTS) this.#known.set(text, text);
    return text;
  }
}

/** 0 for anything but decimal digits, so also for what is absent or negative. */
function wholeNumber(text: string | undefined): number {
  return text !== undefined && /^\s*\d+\s*$/.test(text) ? Number(text) : 0;
}
