import { describe, expect, test } from "@jest/globals";
import { fileKind, MAGIC_BYTES } from "../../src/import/magic.ts";

/** Bytes with `text` (latin1) or hexadecimal digits at the given offsets. */
function bytesWith(...pieces: readonly (readonly [offset: number, bytes: string | Buffer])[]): Buffer {
  const bytes = Buffer.alloc(MAGIC_BYTES);
  for (const [offset, piece] of pieces) Buffer.from(piece as string, "latin1").copy(bytes, offset);
  return bytes;
}
const hex = (digits: string) => Buffer.from(digits, "hex").toString("latin1");

describe("the first bytes of a file say that it is", () => {
  test.each([
    ["rar", bytesWith([0, "Rar!\x1a\x07\x00"])],
    ["rar", bytesWith([0, "Rar!\x1a\x07\x01\x00"])],
    ["7z", bytesWith([0, hex("377abcaf271c")])],
    ["zip", bytesWith([0, "PK\x03\x04"])],
    ["epub", bytesWith([0, "PK\x03\x04"], [30, "mimetypeapplication/epub+zip"])],
    ["par2", bytesWith([0, "PAR2\0PKT"])],
    ["mkv", bytesWith([0, hex("1a45dfa3")], [24, "matroska"])],
    ["webm", bytesWith([0, hex("1a45dfa3")], [24, "webm"])],
    ["mp4", bytesWith([4, "ftypisom"])],
    ["mov", bytesWith([4, "ftypqt  "])],
    ["m4a", bytesWith([4, "ftypM4A "])],
    ["avi", bytesWith([0, "RIFF"], [8, "AVI LIST"])],
    ["wav", bytesWith([0, "RIFF"], [8, "WAVEfmt "])],
    ["ts", bytesWith([0, "G"], [188, "G"], [376, "G"])],
    ["m2ts", bytesWith([4, "G"], [196, "G"], [388, "G"])],
    ["mpg", bytesWith([0, hex("000001ba")])],
    ["wmv", bytesWith([0, hex("3026b2758e66cf11")])],
    ["flv", bytesWith([0, "FLV\x01"])],
    ["flac", bytesWith([0, "fLaC"])],
    ["mp3", bytesWith([0, "ID3"])],
    ["ogg", bytesWith([0, "OggS"])],
    ["iso", bytesWith([32_769, "CD001"])],
    ["iso", bytesWith([32_769, "BEA01"])],
    ["pdf", bytesWith([0, "%PDF-1.7"])],
    ["jpg", bytesWith([0, hex("ffd8ffe0")])],
    ["png", bytesWith([0, hex("89504e470d0a1a0a")])],
    ["nzb", bytesWith([0, '<?xml version="1.0"?>\n<nzb xmlns="x">'])],
  ])("%s", (extension, bytes) => {
    expect(fileKind(bytes)?.extension).toBe(extension);
  });

  test("nothing, when one sync byte stands by chance or the file is too short to tell", () => {
    expect(fileKind(bytesWith([0, "G"]))).toBeUndefined();
    expect(fileKind(Buffer.from("PK"))).toBeUndefined();
    expect(fileKind(Buffer.alloc(0))).toBeUndefined();
  });
});
