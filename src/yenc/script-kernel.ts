import { crc32 } from "node:zlib";
import { type DecodeCursor, type DecodeEnd, LINE_START, type YencKernel } from "./kernel.ts";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const ESCAPE = 0x3d;
const CONTROL = 0x79;

/** What an encoded character, or one behind an escape character, is ahead of its byte; stores into a Buffer keep the low 8 bits. */
const SHIFT = 42;
const ESCAPED_SHIFT = 42 + 64;

const FOUR_ONES = 0x01010101;
const FOUR_SHIFTS = SHIFT * FOUR_ONES;
const FOUR_ESCAPES = ESCAPE * FOUR_ONES;
const FOUR_CRS = CR * FOUR_ONES;
const FOUR_LFS = LF * FOUR_ONES;
const TOP_BITS = 0x80808080 | 0;

const IN_LINE = 1;
const AFTER_ESCAPE = 2;
const AFTER_CR = 3;
const AFTER_DOT = 4;
const AFTER_DOT_CR = 5;
const AFTER_FIRST_ESCAPE = 6;

/** The kernel that runs everywhere. `reason` says why it must stand in for the native one. */
export function createScriptKernel(reason: string): YencKernel {
  return { name: "script", reason, decode, crc32: (bytes) => crc32(bytes) };
}

function decode(cursor: DecodeCursor): DecodeEnd {
  const { source, readEnd } = cursor;
  const from = viewOf(source);
  const to = viewOf(cursor.target);
  while (cursor.read < readEnd) {
    if (cursor.state === IN_LINE) {
      decodeLines(cursor, from, to);
      continue;
    }
    const character = source[cursor.read] as number;
    switch (cursor.state) {
      case LINE_START:
        if (character === DOT) advance(cursor, AFTER_DOT);
        else if (character === ESCAPE) advance(cursor, AFTER_FIRST_ESCAPE);
        else cursor.state = IN_LINE;
        break;
      case AFTER_DOT:
        if (character === CR) advance(cursor, AFTER_DOT_CR);
        else if (character === ESCAPE) advance(cursor, AFTER_FIRST_ESCAPE);
        else cursor.state = IN_LINE;
        break;
      case AFTER_DOT_CR:
        if (character === LF) {
          advance(cursor, LINE_START);
          return "terminator";
        }
        cursor.state = IN_LINE;
        break;
      case AFTER_FIRST_ESCAPE:
        if (character === CONTROL) {
          advance(cursor, LINE_START);
          return "control";
        }
        cursor.state = AFTER_ESCAPE;
        break;
      case AFTER_CR:
        if (character === LF) advance(cursor, LINE_START);
        else cursor.state = IN_LINE;
        break;
      default:
        // A line end is one even behind an escape character, or the terminator could be hidden.
        cursor.target[cursor.written++] = character - ESCAPED_SHIFT;
        if (character === CR) advance(cursor, AFTER_CR);
        else advance(cursor, IN_LINE);
    }
  }
  return "none";
}

function advance(cursor: DecodeCursor, state: number): void {
  cursor.read++;
  cursor.state = state;
}

/**
 * The hot loop: data and plain line ends, up to the first byte that needs a state. Four bytes are decoded at once and
 * stored before it is known how many of them are data: that costs less than asking byte by byte.
 */
function decodeLines(cursor: DecodeCursor, from: DataView, to: DataView): void {
  const { source, target, readEnd } = cursor;
  const lastWord = readEnd - 4;
  let read = cursor.read;
  let written = cursor.written;
  while (read < readEnd) {
    if (read <= lastWord) {
      const word = from.getInt32(read, true);
      // Subtracts 42 from each byte; the top bits are kept apart, so that no byte borrows from its neighbour.
      to.setInt32(written, ((word | TOP_BITS) - FOUR_SHIFTS) ^ ((word ^ ~FOUR_SHIFTS) & TOP_BITS), true);
      const special = zeroBytes(word ^ FOUR_ESCAPES) | zeroBytes(word ^ FOUR_CRS) | zeroBytes(word ^ FOUR_LFS);
      if (special === 0) {
        read += 4;
        written += 4;
        continue;
      }
      const plain = (31 - Math.clz32(special & -special)) >> 3;
      read += plain;
      written += plain;
    }
    const character = source[read++] as number;
    if (character === ESCAPE) {
      if (read === readEnd) {
        cursor.state = AFTER_ESCAPE;
        break;
      }
      const escaped = source[read] as number;
      target[written++] = escaped - ESCAPED_SHIFT;
      if (escaped !== CR) read++;
    } else if (character === CR) {
      if (read + 1 >= readEnd || source[read] !== LF) {
        cursor.state = AFTER_CR;
        break;
      }
      read++;
      const first = source[read] as number;
      if (first === DOT || first === ESCAPE) {
        cursor.state = LINE_START;
        break;
      }
    } else if (character !== LF) {
      target[written++] = character - SHIFT;
    }
  }
  cursor.read = read;
  cursor.written = written;
}

/** Top bit set in the lowest byte that is zero, and perhaps in bytes above that one; 0 when none is zero. */
function zeroBytes(word: number): number {
  return (word - FOUR_ONES) & ~word & TOP_BITS;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
