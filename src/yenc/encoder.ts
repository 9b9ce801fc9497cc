import { crc32 } from "node:zlib";

/** One part to be written as the body of an article. A part of many has a `partNumber`; without one it is the whole file. */
export interface ArticleBody {
  /** File name; control characters in it are left out. */
  readonly name: string;
  /** Size of the whole file. */
  readonly fileSize: number;
  /** The bytes of this part. */
  readonly bytes: Uint8Array;
  /** Offset of the first byte in the file, counted from 0; used with `partNumber` only. */
  readonly begin?: number;
  /** Counted from 1. */
  readonly partNumber?: number;
  readonly totalParts?: number;
  /** Encoded characters per line; a line may be one longer when it ends with an escape. */
  readonly lineLength?: number;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const ESCAPE = 0x3d;

/** 1 where the encoded character may never stand as it is (yEnc 1.3): NUL, LF, CR and the escape character. */
const isCritical = new Uint8Array(256);
for (const character of [0x00, LF, CR, ESCAPE]) isCritical[character] = 1;

/** The complete body from `=ybegin` to `=yend`, lines ended by CRLF; neither dot-stuffed nor terminated (see dotStuff). */
export function encodeArticleBody(body: ArticleBody): Buffer {
  const { bytes, partNumber, lineLength = 128 } = body;
  const checksum = crc32(bytes).toString(16).padStart(8, "0");
  const head =
    partNumber === undefined
      ? beginLine(body, "", lineLength)
      : beginLine(body, partFields(partNumber, body.totalParts), lineLength) + partLine(body.begin ?? 0, bytes.length);
  const tail =
    partNumber === undefined
      ? `=yend size=${bytes.length} crc32=${checksum}\r\n`
      : `=yend size=${bytes.length} part=${partNumber} pcrc32=${checksum}\r\n`;
  return Buffer.concat([Buffer.from(head), encodeLines(bytes, lineLength), Buffer.from(tail)]);
}

/** A body as it crosses the wire (RFC 3977 section 3.1.1): leading dots doubled, ended by the line with a single dot. */
export function dotStuff(body: Uint8Array): Buffer {
  const source = Buffer.from(body.buffer, body.byteOffset, body.length);
  const pieces: Uint8Array[] = [];
  let done = 0;
  for (let dot = source[0] === 0x2e ? 0 : nextLeadingDot(source, 0); dot >= 0; dot = nextLeadingDot(source, dot)) {
    pieces.push(source.subarray(done, dot + 1));
    done = dot;
  }
  pieces.push(source.subarray(done));
  const hasOpenLine = source.length > 0 && !(source.at(-2) === CR && source.at(-1) === LF);
  pieces.push(Buffer.from(hasOpenLine ? "\r\n.\r\n" : ".\r\n"));
  return Buffer.concat(pieces);
}

/** Offset of the next dot that follows a CRLF, or -1. */
function nextLeadingDot(source: Buffer, from: number): number {
  const found = source.indexOf("\r\n.", from, "latin1");
  return found < 0 ? -1 : found + 2;
}

function partFields(partNumber: number, totalParts: number | undefined): string {
  return ` part=${partNumber}${totalParts === undefined ? "" : ` total=${totalParts}`}`;
}

function beginLine({ name, fileSize }: ArticleBody, part: string, lineLength: number): string {
  const printable = name.replaceAll(/[\x00-\x1f\x7f]/g, "");
  return `=ybegin${part} line=${lineLength} size=${fileSize} name=${printable}\r\n`;
}

function partLine(begin: number, size: number): string {
  return `=ypart begin=${begin + 1} end=${begin + size}\r\n`;
}

function encodeLines(bytes: Uint8Array, lineLength: number): Buffer {
  const size = bytes.length;
  const longest = 2 * size + 3 * Math.ceil((2 * size) / lineLength);
  const out = Buffer.allocUnsafeSlow(longest);
  let at = 0;
  let done = 0;
  while (done < size) {
    const lineStart = at;
    const lineEnd = at + lineLength;
    while (at < lineEnd && done < size) {
      const character = ((bytes[done++] as number) + 42) & 0xff;
      const isBlankAtStart = at === lineStart && (character === TAB || character === SPACE);
      if (isCritical[character] === 1 || isBlankAtStart) {
        out[at++] = ESCAPE;
        out[at++] = character + 64;
      } else {
        out[at++] = character;
      }
    }
    // Servers strip blanks from line ends. What follows an escape character is never a blank, so this one is data.
    const last = out[at - 1] as number;
    if (last === TAB || last === SPACE) {
      out[at - 1] = ESCAPE;
      out[at++] = last + 64;
    }
    out[at++] = CR;
    out[at++] = LF;
  }
  return out.subarray(0, at);
}
