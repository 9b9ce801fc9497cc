import { crc32, deflateRawSync } from "node:zlib";

export interface ZippedFile {
  /** As UTF-8, or as it is. */
  readonly name: string | Buffer;
  readonly bytes: Buffer;
  /** What the directory says, where it lies. */
  readonly claims?: {
    readonly size?: number;
    readonly crc32?: number;
    readonly method?: number;
    readonly flags?: number;
    /** Its bytes are those of the first file, packed as that one is. */
    readonly isOverlapping?: boolean;
  };
  readonly comment?: Buffer;
}

const FLAG_UTF8 = 0x800;
const DEFLATED = 8;

/** A ZIP of deflated files (APPNOTE 4.3), some of which may lie. */
export function zipOf(files: readonly ZippedFile[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes, claims = {}, comment = Buffer.alloc(0) } of files) {
    const packed = deflateRawSync(bytes);
    const label = typeof name === "string" ? Buffer.from(name) : name;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(claims.flags ?? FLAG_UTF8, 2);
    common.writeUInt16LE(claims.method ?? DEFLATED, 4);
    common.writeUInt32LE(claims.crc32 ?? crc32(bytes), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(claims.size ?? bytes.length, 18);
    common.writeUInt16LE(label.length, 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt16LE(comment.length, 0);
    tail.writeUInt32LE(claims.isOverlapping === true ? 0 : offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, tail, label, comment);
    if (claims.isOverlapping === true) continue;
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, label, packed]);
    locals.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(listed.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, listed, Buffer.from("PK\x05\x06"), end]);
}
