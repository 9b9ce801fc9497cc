import { createCipheriv, createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { crc32 } from "node:zlib";
import { seededRandom } from "../random.ts";
import { type PartHeader, type RarFormat, type RarSpec, seededBytes } from "./rar-writer.ts";

const SIGNATURE = Buffer.from("526172211a070100", "hex");
const LOG2_ROUNDS = 15;
const UNIX_TIME = 1_700_000_000;

interface Keys {
  readonly salt: Buffer;
  readonly iv: Buffer;
  readonly key: Buffer;
  readonly mac: Buffer;
  readonly check: Buffer;
}

/** RAR5: vints, extra records, AES-256 with a check value; keyed checksums where headers are in the clear. */
export class Rar5Format implements RarFormat {
  readonly cipher: RarFormat["cipher"];
  readonly #spec: RarSpec;
  readonly #keys: Keys | undefined;
  readonly #random: () => number;

  constructor(spec: RarSpec) {
    this.#spec = spec;
    this.#random = seededRandom(spec.seed ?? 5);
    this.#keys = spec.password === undefined ? undefined : deriveKeys(spec.password, this.#random);
    this.cipher = this.#keys && { name: "aes-256-cbc", key: this.#keys.key, iv: this.#keys.iv };
  }

  begin(volume: number): Buffer {
    const { volumeSize, encryptsHeaders, services } = this.#spec;
    const archiveFlags = volumeSize === undefined ? [0] : volume === 0 ? [1] : [3, volume];
    const main = this.#written(header(1, { fields: archiveFlags.map(vint) }));
    const lock =
      this.#keys && encryptsHeaders
        ? [header(4, { fields: [vint(0), ...this.#checkFields(this.#keys, [vint(1)], [vint(0)], [])] })]
        : [];
    const comment = services && volume === 0 && !this.#keys ? [this.#service("CMT", Buffer.from("a comment\0"))] : [];
    return Buffer.concat([SIGNATURE, ...lock, main, ...comment]);
  }

  part({
    member,
    size = member.content.length,
    packedSize,
    packedCrc,
    continuedFrom,
    continuesIn,
  }: PartHeader): Buffer {
    const { checksums, encryptsHeaders } = this.#spec;
    const keys = member.isDirectory ? undefined : this.#keys;
    const isKeyed = keys !== undefined && !encryptsHeaders && !continuesIn;
    const plainCrc = continuesIn ? packedCrc : crc32(member.content);
    const crc = keys && isKeyed ? keyedCrc(plainCrc, keys.mac) : plainCrc;
    const hasCrc = checksums !== false && !member.isDirectory;
    const name = Buffer.from(member.path);
    const fields = [
      vint((member.isDirectory ? 1 : 0) | 2 | (hasCrc ? 4 : 0)),
      vint(size),
      vint(member.isDirectory ? 0x10 : 0x20),
      u32(UNIX_TIME),
      ...(hasCrc ? [u32(crc)] : []),
      vint(0),
      vint(0),
      vint(name.length),
      name,
    ];
    const mac = isKeyed ? 2 : 0;
    const extra = keys
      ? record(1, [vint(0), ...this.#checkFields(keys, [vint(1 | mac)], [vint(mac)], [keys.iv])])
      : undefined;
    const flags = (continuedFrom ? 8 : 0) | (continuesIn ? 16 : 0);
    return this.#written(header(2, { fields, extra, dataSize: packedSize, flags }));
  }

  end(_volume: number, hasNext: boolean): Buffer {
    const { services, padding = 0 } = this.#spec;
    const quickOpen = services ? [this.#service("QO", seededBytes(40, seededRandom(1)))] : [];
    const end = this.#written(header(5, { fields: [vint(hasNext ? 1 : 0)] }));
    return Buffer.concat([...quickOpen, end, Buffer.alloc(padding)]);
  }

  #service(name: string, data: Buffer): Buffer {
    const fields = [
      vint(4),
      vint(data.length),
      vint(0),
      u32(crc32(data)),
      vint(0),
      vint(0),
      vint(name.length),
      Buffer.from(name),
    ];
    return Buffer.concat([this.#written(header(3, { fields, dataSize: data.length })), data]);
  }

  /** Flags, rounds, salt, what else, and the check value unless it is left out. */
  #checkFields(keys: Keys, withCheck: Buffer[], without: Buffer[], more: Buffer[]): Buffer[] {
    const middle = [Buffer.from([LOG2_ROUNDS]), keys.salt, ...more];
    if (this.#spec.passwordCheck === false) return [...without, ...middle];
    const guard = createHash("sha256").update(keys.check).digest().subarray(0, 4);
    return [...withCheck, ...middle, keys.check, guard];
  }

  #written(plain: Buffer): Buffer {
    if (!this.#keys || !this.#spec.encryptsHeaders) return plain;
    const iv = seededBytes(16, this.#random);
    const padded = Buffer.alloc(Math.ceil(plain.length / 16) * 16);
    plain.copy(padded);
    const aes = createCipheriv("aes-256-cbc", this.#keys.key, iv).setAutoPadding(false);
    return Buffer.concat([iv, aes.update(padded), aes.final()]);
  }
}

interface HeaderParts {
  readonly fields: readonly Buffer[];
  readonly extra?: Buffer | undefined;
  readonly dataSize?: number;
  readonly flags?: number;
}

function header(type: number, { fields, extra, dataSize, flags = 0 }: HeaderParts): Buffer {
  const body = Buffer.concat([
    vint(type),
    vint(flags | (extra ? 1 : 0) | (dataSize === undefined ? 0 : 2)),
    ...(extra ? [vint(extra.length)] : []),
    ...(dataSize === undefined ? [] : [vint(dataSize)]),
    ...fields,
    ...(extra ? [extra] : []),
  ]);
  const sized = Buffer.concat([vint(body.length), body]);
  return Buffer.concat([u32(crc32(sized)), sized]);
}

function record(type: number, fields: readonly Buffer[]): Buffer {
  const body = Buffer.concat([vint(type), ...fields]);
  return Buffer.concat([vint(body.length), body]);
}

function vint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return Buffer.from([...bytes, left]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function deriveKeys(password: string, random: () => number): Keys {
  const salt = seededBytes(16, random);
  const rounds = 2 ** LOG2_ROUNDS;
  const derive = (more: number) => pbkdf2Sync(password, salt, rounds + more, 32, "sha256");
  return { salt, iv: seededBytes(16, random), key: derive(0), mac: derive(16), check: folded(derive(32), 8) };
}

function keyedCrc(crc: number, mac: Buffer): number {
  return folded(createHmac("sha256", mac).update(u32(crc)).digest(), 4).readUInt32LE();
}

function folded(bytes: Buffer, length: number): Buffer {
  const sum = Buffer.alloc(length);
  for (const [at, byte] of bytes.entries()) sum[at % length] = (sum[at % length] as number) ^ byte;
  return sum;
}
