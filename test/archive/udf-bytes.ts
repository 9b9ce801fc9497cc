/** A long allocation descriptor (ECMA-167, 4/14.14.2); the kind of extent is in the upper bits of `length`. */
export function longAd(length: number, block: number, partition: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(length >>> 0, 0);
  bytes.writeUInt32LE(block, 4);
  bytes.writeUInt16LE(partition, 8);
  return bytes;
}

/** With the tag of a descriptor in its first 16 bytes (ECMA-167, 3/7.2). */
export function tagged(tag: number, location: number, body: Buffer): Buffer {
  const bytes = Buffer.from(body);
  bytes.fill(0, 0, 16);
  bytes.writeUInt16LE(tag, 0);
  bytes.writeUInt16LE(3, 2);
  bytes.writeUInt16LE(1, 6);
  bytes.writeUInt16LE(crc16(bytes.subarray(16)), 8);
  bytes.writeUInt16LE(bytes.length - 16, 10);
  bytes.writeUInt32LE(location, 12);
  bytes[4] = bytes.subarray(0, 16).reduce((sum, byte) => sum + byte, 0) & 0xff;
  return bytes;
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}

/** OSTA compressed Unicode (UDF 2.60, 2.1.1). */
export function encodeName(name: string): Buffer {
  if (name === "") return Buffer.alloc(0);
  const isNarrow = [...name].every((char) => char.charCodeAt(0) < 256);
  return isNarrow
    ? Buffer.concat([Buffer.from([8]), Buffer.from(name, "latin1")])
    : Buffer.concat([Buffer.from([16]), Buffer.from(name, "utf16le").swap16()]);
}

/** 2023-11-14 22:13:20 UTC, said as 23:13:20 one hour east of it. */
export function timestamp(): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16LE(0x1000 | 60, 0);
  bytes.writeInt16LE(2023, 2);
  bytes.set([11, 14, 23, 13, 20], 4);
  return bytes;
}

/** A charspec (ECMA-167, 1/7.2.1). */
export function charset(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write("OSTA Compressed Unicode", 1, "latin1");
  return bytes;
}

/** A text in a field of `length` bytes (ECMA-167, 1/7.2.12). */
export function dstring(text: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes[0] = 8;
  bytes.write(text, 1, "latin1");
  bytes[length - 1] = text.length + 1;
  return bytes;
}

/** An entity identifier (ECMA-167, 1/7.4). */
export function regid(id: string, suffix: Buffer = Buffer.alloc(8)): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write(id, 1, "latin1");
  suffix.copy(bytes, 24);
  return bytes;
}

/** The suffix of a domain identifier (UDF 2.60, 2.1.5.3). */
export function revision(hasMetadata: boolean): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(hasMetadata ? 0x0250 : 0x0201, 0);
  return bytes;
}
