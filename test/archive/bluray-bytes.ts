const TICKS_PER_SECOND = 45_000;

/** A play item: a clip's number, and seconds of its clock. */
export interface Shown {
  readonly clip: string;
  readonly from: number;
  readonly to: number;
  readonly isStill?: boolean;
}

/** An MPLS file of version 2 with these play items and no marks (BD-ROM part 3), as libbluray 1.3.4 reads it. */
export function mpls(items: readonly Shown[]): Buffer {
  const header = Buffer.alloc(58);
  header.write("MPLS0200", 0, "latin1");
  header.writeUInt32BE(header.length, 8);
  header.writeUInt32BE(14, 40);
  header[45] = 1;
  const body = Buffer.concat([Buffer.alloc(10), ...items.map(playItem)]);
  body.writeUInt32BE(body.length - 4, 0);
  body.writeUInt16BE(items.length, 6);
  const marks = Buffer.alloc(6);
  marks.writeUInt32BE(2, 0);
  header.writeUInt32BE(header.length + body.length, 12);
  return Buffer.concat([header, body, marks]);
}

function playItem({ clip, from, to, isStill }: Shown): Buffer {
  const streams = 16;
  const bytes = Buffer.alloc(2 + 32 + streams);
  bytes.writeUInt16BE(bytes.length - 2, 0);
  bytes.write(`${clip}M2TS`, 2, "latin1");
  bytes.writeUInt16BE(1, 11);
  bytes.writeUInt32BE(from * TICKS_PER_SECOND, 14);
  bytes.writeUInt32BE(to * TICKS_PER_SECOND, 18);
  bytes[31] = isStill ? 2 : 0;
  bytes.writeUInt16BE(streams - 2, 34);
  return bytes;
}

/** A CLPI file of a clip whose one clock runs from and to these seconds, and that has `packets` source packets (BD-ROM part 3). */
export function clpi(from: number, to: number, packets: number): Buffer {
  const header = Buffer.alloc(40);
  header.write("HDMV0200", 0, "latin1");
  const info = Buffer.alloc(4 + 16 + 134);
  info.writeUInt32BE(info.length - 4, 0);
  info.set([1, 1], 6);
  info.writeUInt32BE(6_000_000, 12);
  info.writeUInt32BE(packets, 16);
  const sequences = Buffer.alloc(26);
  sequences.writeUInt32BE(sequences.length - 4, 0);
  sequences.set([1], 5);
  sequences.set([1, 0], 10);
  sequences.writeUInt16BE(0x1001, 12);
  sequences.writeUInt32BE(from * TICKS_PER_SECOND, 18);
  sequences.writeUInt32BE(to * TICKS_PER_SECOND, 22);
  const empty = Buffer.from([0, 0, 0, 2, 0, 0]);
  let at = header.length + info.length;
  for (const [field, part] of [
    [8, sequences],
    [12, empty],
    [16, empty],
    [20, empty],
  ] as const) {
    header.writeUInt32BE(at, field);
    at += part.length;
  }
  return Buffer.concat([header, info, sequences, empty, empty, empty]);
}
