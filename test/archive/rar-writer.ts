import { createCipheriv } from "node:crypto";
import { crc32 } from "node:zlib";
import { Rar4Format } from "./rar-writer-4.ts";
import { Rar5Format } from "./rar-writer-5.ts";

/** A member to be stored; folders have no content. */
export interface RarMember {
  readonly path: string;
  readonly content: Buffer;
  readonly isDirectory?: boolean;
}

export interface RarSpec {
  readonly format: 4 | 5;
  readonly members: readonly RarMember[];
  /** Bytes of each volume but the last; absent: one file. */
  readonly volumeSize?: number;
  /** `.partNN.rar`, or `.rar .r00 .r01`. */
  readonly names?: "new" | "old";
  readonly baseName?: string;
  readonly password?: string;
  readonly encryptsHeaders?: boolean;
  /** A comment before the first member, and a service block behind the data of each volume. */
  readonly services?: boolean;
  /** Zeros behind the end block of each volume. */
  readonly padding?: number;
  /** RAR5 may leave the members' checksums out. */
  readonly checksums?: false;
  /** RAR5 may leave the password's check value out. */
  readonly passwordCheck?: false;
  /** RAR4 of other writers has no volume numbers in its end blocks. */
  readonly endNumbers?: false;
  readonly seed?: number;
}

export interface RarFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** One part's header, as the formats need it. */
export interface PartHeader {
  readonly member: RarMember;
  /** Bytes of the whole member; its content's, unless the bytes are only pretended. */
  readonly size?: number;
  /** Bytes of this part's data, and their checksum. */
  readonly packedSize: number;
  readonly packedCrc: number;
  readonly continuedFrom: boolean;
  readonly continuesIn: boolean;
}

/** What the two formats differ in. Blocks come ready to be written, encrypted where the archive is. */
export interface RarFormat {
  /** Signature, main header, and what comes before the first member of the set. */
  begin(volume: number): Buffer;
  part(header: PartHeader): Buffer;
  /** Service blocks, end block and padding. */
  end(volume: number, hasNext: boolean): Buffer;
  /** Key and IV of a member's data. */
  readonly cipher: { readonly name: string; readonly key: Buffer; readonly iv: Buffer } | undefined;
}

const AES_BLOCK = 16;

/** Writes stored RAR archives as WinRAR lays them out: members cut anywhere, one AES-CBC stream over all parts of each. */
export function writeRar(spec: RarSpec): RarFile[] {
  const format: RarFormat = spec.format === 4 ? new Rar4Format(spec) : new Rar5Format(spec);
  const volumes: Buffer[] = [];
  let chunks = [format.begin(0)];
  let used = chunks[0]?.length ?? 0;
  const put = (bytes: Buffer) => {
    chunks.push(bytes);
    used += bytes.length;
  };
  const close = (hasNext: boolean) => {
    put(format.end(volumes.length, hasNext));
    volumes.push(Buffer.concat(chunks));
    chunks = [];
    used = 0;
  };
  const limit = spec.volumeSize ?? Number.POSITIVE_INFINITY;
  const endSize = format.end(1, true).length;
  for (const member of spec.members) {
    const packed = encrypted(member.content, format);
    let at = 0;
    do {
      const part = { member, packedSize: packed.length - at, packedCrc: 0, continuedFrom: at > 0, continuesIn: false };
      const room = limit - used - endSize - format.part(part).length;
      const isCut = packed.length - at > room;
      if (isCut && room <= 0) {
        close(true);
        put(format.begin(volumes.length));
        continue;
      }
      const data = packed.subarray(at, isCut ? at + room : packed.length);
      put(format.part({ ...part, packedSize: data.length, packedCrc: crc32(data), continuesIn: isCut }));
      put(data);
      at += data.length;
      if (!isCut) break;
      close(true);
      put(format.begin(volumes.length));
    } while (at <= packed.length);
  }
  close(false);
  return volumes.map((bytes, number) => ({ name: volumeName(spec, number, volumes.length), bytes }));
}

function encrypted(content: Buffer, { cipher }: RarFormat): Buffer {
  if (!cipher || content.length === 0) return content;
  const padded = Buffer.alloc(Math.ceil(content.length / AES_BLOCK) * AES_BLOCK);
  content.copy(padded);
  const aes = createCipheriv(cipher.name, cipher.key, cipher.iv).setAutoPadding(false);
  return Buffer.concat([aes.update(padded), aes.final()]);
}

function volumeName({ baseName = "set", names = "new", volumeSize }: RarSpec, number: number, count: number): string {
  if (volumeSize === undefined) return `${baseName}.rar`;
  if (names === "new") return `${baseName}.part${String(number + 1).padStart(String(count).length, "0")}.rar`;
  if (number === 0) return `${baseName}.rar`;
  const letter = String.fromCharCode("r".charCodeAt(0) + Math.floor((number - 1) / 100));
  return `${baseName}.${letter}${String((number - 1) % 100).padStart(2, "0")}`;
}

/** Seeded bytes, so that an archive is the same each time. */
export function seededBytes(length: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}
