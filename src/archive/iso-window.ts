import { FormatError } from "../base/errors.ts";
import type { HeaderReader } from "./header-reader.ts";

const WINDOW_BYTES = 32_768;
const WINDOWS_HELD = 32;

/**
 * The same bytes in fewer reads: what is asked for is cut from aligned windows of 32 KiB, of which the last 32 are held, because the headers
 * of a disc image lie side by side. Whatever is as long as a window is read as it is asked for. Throws ARCHIVE_INCOMPLETE beyond the end.
 */
export function windowedReader(reader: HeaderReader): HeaderReader {
  const held = new Map<number, Buffer>();

  async function windowAt(start: number): Promise<Buffer> {
    const window = held.get(start) ?? (await reader.bytes(start, Math.min(WINDOW_BYTES, reader.size - start)));
    held.delete(start);
    held.set(start, window);
    if (held.size > WINDOWS_HELD) held.delete(held.keys().next().value as number);
    return window;
  }

  return {
    size: reader.size,
    async bytes(at, length) {
      const end = at + length;
      if (end > reader.size) {
        throw new FormatError(
          "ARCHIVE_INCOMPLETE",
          "the disc image cannot be read: it ends before its directories do",
          {
            hint: "the post lacks the end of the image: get another one",
          },
        );
      }
      if (length >= WINDOW_BYTES) return reader.bytes(at, length);
      const parts: Buffer[] = [];
      for (let start = at - (at % WINDOW_BYTES); start < end; start += WINDOW_BYTES) {
        const window = await windowAt(start);
        parts.push(window.subarray(Math.max(0, at - start), Math.min(window.length, end - start)));
      }
      return Buffer.concat(parts);
    },
  };
}
