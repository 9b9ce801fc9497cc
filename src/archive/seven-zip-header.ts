import type { Coder, Folder, SevenZipFile, SevenZipHeader, StreamsInfo, Substream } from "./seven-zip-model.ts";
import { malformedSevenZip, SevenZipCursor } from "./seven-zip-numbers.ts";

/** Property ids of 7zFormat.txt. */
const ID = {
  end: 0x00,
  header: 0x01,
  archiveProperties: 0x02,
  additionalStreams: 0x03,
  mainStreams: 0x04,
  files: 0x05,
  packInfo: 0x06,
  unpackInfo: 0x07,
  substreams: 0x08,
  size: 0x09,
  crc: 0x0a,
  folder: 0x0b,
  unpackSizes: 0x0c,
  streamCounts: 0x0d,
  emptyStream: 0x0e,
  emptyFile: 0x0f,
  anti: 0x10,
  names: 0x11,
  modifiedAt: 0x14,
  attributes: 0x15,
  encodedHeader: 0x17,
} as const;

/** 7-Zip itself reads no folder with more than this many of each. */
const MAX_STREAMS_PER_FOLDER = 32;
const MAX_CODERS_PER_FOLDER = 32;
/** In all folders; real ones have one or two. */
const MAX_CODERS = 500_000;
const MAX_ID_BYTES = 8;
/** Far above any real archive; keeps the list of members in tens of megabytes. */
const MAX_FILES = 250_000;
const DIRECTORY_ATTRIBUTE = 0x10;
const REPARSE_POINT_ATTRIBUTE = 0x400;
/** Then the high half of the attributes is a Unix mode. */
const UNIX_ATTRIBUTE = 0x8000;
const TYPE_MASK = 0o170000;
const TYPE_LINK = 0o120000;
const FILETIME_OF_1970 = 116_444_736_000_000_000n;

/** The header, or where the packed header lies that stands for it. Throws ARCHIVE_MALFORMED. */
export function parseSevenZipHeader(bytes: Buffer): SevenZipHeader | { readonly encoded: StreamsInfo } {
  const cursor = new SevenZipCursor(bytes);
  const kind = cursor.number();
  if (kind === ID.encodedHeader) return { encoded: streamsInfo(cursor) };
  if (kind !== ID.header) throw malformedSevenZip("its header is of no known kind");
  let streams: StreamsInfo = { packPosition: 0, packSizes: [], folders: [] };
  let files: readonly SevenZipFile[] = [];
  for (const id of sections(cursor)) {
    if (id === ID.archiveProperties) skipProperties(cursor);
    else if (id === ID.additionalStreams) streamsInfo(cursor);
    else if (id === ID.mainStreams) streams = streamsInfo(cursor);
    else if (id === ID.files) files = filesInfo(cursor);
    else throw malformedSevenZip("its header holds something unknown");
  }
  return { streams, files };
}

/** The ids up to the end of a list. Each stands there once: repeated, a few bytes could cost the work of a whole list. */
function* sections(cursor: SevenZipCursor): Generator<number, void, undefined> {
  const seen = new Set<number>();
  for (let id = cursor.number(); id !== ID.end; id = cursor.number()) {
    if (seen.has(id)) throw malformedSevenZip("a part of its header is there twice");
    seen.add(id);
    yield id;
  }
}

function skipProperties(cursor: SevenZipCursor): void {
  for (let id = cursor.number(); id !== ID.end; id = cursor.number()) cursor.bytes(cursor.number());
}

function streamsInfo(cursor: SevenZipCursor): StreamsInfo {
  let pack = { packPosition: 0, packSizes: [] as number[] };
  let folders: Folder[] = [];
  for (const id of sections(cursor)) {
    if (id === ID.packInfo) pack = packInfo(cursor);
    else if (id === ID.unpackInfo) folders = unpackInfo(cursor);
    else if (id === ID.substreams) substreams(cursor, folders);
    else throw malformedSevenZip("its list of streams holds something unknown");
  }
  return { ...pack, folders };
}

function packInfo(cursor: SevenZipCursor): { packPosition: number; packSizes: number[] } {
  const packPosition = cursor.number();
  const count = cursor.count();
  if (count > MAX_CODERS) throw tooMany();
  const packSizes: number[] = [];
  for (const id of sections(cursor)) {
    if (id === ID.size) for (let i = 0; i < count; i++) packSizes.push(cursor.number());
    else if (id === ID.crc) checksums(cursor, count);
    else throw malformedSevenZip("its list of packed streams holds something unknown");
  }
  if (packSizes.length !== count) throw malformedSevenZip("the sizes of its packed streams are missing");
  return { packPosition, packSizes };
}

function unpackInfo(cursor: SevenZipCursor): Folder[] {
  if (cursor.number() !== ID.folder) throw malformedSevenZip("its folders are missing");
  const count = cursor.count();
  if (cursor.byte() !== 0) throw malformedSevenZip("its folders are described elsewhere, which no real archive does");
  if (count > MAX_FILES) throw tooMany();
  const folders: Folder[] = [];
  let coders = 0;
  for (let i = 0; i < count; i++) {
    const read = folder(cursor);
    coders += read.coders.length;
    if (coders > MAX_CODERS) throw tooMany();
    folders.push(read);
  }
  for (const id of sections(cursor)) {
    if (id === ID.unpackSizes) {
      for (const { coders, unpackSizes } of folders) {
        for (const { outputs } of coders) for (let i = 0; i < outputs; i++) unpackSizes.push(cursor.number());
      }
    } else if (id === ID.crc) {
      checksums(cursor, count).forEach((crc, index) => {
        (folders[index] as Folder).crc32 = crc;
      });
    } else throw malformedSevenZip("its list of folders holds something unknown");
  }
  for (const folder of folders) {
    if (folder.unpackSizes.length === 0) throw malformedSevenZip("the sizes of its folders are missing");
    folder.substreams = [{ size: sizeOf(folder), crc32: folder.crc32 }];
  }
  return folders;
}

function folder(cursor: SevenZipCursor): Folder {
  const coders: Coder[] = [];
  let inputs = 0;
  let outputs = 0;
  const count = cursor.number();
  if (count > MAX_CODERS_PER_FOLDER) throw malformedSevenZip("a folder has more coders than any real one");
  for (let i = 0; i < count; i++) {
    const coder = readCoder(cursor);
    inputs += coder.inputs;
    outputs += coder.outputs;
    if (inputs > MAX_STREAMS_PER_FOLDER || outputs > MAX_STREAMS_PER_FOLDER) {
      throw malformedSevenZip("a folder has more streams than any real one");
    }
    coders.push(coder);
  }
  if (outputs === 0) throw malformedSevenZip("a folder has no streams");
  const binds: [number, number][] = [];
  for (let i = 0; i < outputs - 1; i++) {
    const bind: [number, number] = [cursor.number(), cursor.number()];
    if (bind[0] >= inputs || bind[1] >= outputs) throw malformedSevenZip("a folder joins streams that are not there");
    binds.push(bind);
  }
  const packedCount = inputs - binds.length;
  if (packedCount < 1) throw malformedSevenZip("a folder has no packed streams");
  const bound = new Set(binds.map(([input]) => input));
  const packedInputs: number[] = [];
  if (packedCount === 1) {
    for (let input = 0; input < inputs; input++) if (!bound.has(input)) packedInputs.push(input);
  } else for (let i = 0; i < packedCount; i++) packedInputs.push(cursor.number());
  return { coders, binds, packedInputs, unpackSizes: [], crc32: undefined, substreams: [] };
}

function readCoder(cursor: SevenZipCursor): Coder {
  const flags = cursor.byte();
  const idBytes = flags & 0x0f;
  if (idBytes > MAX_ID_BYTES || (flags & 0xc0) !== 0) throw malformedSevenZip("a coder is of no known form");
  const id = cursor.bytes(idBytes).toString("hex").toUpperCase();
  const isComplex = (flags & 0x10) !== 0;
  const inputs = isComplex ? cursor.number() : 1;
  const outputs = isComplex ? cursor.number() : 1;
  const properties = (flags & 0x20) === 0 ? Buffer.alloc(0) : Buffer.from(cursor.bytes(cursor.number()));
  return { id, inputs, outputs, properties };
}

/** The size of what a folder unpacks to: of the one output that feeds no other coder. */
function sizeOf({ binds, unpackSizes }: Folder): number {
  const bound = new Set(binds.map(([, output]) => output));
  const size = unpackSizes.find((_, output) => !bound.has(output));
  if (size === undefined) throw malformedSevenZip("a folder has no end");
  return size;
}

function substreams(cursor: SevenZipCursor, folders: readonly Folder[]): void {
  const counts = folders.map(() => 1);
  let hasSizes = false;
  let isSplit = false;
  const splitAll = () => {
    if (isSplit) return;
    isSplit = true;
    if (counts.reduce((sum, count) => sum + count, 0) > MAX_FILES) throw tooMany();
    folders.forEach((folder, index) => {
      folder.substreams = split(folder, counts[index] as number, () => (hasSizes ? cursor.number() : undefined));
    });
  };
  for (const id of sections(cursor)) {
    if (id === ID.streamCounts && !isSplit) for (const index of folders.keys()) counts[index] = cursor.number();
    else if (id === ID.size && !isSplit) {
      hasSizes = true;
      splitAll();
    } else if (id === ID.crc) {
      splitAll();
      const unknown = folders.flatMap((folder) => folder.substreams.filter(({ crc32 }) => crc32 === undefined));
      checksums(cursor, unknown.length).forEach((crc, index) => {
        (unknown[index] as Substream).crc32 = crc;
      });
    } else throw malformedSevenZip("its list of members holds something unknown");
  }
  splitAll();
}

function split(folder: Folder, count: number, nextSize: () => number | undefined): Substream[] {
  const whole = sizeOf(folder);
  if (count === 1) return [{ size: whole, crc32: folder.crc32 }];
  const parts: Substream[] = [];
  let left = whole;
  for (let i = 0; i + 1 < count; i++) {
    const size = nextSize();
    if (size === undefined || size > left) throw malformedSevenZip("the sizes of its members do not add up");
    left -= size;
    parts.push({ size, crc32: undefined });
  }
  if (count > 0) parts.push({ size: left, crc32: undefined });
  return parts;
}

function checksums(cursor: SevenZipCursor, count: number): (number | undefined)[] {
  if (count > cursor.left * 8) throw malformedSevenZip("its header promises more than it can hold");
  return cursor.optionalFlags(count).map((isKnown) => (isKnown ? cursor.u32() : undefined));
}

function filesInfo(cursor: SevenZipCursor): readonly SevenZipFile[] {
  const count = cursor.count();
  if (count > MAX_FILES) throw tooMany();
  let isStreamless: readonly boolean[] = [];
  let streamless = 0;
  let emptyFiles: readonly boolean[] = [];
  let anti: readonly boolean[] = [];
  let names: readonly string[] = [];
  let times: readonly (number | undefined)[] = [];
  let attributes: readonly (number | undefined)[] = [];
  for (let id = cursor.number(); id !== ID.end; id = cursor.number()) {
    const part = new SevenZipCursor(cursor.bytes(cursor.number()));
    if (id === ID.emptyStream) {
      isStreamless = part.flags(count);
      streamless = isStreamless.filter(Boolean).length;
    } else if (id === ID.emptyFile) emptyFiles = part.flags(streamless);
    else if (id === ID.anti) anti = part.flags(streamless);
    else if (id === ID.names) names = readNames(part, count);
    else if (id === ID.modifiedAt) times = readOptional(part, count, () => fromFileTime(part.u64()));
    else if (id === ID.attributes) attributes = readOptional(part, count, () => part.u32());
  }
  let empty = 0;
  return Array.from({ length: count }, (_, index) => {
    const hasStream = isStreamless[index] !== true;
    const isEmptyFile = !hasStream && emptyFiles[empty] === true;
    const isAnti = !hasStream && anti[empty] === true;
    if (!hasStream) empty += 1;
    const attribute = attributes[index] ?? 0;
    const isFolder = hasStream ? false : !isEmptyFile || (attribute & DIRECTORY_ATTRIBUTE) !== 0;
    const isLink = isLinkBy(attribute);
    return { path: names[index], hasStream, isListed: !isFolder && !isAnti, isLink, modifiedAt: times[index] };
  });
}

function isLinkBy(attribute: number): boolean {
  if ((attribute & REPARSE_POINT_ATTRIBUTE) !== 0) return true;
  return (attribute & UNIX_ATTRIBUTE) !== 0 && ((attribute >>> 16) & TYPE_MASK) === TYPE_LINK;
}

function tooMany(): Error {
  return malformedSevenZip(`it has more than ${MAX_FILES} members`);
}

function readNames(part: SevenZipCursor, count: number): readonly string[] {
  if (part.byte() !== 0) throw malformedSevenZip("its names are described elsewhere, which no real archive does");
  const text = part.bytes(part.left - (part.left % 2)).toString("utf16le");
  const names = text.split("\0", count + 1);
  if (names.length !== count + 1) throw malformedSevenZip("names are missing");
  names.pop();
  return names;
}

function readOptional(part: SevenZipCursor, count: number, read: () => number | undefined): (number | undefined)[] {
  const isKnown = part.optionalFlags(count);
  if (part.byte() !== 0) throw malformedSevenZip("its members are described elsewhere, which no real archive does");
  return isKnown.map((known) => (known ? read() : undefined));
}

/** From 100 ns since 1601; undefined where no Date can hold it. */
function fromFileTime(time: bigint): number | undefined {
  const ms = Number((time - FILETIME_OF_1970) / 10_000n);
  return Math.abs(ms) <= 8.64e15 ? ms : undefined;
}
