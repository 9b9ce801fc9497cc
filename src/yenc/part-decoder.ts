import { FormatError } from "../base/errors.ts";
import type { Slot } from "../base/slot.ts";
import {
  type BeginHeader,
  controlKind,
  type EndHeader,
  type PartHeader,
  parseBegin,
  parseEnd,
  parsePart,
} from "./header.ts";
import { type DecodeCursor, LINE_START, type YencKernel } from "./kernel.ts";
import { LineReader } from "./line-reader.ts";
import type { PartInfo } from "./part-info.ts";
import { isUuencoded } from "./uuencode.ts";

/** Where bytes are decoded to that no slot has room for, so that the end of the block is still found. */
const SPILL = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * Decodes one article into a slot as its bytes arrive: the multi-line block that follows a 222 or 220 line, still
 * dot-stuffed, cut anywhere. Whatever the article says, the block is followed to its end, so that the replies behind it
 * stay in step; what is wrong with it is said at the end. Owns nothing; may be dropped at any time.
 */
export class PartDecoder {
  readonly #slot: Slot;
  readonly #kernel: YencKernel;
  readonly #line = new LineReader();
  readonly #cursor: DecodeCursor = { source: SPILL, read: 0, readEnd: 0, target: SPILL, written: 0, state: LINE_START };
  /** Lines before `=ybegin`; data; a control line among the data; lines behind `=yend`. */
  #phase: "before" | "data" | "control" | "after" | "ended" = "before";
  #filled = 0;
  #isOverfull = false;
  #isAbandoned = false;
  #begin: BeginHeader | undefined;
  #part: PartHeader | undefined;
  #end: EndHeader | undefined;
  #hasSecondBegin = false;
  #isUuencoded = false;
  #isEmpty = true;

  constructor(slot: Slot, kernel: YencKernel) {
    this.#slot = slot;
    this.#kernel = kernel;
  }

  /** Whether the line that ends the block was passed. */
  get isEnded(): boolean {
    return this.#phase === "ended";
  }

  /** Decoded bytes in the slot so far. */
  get filled(): number {
    return this.#filled;
  }

  /** Takes bytes [start, end); returns the offset of the first one not consumed: `end`, unless the terminator was passed. */
  write(chunk: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && this.#phase !== "ended") {
      at = this.#phase === "data" ? this.#decode(chunk, at, end) : this.#readLine(chunk, at, end);
    }
    return at;
  }

  /** Nobody wants the part any more: nothing is written to the slot from here on, and `finish` throws. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** The verified part, once the block has ended; throws YENC_MALFORMED with a phrase that says what is wrong. */
  finish(): PartInfo {
    const begin = this.#begin;
    const end = this.#end;
    if (this.#phase !== "ended" || this.#isAbandoned) throw malformed("the article was not received to its end");
    if (begin === undefined) throw malformed(this.#whyNotYenc());
    if (this.#hasSecondBegin) throw malformed("the article has two =ybegin lines");
    if (this.#isOverfull)
      throw malformed(`the part is larger than the ${this.#slot.bytes.length} bytes there is room for`);
    if (end === undefined) throw malformed("the article has no =yend line");

    const size = this.#filled;
    if (end.size !== undefined && end.size !== size) {
      throw malformed(`the part has ${size} bytes, and =yend says ${end.size}`);
    }
    const part = this.#part ?? begin.part;
    // The offset 0 does not exist; a poster who writes it counts in a way of its own, and the other end is no better.
    const first = part?.first === 0 ? undefined : part?.first;
    if (first !== undefined && part?.last !== undefined && part.last - first + 1 !== size) {
      throw malformed(`the part has ${size} bytes, and =ypart says ${first} to ${part.last}`);
    }
    const isWholeFile = begin.partNumber === undefined && part === undefined && (begin.totalParts ?? 1) <= 1;
    return {
      size,
      begin: isWholeFile ? 0 : first === undefined ? undefined : first - 1,
      partNumber: begin.partNumber,
      totalParts: begin.totalParts,
      fileSize: begin.fileSize,
      name: begin.name,
      isChecked: this.#check(isWholeFile ? (end.partCrc ?? end.fileCrc) : end.partCrc),
    };
  }

  #decode(chunk: Buffer, start: number, end: number): number {
    const cursor = this.#cursor;
    const room = this.#makeRoom(end - start);
    cursor.source = chunk;
    cursor.read = start;
    cursor.target = room > 0 ? this.#slot.bytes : SPILL;
    cursor.written = room > 0 ? this.#filled : 0;
    cursor.readEnd = Math.min(end, start + (room > 0 ? room : SPILL.length));
    const stop = this.#kernel.decode(cursor);
    if (room > 0) this.#filled = cursor.written;
    else if (cursor.written > 0) this.#isOverfull = true;

    if (stop === "terminator") this.#phase = "ended";
    if (stop === "control") {
      this.#phase = "control";
      this.#line.clear("=y");
    }
    return cursor.read;
  }

  /** Room in the slot for decoded bytes, `wanted` if at all possible; none once a byte was dropped. */
  #makeRoom(wanted: number): number {
    if (this.#isOverfull || this.#isAbandoned) return 0;
    if (this.#slot.bytes.length - this.#filled < wanted) this.#slot.grow?.(this.#filled + wanted);
    return this.#slot.bytes.length - this.#filled;
  }

  #readLine(chunk: Buffer, start: number, end: number): number {
    const at = this.#line.read(chunk, start, end);
    if (this.#line.isComplete) {
      if (this.#line.isTerminator) this.#phase = "ended";
      else this.#take(this.#line.text);
    }
    return at;
  }

  #take(line: string): void {
    const kind = controlKind(line);
    this.#isEmpty = false;
    if (this.#phase === "control") this.#phase = "data";
    if (kind === "begin" && this.#begin === undefined) {
      this.#begin = parseBegin(line);
      this.#phase = "data";
    } else if (kind === "begin") {
      this.#hasSecondBegin = true;
    } else if (this.#begin === undefined) {
      this.#isUuencoded ||= isUuencoded(line);
    } else if (this.#end !== undefined) {
      return;
    } else if (kind === "part") {
      this.#part ??= parsePart(line);
    } else if (kind === "end") {
      this.#end = parseEnd(line);
      this.#phase = "after";
    }
  }

  #whyNotYenc(): string {
    if (this.#isUuencoded) return "the article is uuencoded, and only yEnc can be decoded";
    return this.#isEmpty ? "the article is empty" : "the article has no =ybegin line";
  }

  /** Whether there was a checksum to compare; throws when it is not that of the part. */
  #check(expected: number | undefined): boolean {
    if (expected === undefined) return false;
    const actual = this.#kernel.crc32(this.#slot.bytes.subarray(0, this.#filled));
    if (actual !== expected)
      throw malformed(`the part has the checksum ${hex(actual)}, and =yend says ${hex(expected)}`);
    return true;
  }
}

function malformed(message: string): FormatError {
  return new FormatError("YENC_MALFORMED", message);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
