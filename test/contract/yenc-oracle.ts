export interface Decoded {
  readonly bytes: Buffer;
  /** Where decoding stopped: `control@12`, `terminator@40`. */
  readonly stops: readonly string[];
}

/** What a kernel must make of raw NNTP bytes that begin with a line start, said with two patterns and no state. */
export function oracleDecode(wire: Buffer): Decoded {
  const text = wire.toString("latin1");
  const bytes: number[] = [];
  const stops: string[] = [];
  for (let at = 0; ; ) {
    const rest = `\r\n${text.slice(at)}`;
    const stop = /\r\n(?:\.\r\n|\.?=y)/.exec(rest);
    const lines = stop === null ? rest : rest.slice(0, stop.index + 2);
    for (const [sign] of lines.replaceAll("\r\n.", "\r\n").matchAll(/=.|[^=\r\n]/gs)) {
      bytes.push(sign.length === 2 ? sign.charCodeAt(1) - 106 : sign.charCodeAt(0) - 42);
    }
    if (stop === null) return { bytes: Buffer.from(bytes), stops };
    at += stop.index + stop[0].length - 2;
    stops.push(`${stop[0].endsWith("y") ? "control" : "terminator"}@${at}`);
  }
}
