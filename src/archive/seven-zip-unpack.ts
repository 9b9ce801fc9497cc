import { setImmediate as turn } from "node:timers/promises";
import { LzmaDecoder } from "./seven-zip-lzma.ts";
import { malformedSevenZip } from "./seven-zip-numbers.ts";

/** What is decoded between two turns of the event loop: some milliseconds. */
const STEP = 128 * 1024;
const RUNS_PER_TURN = 64;

/** Unpacks raw LZMA with its 5 bytes of properties (7z coder 030101) to exactly `size` bytes. Throws ARCHIVE_MALFORMED. */
export async function unpackLzma(packed: Buffer, properties: Buffer, size: number): Promise<Buffer> {
  if (properties.length !== 5) throw malformedSevenZip("its packed header is damaged");
  const decoder = new LzmaDecoder(size);
  decoder.setProperties(properties[0] as number);
  decoder.start(packed);
  await runTo(decoder, size);
  return decoder.out;
}

/** Unpacks LZMA2 (7z coder 21; xz file format, "LZMA2") to exactly `size` bytes. Throws ARCHIVE_MALFORMED. */
export async function unpackLzma2(packed: Buffer, size: number): Promise<Buffer> {
  const decoder = new LzmaDecoder(size);
  const need = { dictionary: true, properties: true };
  let at = 0;
  let runs = 0;
  const take = (length: number): Buffer => {
    if (at + length > packed.length) throw malformedSevenZip("its packed header is damaged");
    at += length;
    return packed.subarray(at - length, at);
  };
  for (let control = take(1)[0] as number; control !== 0; control = take(1)[0] as number) {
    if (control === 1 || control >= 0xe0) {
      decoder.resetDictionary();
      need.dictionary = false;
    }
    if (need.dictionary || (control > 2 && control < 0x80)) throw malformedSevenZip("its packed header is damaged");
    if (control < 0x80) {
      decoder.copy(take(take(2).readUInt16BE() + 1));
      continue;
    }
    const unpackedSize = ((control & 0x1f) << 16) + take(2).readUInt16BE() + 1;
    const packedSize = take(2).readUInt16BE() + 1;
    const reset = (control >> 5) & 3;
    if (reset >= 2) {
      const properties = take(1)[0] as number;
      // Without this rule of LZMA2 every run of a hostile header could fill megabytes of probabilities anew.
      if ((properties % 9) + (Math.floor(properties / 9) % 5) > 4)
        throw malformedSevenZip("its packed header is damaged");
      decoder.setProperties(properties);
      need.properties = false;
    } else if (need.properties) throw malformedSevenZip("its packed header is damaged");
    else if (reset === 1) decoder.resetState();
    if (unpackedSize > size - decoder.position) throw malformedSevenZip("its packed header is damaged");
    decoder.start(take(packedSize));
    if (++runs % RUNS_PER_TURN === 0) await turn();
    await runTo(decoder, decoder.position + unpackedSize);
  }
  if (decoder.position !== size) throw malformedSevenZip("its packed header is damaged");
  return decoder.out;
}

async function runTo(decoder: LzmaDecoder, end: number): Promise<void> {
  while (decoder.position < end) {
    decoder.run(decoder.position + STEP, end);
    if (decoder.position < end) await turn();
  }
}
