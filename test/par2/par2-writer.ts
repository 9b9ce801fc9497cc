import { createHash } from "node:crypto";

export interface Described {
  readonly name: string;
  readonly bytes: Buffer;
  /** How the name is written; UTF-8 unless said. */
  readonly nameBytes?: Buffer;
}

export const SET_ID = Buffer.from("00112233445566778899aabbccddeeff", "hex");

/** One packet, padded to a multiple of 4. */
export function packet(type: string, body: Buffer, set: Buffer = SET_ID): Buffer {
  const padded = Buffer.concat([body, Buffer.alloc((4 - (body.length % 4)) % 4)]);
  const counted = Buffer.concat([set, Buffer.from(type.padEnd(16, "\0"), "latin1"), padded]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(32 + counted.length));
  return Buffer.concat([Buffer.from("PAR2\0PKT", "latin1"), length, md5(counted), counted]);
}

export function mainPacket(sliceSize: number, files: readonly Described[], set?: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(sliceSize));
  head.writeUInt32LE(files.length, 8);
  return packet("PAR 2.0\0Main", Buffer.concat([head, ...files.map(idOf)]), set);
}

export function filePacket(file: Described, set?: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(file.bytes.length));
  const digests = [md5(file.bytes), md5(file.bytes.subarray(0, 16_384))];
  return packet("PAR 2.0\0FileDesc", Buffer.concat([idOf(file), ...digests, length, nameOf(file)]), set);
}

export function idOf(file: Described): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(file.bytes.length));
  return md5(Buffer.concat([md5(file.bytes.subarray(0, 16_384)), length, nameOf(file)]));
}

export function md5(bytes: Buffer): Buffer {
  return createHash("md5").update(bytes).digest();
}

function nameOf({ name, nameBytes }: Described): Buffer {
  return nameBytes ?? Buffer.from(name, "utf8");
}
