import { bytesContent } from "../../../src/newsserver/content.ts";
import { film, joined, type Named } from "./contents.ts";
import { across, type BuiltToServe, type PostKind } from "./post-kind.ts";
import type { Posting } from "./posting.ts";
import { type SevenZip, sevenZip, splitInto } from "./seven-zip.ts";

const PIECE = 40_000;
const PART = 9_000;

function films(name: string, count: number, size: number): readonly Named[] {
  return Array.from({ length: count }, (_, index) => ({
    name: count === 1 ? `${name}.mkv` : `${name}.Part${index + 1}.mkv`,
    content: film((size % 997) + index, size + index),
  }));
}

/** A split archive: the first article of each piece, and the last ones, where the header is. */
function split(name: string, archive: SevenZip, posting: Partial<Posting> = {}): BuiltToServe {
  const files = splitInto(`${name}.7z`, sevenZip(archive), PIECE);
  const serves = archive.files.map((file) => ({
    path: file.name,
    content: file.content,
    crossings: across(file.content, PIECE),
  }));
  return { files, partSize: PART, wire: { bodies: files.length + 3 }, serves, ...posting };
}

function single(name: string, archive: SevenZip, posting: Partial<Posting> = {}): BuiltToServe {
  const serves = archive.files.map((file) => ({ path: file.name, content: file.content }));
  return {
    files: [{ name: `${name}.7z`, content: sevenZip(archive) }],
    partSize: PART,
    wire: { bodies: 3 },
    serves,
    ...posting,
  };
}

export const SEVEN_ZIP_KINDS: readonly PostKind[] = [
  {
    name: "7z with a plain header, small",
    release: "Seven.Small.2026",
    build: () => single("Seven.Small.2026", { files: films("Seven.Small.2026", 1, 300_001), header: "plain" }),
  },
  {
    name: "split 7z with an LZMA-packed header",
    release: "Seven.Split.2026",
    build: () => split("Seven.Split.2026", { files: films("Seven.Split.2026", 6, 150_001), header: "lzma" }),
  },
  {
    name: "7z with an encrypted header",
    release: "Seven.Locked.2026",
    build: () => {
      const archive = {
        files: films("Seven.Locked.2026", 3, 100_001),
        header: "encrypted",
        password: "ünlock",
      } as const;
      return split("Seven.Locked.2026", archive, { passwords: ["no", "ünlock"] });
    },
  },
  {
    name: "7z encrypted, its header in the clear",
    release: "Seven.Data.2026",
    build: () => {
      const archive = { files: films("Seven.Data.2026", 1, 200_001), header: "plain", password: "pw" } as const;
      return split("Seven.Data.2026", archive, { passwords: ["pw"] });
    },
  },
  {
    name: "obfuscated split 7z, small",
    release: "Seven.Hidden.2026",
    build: () => split("x", { files: films("Seven.Hidden.2026", 1, 500_001), header: "plain" }, { names: "random" }),
  },
  {
    name: "many small files in a 7z",
    release: "Seven.Many.2026",
    ranges: 3,
    build: () => {
      const files = Array.from({ length: 60 }, (_, index) => ({
        name: `Photos/Photo ${index + 1}.jpg`,
        content: joined([bytesContent(Buffer.from("ffd8ff", "hex")), film(index, 2_000 + index)]),
      }));
      return single("Seven.Many.2026", { files, header: "lzma" });
    },
  },
];
