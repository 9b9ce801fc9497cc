/** The `=ybegin` line. Everything but the part number is a hint. */
export interface BeginHeader {
  readonly partNumber: number | undefined;
  readonly totalParts: number | undefined;
  readonly fileSize: number | undefined;
  readonly name: string | undefined;
  /** An `=ypart` line that some posters put behind the name. */
  readonly part: PartHeader | undefined;
}

/** The `=ypart` line as it stands: counted from 1, both ends inclusive; undefined what is missing or no number. */
export interface PartHeader {
  readonly first: number | undefined;
  readonly last: number | undefined;
}

/** The `=yend` line. Its part number says nothing: some servers always write 0. */
export interface EndHeader {
  readonly size: number | undefined;
  /** Of this part. */
  readonly partCrc: number | undefined;
  /** Of the whole file. */
  readonly fileCrc: number | undefined;
}

export type ControlKind = "begin" | "part" | "end";

/** Which control line this is (yEnc 1.3), or undefined for any other line. */
export function controlKind(line: string): ControlKind | undefined {
  return /^=y(begin|part|end)(?:[ \t]|$)/.exec(line)?.[1] as ControlKind | undefined;
}

/** A decimal number below 10^15, so that sums stay exact. */
const numberPattern = (key: string) => new RegExp(`[ \\t]${key}=(\\d{1,15})(?:[ \\t]|$)`);
/** The last eight of the hexadecimal digits, since some posters pad with `ffffffff`; fewer say nothing. */
const crcPattern = (key: string) => new RegExp(`[ \\t]${key}=[0-9a-f]*([0-9a-f]{8})(?:[ \\t]|$)`, "i");

const PART = numberPattern("part");
const TOTAL = numberPattern("total");
const SIZE = numberPattern("size");
const BEGIN = numberPattern("begin");
const END = numberPattern("end");
const PART_CRC = crcPattern("pcrc32");
const FILE_CRC = crcPattern("crc32");

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** What Windows-1252 has where Latin-1 has controls. Not left to TextDecoder, which Node 20 lets read it as Latin-1. */
const WINDOWS_1252 = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** Reads an `=ybegin` line, one character per byte. */
export function parseBegin(line: string): BeginHeader {
  const partAt = line.indexOf(" =ypart ");
  const own = partAt < 0 ? line : line.slice(0, partAt);
  const nameAt = own.search(/[ \t]name=/);
  const fields = nameAt < 0 ? own : own.slice(0, nameAt);
  return {
    partNumber: numberField(fields, PART),
    totalParts: numberField(fields, TOTAL),
    fileSize: numberField(fields, SIZE),
    name: nameAt < 0 ? undefined : decodeName(own.slice(nameAt + " name=".length)),
    part: partAt < 0 ? undefined : parsePart(line.slice(partAt)),
  };
}

/** Reads an `=ypart` line. */
export function parsePart(line: string): PartHeader {
  return { first: numberField(line, BEGIN), last: numberField(line, END) };
}

/** Reads an `=yend` line. */
export function parseEnd(line: string): EndHeader {
  return { size: numberField(line, SIZE), partCrc: crcField(line, PART_CRC), fileCrc: crcField(line, FILE_CRC) };
}

function numberField(line: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function crcField(line: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(line)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** UTF-8 if it is that, else Windows-1252; without control characters and outer blanks. */
function decodeName(characters: string): string | undefined {
  const name = decodeText(characters)
    .replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "")
    .trim();
  return name === "" ? undefined : name;
}

function decodeText(characters: string): string {
  try {
    return utf8.decode(Buffer.from(characters, "latin1"));
  } catch {
    return characters.replaceAll(/[\x80-\x9f]/g, (control) => WINDOWS_1252.charAt(control.charCodeAt(0) - 0x80));
  }
}
