import { createRequire } from "node:module";
import { crc32 } from "node:zlib";
import { type DecodeCursor, type DecodeEnd, LINE_START, type YencKernel } from "./kernel.ts";

/** What the add-on of the npm package `yencode` offers beneath its own JavaScript; a missing function means another version. */
interface AddOn {
  /** `target` must be as long as `source`, which must not be empty. States are 0 to 6, 0 is a line start. */
  decodeIncr(
    source: Buffer,
    state: number,
    target: Buffer,
  ): { readonly read: number; readonly written: number; readonly ended: number; readonly state: number };
  /** Four bytes, big-endian. */
  crc32(bytes: Buffer): Buffer;
}

const ENDS: readonly DecodeEnd[] = ["none", "control", "terminator"];

/** Loads the compiled add-on of `yencode`; throws when it was not built or not installed. */
export function loadAddOn(): unknown {
  return createRequire(import.meta.url)("yencode/build/Release/yencode.node");
}

/** The kernel that uses SIMD instructions; throws when the add-on cannot be loaded or does not do what is expected of it. */
export function openNativeKernel(load: () => unknown = loadAddOn): YencKernel {
  const addOn = load() as AddOn;
  const kernel: YencKernel = {
    name: "native",
    reason: undefined,
    decode: (cursor) => decode(addOn, cursor),
    crc32: (bytes) => addOn.crc32(bytes).readUInt32BE(0),
  };
  if (!passesTrial(kernel)) throw new Error("the yencode add-on decodes wrongly");
  return kernel;
}

function decode(addOn: AddOn, cursor: DecodeCursor): DecodeEnd {
  const result = addOn.decodeIncr(
    cursor.read === 0 && cursor.readEnd === cursor.source.length
      ? cursor.source
      : cursor.source.subarray(cursor.read, cursor.readEnd),
    cursor.state,
    cursor.target.subarray(cursor.written),
  );
  cursor.read += result.read;
  cursor.written += result.written;
  const end = ENDS[result.ended] as DecodeEnd;
  cursor.state = end === "none" ? result.state : LINE_START;
  return end;
}

/** One article with an escape, a doubled dot, a control line and a terminator: what a changed add-on would get wrong. */
function passesTrial(kernel: YencKernel): boolean {
  const source = Buffer.from("..=}k\r\n=y\r\n.\r\n", "latin1");
  const cursor: DecodeCursor = {
    source,
    read: 0,
    readEnd: source.length,
    target: Buffer.alloc(source.length),
    written: 0,
    state: LINE_START,
  };
  const isControlFound = kernel.decode(cursor) === "control" && cursor.read === 9 && cursor.written === 3;
  cursor.read = 11;
  const isEndFound = kernel.decode(cursor) === "terminator" && cursor.read === source.length && cursor.written === 3;
  const decoded = Buffer.of(0x04, 0x13, 0x41);
  const isRight = cursor.target.subarray(0, 3).equals(decoded) && kernel.crc32(decoded) === crc32(decoded);
  return isControlFound && isEndFound && isRight;
}
