import { crc32 } from "node:zlib";

export interface Decoded {
  readonly bytes: Buffer;
  /** Fields of =ybegin, =ypart and =yend, as written. */
  readonly header: Readonly<Record<string, string>>;
  readonly part: Readonly<Record<string, string>>;
  readonly trailer: Readonly<Record<string, string>>;
  /** Whether the trailer's checksum fits the bytes; undefined when it has none. */
  readonly isChecksumRight: boolean | undefined;
}

const [DOT, ESCAPE, Y] = [46, 61, 121];

/** Decodes an article body as it came over the wire, straight from the yEnc 1.3 text. */
export function decodeWire(wire: Buffer): Decoded {
  const fields: Record<string, Record<string, string>> = {};
  const out = Buffer.alloc(wire.length);
  let size = 0;
  for (let start = 0; start < wire.length; ) {
    const end = wire.indexOf("\r\n", start);
    if (end < 0) throw new Error("a body without its terminating line");
    if (end === start + 1 && wire[start] === DOT) break;
    let at = wire[start] === DOT ? start + 1 : start;
    start = end + 2;
    if (wire[at] === ESCAPE && wire[at + 1] === Y) {
      const [, kind = "", text = ""] = /^=y(begin|part|end) (.*)$/.exec(wire.toString("latin1", at, end)) ?? [];
      fields[kind] = parseFields(text);
      continue;
    }
    for (; at < end; at += 1) {
      const isEscaped = wire[at] === ESCAPE;
      if (isEscaped) at += 1;
      out[size] = (wire[at] as number) - 42 - (isEscaped ? 64 : 0);
      size += 1;
    }
  }
  const decoded = out.subarray(0, size);
  const trailer = fields["end"] ?? {};
  const checksum = trailer["pcrc32"] ?? trailer["crc32"];
  return {
    bytes: decoded,
    header: fields["begin"] ?? {},
    part: fields["part"] ?? {},
    trailer,
    isChecksumRight: checksum === undefined ? undefined : Number.parseInt(checksum, 16) === crc32(decoded),
  };
}

function parseFields(text: string): Record<string, string> {
  const [, before = text, name] = /^(.*?)\bname=(.*)$/.exec(text) ?? [];
  const fields: Record<string, string> = name === undefined ? {} : { name };
  for (const [, key, value] of before.matchAll(/(\w+)=(\S+)/g)) fields[key as string] = value as string;
  return fields;
}
