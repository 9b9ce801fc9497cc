import type { FormatError } from "../base/errors.ts";
import { RarCursor } from "./rar-cursor.ts";
import { guardedCheck } from "./rar-keys.ts";
import type { RarEncryption, RarPart } from "./rar-volume.ts";
import { malformed } from "./refusals.ts";

const ENCRYPTION = 1;
const TIMES = 3;
const VERSION = 4;
const REDIRECTION = 5;

const HARD_LINK = 4;
const FILE_COPY = 5;

const MAX_LOG2_ROUNDS = 24;
const MAX_NAME_BYTES = 64 * 1024;
/** Milliseconds from 1601, where Windows' time begins, to 1970. */
const WINDOWS_EPOCH_MS = 11_644_473_600_000;

interface FileBlock {
  readonly flags: number;
  readonly fields: RarCursor;
  readonly extra: Buffer;
  readonly dataAt: number;
  readonly dataSize: number;
}

interface Extras {
  encryption?: RarEncryption;
  usesKeyedChecksums?: boolean;
  modifiedAt?: number | undefined;
  version?: number;
  redirection?: { readonly type: number; readonly target: string };
}

/** A RAR5 file header. Records of the extra area that cannot be read are passed over, but not the one about encryption. */
export function parseRar5File({ flags, fields, extra, dataAt, dataSize }: FileBlock): RarPart {
  const fileFlags = fields.vint();
  const size = fields.vint();
  fields.vint();
  const unixTime = fileFlags & 2 ? fields.u32() : undefined;
  const crc = fileFlags & 4 ? fields.u32() : undefined;
  const compression = fields.vint();
  fields.vint();
  const name = nameOf(fields);
  const extras = parseExtras(extra);
  const { redirection } = extras;
  const isCopy = redirection?.type === HARD_LINK || redirection?.type === FILE_COPY;
  return {
    path: extras.version ? `${name};${extras.version}` : name,
    size: fileFlags & 8 ? undefined : size,
    data: { start: dataAt, end: dataAt + dataSize },
    continuedFrom: (flags & 8) !== 0,
    continuesIn: (flags & 16) !== 0,
    method: (compression >>> 7) & 7,
    encryption: extras.encryption,
    crc32: extras.usesKeyedChecksums ? undefined : crc,
    modifiedAt: unixTime === undefined ? extras.modifiedAt : unixTime * 1000,
    kind: fileFlags & 1 ? "directory" : isCopy ? "copy" : redirection ? "link" : "file",
    target: redirection?.target,
  };
}

function nameOf(fields: RarCursor): string {
  const length = fields.vint();
  if (length > MAX_NAME_BYTES) throw malformed("a rar member's name is longer than any name");
  return fields.take(length).toString("utf8");
}

function parseExtras(area: Buffer): Extras {
  const extras: Extras = {};
  const cursor = new RarCursor(area);
  while (cursor.left > 0) {
    const record = nextRecord(cursor);
    if (!record) break;
    const type = record.vint();
    if (type === ENCRYPTION) {
      Object.assign(extras, parseEncryption(record));
      continue;
    }
    try {
      if (type === TIMES) extras.modifiedAt = parseTimes(record);
      else if (type === VERSION) extras.version = parseVersion(record);
      else if (type === REDIRECTION) extras.redirection = parseRedirection(record);
    } catch (error) {
      if ((error as FormatError).code !== "ARCHIVE_MALFORMED") throw error;
    }
  }
  return extras;
}

function nextRecord(cursor: RarCursor): RarCursor | undefined {
  const size = cursor.vint();
  return size > 0 && size <= cursor.left ? new RarCursor(cursor.take(size)) : undefined;
}

function parseEncryption(record: RarCursor): Extras {
  const version = record.vint();
  if (version !== 0) return { encryption: { kind: "unsupported", why: `in way ${version}, which is not known` } };
  const flags = record.vint();
  const log2Rounds = record.u8();
  if (log2Rounds > MAX_LOG2_ROUNDS) throw malformed("a rar member's encryption asks for an absurd amount of work");
  const salt = Buffer.from(record.take(16));
  const iv = Buffer.from(record.take(16));
  const check = flags & 1 ? guardedCheck(record.take(8), record.take(4)) : undefined;
  return { encryption: { kind: "rar5", salt, iv, log2Rounds, check }, usesKeyedChecksums: (flags & 2) !== 0 };
}

function parseTimes(record: RarCursor): number | undefined {
  const flags = record.vint();
  if ((flags & 2) === 0) return undefined;
  if (flags & 1) return record.u32() * 1000;
  const low = record.u32();
  return Math.floor((record.u32() * 2 ** 32 + low) / 10_000) - WINDOWS_EPOCH_MS;
}

function parseVersion(record: RarCursor): number {
  record.vint();
  return record.vint();
}

function parseRedirection(record: RarCursor): { type: number; target: string } {
  const type = record.vint();
  record.vint();
  return { type, target: nameOf(record) };
}
