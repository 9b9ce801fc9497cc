import { crc32 } from "node:zlib";
import { bytesContent, type Content, patternContent } from "../../../src/newsserver/content.ts";
import { type RarSpec, writeRar } from "../../archive/rar-writer.ts";
import { Rar4Format } from "../../archive/rar-writer-4.ts";
import { Rar5Format } from "../../archive/rar-writer-5.ts";
import { bytesOf, decrypted, joined, type Named, slice } from "./contents.ts";

export interface SmallRar extends Omit<RarSpec, "members"> {
  readonly files: readonly Named[];
  /** Folders, which have entries of their own. */
  readonly folders?: readonly string[];
}

/** The volumes of a set that is small enough to be encrypted and to have true checksums. */
export function smallRar({ files, folders = [], ...spec }: SmallRar): readonly Named[] {
  const members = [
    ...folders.map((path) => ({ path, content: Buffer.alloc(0), isDirectory: true })),
    ...files.map(({ name, content }) => ({ path: name, content: bytesOf(content) })),
  ];
  return writeRar({ ...spec, members }).map(({ name, bytes }) => ({ name, content: bytesContent(bytes) }));
}

export interface LargeRar {
  readonly format: 4 | 5;
  readonly path: string;
  readonly volumes: number;
  /** Bytes of the member in each volume but the last, which has a third of it. */
  readonly dataBytes: number;
  readonly password?: string;
  readonly encryptsHeaders?: boolean;
  readonly names?: "new" | "old";
}

export interface LargeRarSet {
  readonly volumes: readonly Named[];
  readonly film: Content;
}

/** A set of any size: true headers around pattern content, which is the ciphertext where there is a password. */
export function largeRar({ path, volumes: count, dataBytes, ...spec }: LargeRar): LargeRarSet {
  const format =
    spec.format === 4
      ? new Rar4Format({ ...spec, members: [], volumeSize: dataBytes })
      : new Rar5Format({ ...spec, members: [], volumeSize: dataBytes });
  const packedTotal = Math.ceil((dataBytes * (count - 1) + dataBytes / 3) / 16) * 16;
  const packed = patternContent(count, packedTotal);
  const size = format.cipher === undefined ? packedTotal : packedTotal - 5;
  const member = { path, content: Buffer.alloc(0) };
  const volumes = Array.from({ length: count }, (_, number): Named => {
    const start = number * dataBytes;
    const end = Math.min(packedTotal, start + dataBytes);
    const isLast = number === count - 1;
    const header = { member, size, packedSize: end - start, packedCrc: number + 1 };
    const head = [format.begin(number), format.part({ ...header, continuedFrom: number > 0, continuesIn: !isLast })];
    const tail = format.end(number, !isLast);
    const content = joined([bytesContent(Buffer.concat(head)), slice(packed, start, end), bytesContent(tail)]);
    return { name: `large.part${String(number + 1).padStart(4, "0")}.rar`, content };
  });
  return { volumes, film: format.cipher === undefined ? packed : decrypted(packed, size, format.cipher) };
}

/** Says of a member of a stored set that it is compressed (method 3), in the headers of all its parts. */
export function asCompressed(volumes: readonly Named[], path: string, format: 4 | 5): readonly Named[] {
  return volumes.map(({ name, content }) => {
    const bytes = bytesOf(content);
    if (format === 4) markRar4(bytes, path);
    else markRar5(bytes, path);
    return { name, content: bytesContent(bytes) };
  });
}

/** A file header: checksum, type 0x74, flags, size, 18 fixed bytes, method, name's size, attributes, name. */
function markRar4(bytes: Buffer, path: string): void {
  const at = bytes.indexOf(Buffer.from(path)) - 32;
  if (at < 0) return;
  bytes.writeUInt8(0x33, at + 25);
  bytes.writeUInt16LE(crc32(bytes.subarray(at + 2, at + bytes.readUInt16LE(at + 5))) & 0xffff, at);
}

/** The method takes one byte more than that of what is stored: the name gives one up. */
function markRar5(bytes: Buffer, path: string): void {
  const stored = Buffer.concat([Buffer.from([0, 0, path.length]), Buffer.from(path)]);
  const at = bytes.indexOf(stored);
  if (at < 0) return;
  const fieldsOf = (start: number) => bytes.subarray(start + 4, start + 5 + (bytes[start + 4] ?? 0));
  let start = at;
  while (start > 0 && crc32(fieldsOf(start)) !== bytes.readUInt32LE(start)) start -= 1;
  Buffer.concat([Buffer.from([0x80, 3, 0, path.length - 1]), Buffer.from(path.slice(1))]).copy(bytes, at);
  bytes.writeUInt32LE(crc32(fieldsOf(start)), start);
}
