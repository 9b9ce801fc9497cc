import { createCipheriv } from "node:crypto";
import { crc32 } from "node:zlib";
import { deriveRar3Key } from "../../src/archive/rar3-kdf.ts";
import { seededRandom } from "../random.ts";
import { type PartHeader, type RarFormat, type RarSpec, seededBytes } from "./rar-writer.ts";

const SIGNATURE = Buffer.from("526172211a0700", "hex");
const DOS_TIME = 0x58a1_6000;

/** RAR4 (2.9 and later): small headers with 16-bit checksums, AES-128. */
export class Rar4Format implements RarFormat {
  readonly cipher: RarFormat["cipher"];
  readonly #spec: RarSpec;
  readonly #salt: Buffer;

  constructor(spec: RarSpec) {
    this.#spec = spec;
    this.#salt = seededBytes(8, seededRandom(spec.seed ?? 4));
    this.cipher =
      spec.password === undefined ? undefined : { name: "aes-128-cbc", ...derive(spec.password, this.#salt) };
  }

  begin(volume: number): Buffer {
    const { volumeSize, names, encryptsHeaders, services } = this.#spec;
    const flags =
      (volumeSize === undefined ? 0 : 1 | (volume === 0 ? 0x100 : 0) | (names === "old" ? 0 : 0x10)) |
      (encryptsHeaders ? 0x80 : 0);
    const main = block(0x73, flags, Buffer.alloc(6));
    const comment = services && volume === 0 && !this.cipher ? [this.#service("CMT", Buffer.from("a comment"))] : [];
    return Buffer.concat([SIGNATURE, main, ...comment]);
  }

  part({
    member,
    size = member.content.length,
    packedSize,
    packedCrc,
    continuedFrom,
    continuesIn,
  }: PartHeader): Buffer {
    const isEncrypted = this.cipher !== undefined && !member.isDirectory;
    const { name, isUnicode } = nameField(member.path);
    const flags =
      0x8000 |
      (continuedFrom ? 1 : 0) |
      (continuesIn ? 2 : 0) |
      (isEncrypted ? 0x404 : 0) |
      (size >= 2 ** 32 ? 0x100 : 0) |
      (isUnicode ? 0x200 : 0) |
      (member.isDirectory ? 0xe0 : 0);
    const fields = fileFields({
      packedSize,
      size,
      crc: continuesIn ? packedCrc : crc32(member.content),
      version: isEncrypted ? 29 : 20,
      nameSize: name.length,
      attributes: member.isDirectory ? 0x10 : 0x20,
    });
    return this.#written(block(0x74, flags, Buffer.concat([fields, name, ...(isEncrypted ? [this.#salt] : [])])));
  }

  end(volume: number, hasNext: boolean): Buffer {
    const { volumeSize, endNumbers, services, padding = 0 } = this.#spec;
    const next = hasNext ? 1 : 0;
    const isNumbered = volumeSize !== undefined && endNumbers !== false;
    const fields = Buffer.alloc(isNumbered ? 9 : 0);
    if (isNumbered) fields.writeUInt16LE(volume);
    // With a number come seven reserved bytes; the checksum of the whole volume may be left out.
    const end = block(0x7b, (isNumbered ? 0x400c : 0x4000) | next, fields);
    const record = services ? [this.#service("RR", Buffer.from("recovery record of some kind"))] : [];
    return Buffer.concat([...record, this.#written(end), Buffer.alloc(padding)]);
  }

  #service(name: string, data: Buffer): Buffer {
    const fields = fileFields({
      packedSize: data.length,
      size: data.length,
      crc: crc32(data),
      version: 29,
      nameSize: name.length,
      attributes: 0,
    });
    return Buffer.concat([this.#written(block(0x7a, 0x8000, Buffer.concat([fields, Buffer.from(name)]))), data]);
  }

  #written(header: Buffer): Buffer {
    if (!this.cipher || !this.#spec.encryptsHeaders) return header;
    const padded = Buffer.alloc(Math.ceil(header.length / 16) * 16);
    header.copy(padded);
    const aes = createCipheriv("aes-128-cbc", this.cipher.key, this.cipher.iv).setAutoPadding(false);
    return Buffer.concat([this.#salt, aes.update(padded), aes.final()]);
  }
}

interface FileFields {
  readonly packedSize: number;
  readonly size: number;
  readonly crc: number;
  readonly version: number;
  readonly nameSize: number;
  readonly attributes: number;
}

function fileFields({ packedSize, size, crc, version, nameSize, attributes }: FileFields): Buffer {
  const isLarge = size >= 2 ** 32;
  const fields = Buffer.alloc(isLarge ? 33 : 25);
  fields.writeUInt32LE(packedSize % 2 ** 32, 0);
  fields.writeUInt32LE(size % 2 ** 32, 4);
  if (isLarge) {
    fields.writeUInt32LE(Math.floor(packedSize / 2 ** 32), 25);
    fields.writeUInt32LE(Math.floor(size / 2 ** 32), 29);
  }
  fields.writeUInt8(2, 8);
  fields.writeUInt32LE(crc, 9);
  fields.writeUInt32LE(DOS_TIME, 13);
  fields.writeUInt8(version, 17);
  fields.writeUInt8(0x30, 18);
  fields.writeUInt16LE(nameSize, 19);
  fields.writeUInt32LE(attributes, 21);
  return fields;
}

function block(type: number, flags: number, fields: Buffer): Buffer {
  const header = Buffer.alloc(7 + fields.length);
  header.writeUInt8(type, 2);
  header.writeUInt16LE(flags, 3);
  header.writeUInt16LE(header.length, 5);
  fields.copy(header, 7);
  header.writeUInt16LE(crc32(header.subarray(2)) & 0xffff, 0);
  return header;
}

/** Names beyond ASCII: a plain one with underscores, NUL, high byte 0, then every UTF-16 unit by opcode 2. */
function nameField(path: string): { name: Buffer; isUnicode: boolean } {
  const written = path.replaceAll("/", "\\");
  const plain = Buffer.from(written.replace(/[^\x20-\x7e]/g, "_"));
  if (plain.toString() === written) return { name: plain, isUnicode: false };
  const packed = [0];
  for (let at = 0; at < written.length; at += 4) {
    packed.push(0xaa);
    for (const unit of [...Array(Math.min(4, written.length - at)).keys()].map((i) => written.charCodeAt(at + i))) {
      packed.push(unit & 0xff, unit >> 8);
    }
  }
  return { name: Buffer.concat([plain, Buffer.from([0]), Buffer.from(packed)]), isUnicode: true };
}

function derive(password: string, salt: Buffer): { key: Buffer; iv: Buffer } {
  const derivation = deriveRar3Key(password, salt);
  for (;;) {
    const step = derivation.next();
    if (step.done) return step.value;
  }
}
