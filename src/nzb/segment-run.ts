import { MAX_ID_BYTES, type SegmentCollector } from "./segment-collector.ts";

/** RFC 3977 section 3.6: printable ASCII without `<` and `>`; and without `&`, which may begin an entity. */
const IS_PLAIN_ID = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x21 && byte <= 0x7e && byte !== 0x3c && byte !== 0x3e && byte !== 0x26),
);
const IS_BLANK = Uint8Array.from({ length: 256 }, (_, byte) => Number([0x20, 0x0a, 0x09, 0x0d].includes(byte)));

/** Nine digits fit every array here; more are for the careful reader. */
const MAX_DIGITS = 9;

/**
 * Reads segments of the usual form, `<segment bytes="1" number="1">id</segment>`, one after the other, into the collector. Returns the
 * position after the last one it understood: `start` when there was none, and whatever follows is for the general scanner.
 * `bytes` must hold a 0 after its valid part: that is in no segment, so that no loop here needs to look for the end.
 */
export function scanSegmentRun(bytes: Uint8Array, start: number, into: SegmentCollector): number {
  let done = start;
  let at = start;
  for (;;) {
    while (IS_BLANK[bytes[at] as number] === 1) at += 1;
    if (bytes[at] !== 0x3c || !isSegmentName(bytes, at + 1)) return done;
    at += 8;
    let number = 0;
    let size = 0;
    let byte = bytes[at] as number;
    while (byte !== 0x3e) {
      if (IS_BLANK[byte] !== 1) return done;
      do byte = bytes[++at] as number;
      while (IS_BLANK[byte] === 1);
      if (byte === 0x3e) break;
      const isNumber = isNumberAttribute(bytes, at);
      if (!isNumber && !isBytesAttribute(bytes, at)) return done;
      at += isNumber ? 7 : 6;
      const quote = bytes[at] as number;
      if (quote !== 0x22 && quote !== 0x27) return done;
      const first = ++at;
      let value = 0;
      byte = bytes[at] as number;
      while (byte >= 0x30 && byte <= 0x39 && at - first < MAX_DIGITS) {
        value = value * 10 + byte - 0x30;
        byte = bytes[++at] as number;
      }
      if (byte !== quote || at === first) return done;
      if (isNumber) number = value;
      else size = value;
      byte = bytes[++at] as number;
    }
    at += 1;
    into.reserve();
    const { ids, count } = into;
    let idEnd = into.idBytes;
    const longest = at + MAX_ID_BYTES;
    const idStart = at;
    for (byte = bytes[at] as number; IS_PLAIN_ID[byte] === 1 && at < longest; byte = bytes[++at] as number) {
      ids[idEnd++] = byte;
    }
    if (at === idStart || bytes[at] !== 0x3c || bytes[at + 1] !== 0x2f) return done;
    if (!isSegmentName(bytes, at + 2) || bytes[at + 9] !== 0x3e) return done;
    at += 10;
    into.idBytes = idEnd;
    into.ends[count] = idEnd;
    into.numbers[count] = number;
    into.sizes[count] = size;
    into.count = count + 1;
    done = at;
  }
}

/** `number=` */
function isNumberAttribute(b: Uint8Array, at: number): boolean {
  return (
    b[at] === 0x6e &&
    b[at + 1] === 0x75 &&
    b[at + 2] === 0x6d &&
    b[at + 3] === 0x62 &&
    b[at + 4] === 0x65 &&
    b[at + 5] === 0x72 &&
    b[at + 6] === 0x3d
  );
}

/** `bytes=` */
function isBytesAttribute(b: Uint8Array, at: number): boolean {
  return (
    b[at] === 0x62 &&
    b[at + 1] === 0x79 &&
    b[at + 2] === 0x74 &&
    b[at + 3] === 0x65 &&
    b[at + 4] === 0x73 &&
    b[at + 5] === 0x3d
  );
}

/** `segment` */
function isSegmentName(b: Uint8Array, at: number): boolean {
  return (
    b[at] === 0x73 &&
    b[at + 1] === 0x65 &&
    b[at + 2] === 0x67 &&
    b[at + 3] === 0x6d &&
    b[at + 4] === 0x65 &&
    b[at + 5] === 0x6e &&
    b[at + 6] === 0x74
  );
}
