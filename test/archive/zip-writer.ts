import { crc32 } from "node:zlib";

interface WrittenFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** Of Unix. */
  readonly mode?: number;
}

interface Shape {
  /** Bytes of it, after the end. */
  readonly comment?: number;
  /** Whether all sizes and offsets stand in ZIP64 fields. */
  readonly isWide?: boolean;
}

/** 17 May 2020, 12:34:56. */
const TIME = (12 << 11) | (34 << 5) | 28;
const DATE = (40 << 9) | (5 << 5) | 17;
const ALL_ONES = 0xffffffff;

/** A ZIP file of stored members. Local headers have extra fields that the directory lacks, as Info-ZIP writes them. */
export function writeZip(files: readonly WrittenFile[], { comment = 0, isWide = false }: Shape = {}): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, mode = 0 } of files) {
    const size = isWide ? ALL_ONES : bytes.length;
    const version = u16(isWide ? 45 : 20);
    const common = [
      u16(0x800),
      u16(0),
      u16(TIME),
      u16(DATE),
      u32(crc32(bytes)),
      u32(size),
      u32(size),
      u16(Buffer.byteLength(name)),
    ];
    const padding = Buffer.concat([u16(0xd935), u16(5), Buffer.alloc(5)]);
    const sizes = [u64(bytes.length), u64(bytes.length)];
    const nothing = Buffer.alloc(0);
    const localExtra = Buffer.concat([isWide ? Buffer.concat([u16(1), u16(16), ...sizes]) : nothing, padding]);
    const extra = isWide ? Buffer.concat([u16(1), u16(24), ...sizes, u64(offset)]) : nothing;
    const local = Buffer.concat([
      u32(0x04034b50),
      version,
      ...common,
      u16(localExtra.length),
      Buffer.from(name),
      localExtra,
      bytes,
    ]);
    const tail = [
      u16(extra.length),
      u16(0),
      u16(0),
      u16(0),
      u32(mode * 0x10000),
      u32(isWide ? ALL_ONES : offset),
      Buffer.from(name),
      extra,
    ];
    directory.push(Buffer.concat([u32(0x02014b50), u16(0x0314), version, ...common, ...tail]));
    locals.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const count = u16(isWide ? 0xffff : files.length);
  const sizes = isWide ? [u32(ALL_ONES), u32(ALL_ONES)] : [u32(listed.length), u32(offset)];
  const end = Buffer.concat([
    u32(0x06054b50),
    u16(0),
    u16(0),
    count,
    count,
    ...sizes,
    u16(comment),
    Buffer.alloc(comment, 0x20),
  ]);
  const counts = [u64(files.length), u64(files.length), u64(listed.length), u64(offset)];
  const end64 = Buffer.concat([u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), ...counts]);
  const locator = Buffer.concat([u32(0x07064b50), u32(0), u64(offset + listed.length), u32(1)]);
  return Buffer.concat([...locals, listed, ...(isWide ? [end64, locator] : []), end]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
