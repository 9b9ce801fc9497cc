import type { ArticleFault } from "./behaviour.ts";

/** The faults that are made of an intact body. */
export type BodyFault = Extract<ArticleFault, "corrupt" | "truncate" | "overlong" | "wrongBegin">;

const CR = 13;
const ESCAPE = "=".charCodeAt(0);
/** Bytes that mean something to yEnc or NNTP: neither changed nor made. */
const SPECIAL = new Set([0, 9, 10, CR, 32, 46, ESCAPE]);

/** A copy of a dot-stuffed body with its terminating line, damaged as the fault says; one that is not yEnc keeps a `wrongBegin` unharmed. */
export function spoil(body: Buffer, fault: BodyFault): Buffer {
  const { start, end } = dataLines(body);
  switch (fault) {
    case "corrupt":
      return corrupted(body, start, end);
    case "truncate": {
      const lineEnd = body.lastIndexOf("\r\n", start + Math.floor((end - start) / 2));
      const cut = lineEnd < start ? start : lineEnd + 2;
      return Buffer.concat([body.subarray(0, cut), Buffer.from(".\r\n")]);
    }
    case "overlong":
      return Buffer.concat([body.subarray(0, end), body.subarray(start)]);
    case "wrongBegin":
      return Buffer.concat([Buffer.from(shifted(body.toString("latin1", 0, start)), "latin1"), body.subarray(start)]);
  }
}

/** Where the data lines lie between yEnc's header and trailer; all lines when there is no yEnc. */
function dataLines(body: Buffer): { readonly start: number; readonly end: number } {
  const terminator = body.length - 3;
  const begin = body.indexOf("=ybegin ");
  if (begin < 0) return { start: 0, end: terminator };
  let start = body.indexOf("\r\n", begin) + 2;
  if (body.toString("latin1", start, start + 7) === "=ypart ") start = body.indexOf("\r\n", start) + 2;
  const trailer = body.lastIndexOf("\r\n=yend ");
  return { start, end: trailer < start - 2 ? terminator : trailer + 2 };
}

function corrupted(body: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.from(body);
  const middle = start + Math.floor((end - start) / 2);
  for (let step = 0; step < end - start; step += 1) {
    const at = start + ((middle - start + step) % (end - start));
    const before = copy[at] as number;
    if (SPECIAL.has(before) || SPECIAL.has(before ^ 1) || copy[at - 1] === ESCAPE) continue;
    copy[at] = before ^ 1;
    return copy;
  }
  return copy;
}

/** Header lines whose `=ypart` names the place of the following part; a single part is made the second of two. */
function shifted(header: string): string {
  const part = /=ypart begin=(\d+) end=(\d+)/.exec(header);
  if (part !== null) {
    const length = Number(part[2]) - Number(part[1]) + 1;
    return header.replace(part[0], `=ypart begin=${Number(part[1]) + length} end=${Number(part[2]) + length}`);
  }
  const size = Number(/ size=(\d+)/.exec(header)?.[1] ?? 0);
  return header
    .replace("=ybegin ", "=ybegin part=2 total=2 ")
    .replace(/(=ybegin .*\r\n)/, `$1=ypart begin=${size + 1} end=${2 * size}\r\n`);
}
