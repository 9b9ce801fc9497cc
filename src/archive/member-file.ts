import type { Cancel, SeekableFile } from "../base/seekable-file.ts";
import type { Piece, StoredMember, Volume } from "./archive.ts";
import { type Decryption, startDecryption } from "./decryption.ts";

/** A stored member as a file: any range of its plaintext, out of the volumes it was found in. A range outside of it is a RangeError. */
export function memberFile(member: StoredMember, volumes: readonly Volume[]): SeekableFile {
  const packed = piecesFile(member.pieces, volumes);
  const { cipher, size, skip = 0 } = member;
  return {
    size,
    read(range, cancel) {
      const { start, end } = range;
      if (!(start >= 0 && start <= end && end <= size)) {
        throw new RangeError(`bytes ${start} to ${end} are not in a member of ${size}`);
      }
      if (!cipher) return packed.read({ start: start + skip, end: end + skip }, cancel);
      return decrypted(packed, startDecryption({ ...cipher, skip }, range), cancel);
    },
  };
}

async function* decrypted(
  packed: SeekableFile,
  decryption: Decryption,
  cancel: Cancel,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of packed.read(decryption.source, cancel)) {
    const plain = decryption.update(chunk);
    if (plain.length > 0) yield plain;
  }
}

/** The bytes of the pieces one behind the other. */
export function piecesFile(pieces: readonly Piece[], volumes: readonly Volume[]): SeekableFile {
  const starts: number[] = [];
  let size = 0;
  for (const { start, end } of pieces) {
    starts.push(size);
    size += end - start;
  }
  return {
    size,
    async *read({ start, end }, cancel) {
      for (let i = lastAtMost(starts, start), at = start; at < end; i += 1) {
        const piece = pieces[i];
        if (!piece) throw new RangeError(`a member of ${size} bytes has none at ${at}`);
        const offset = piece.start - (starts[i] as number);
        const stop = Math.min(end + offset, piece.end);
        const file = (volumes[piece.volume] as Volume).file;
        yield* file.read({ start: at + offset, end: stop }, cancel);
        at = stop - offset;
      }
    },
  };
}

/** The last place whose value is at most `value`; values rise. */
function lastAtMost(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((values[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
