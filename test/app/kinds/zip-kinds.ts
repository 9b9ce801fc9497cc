import { bytesContent } from "../../../src/newsserver/content.ts";
import { writeZip } from "../../archive/zip-writer.ts";
import { bytesOf, cut, film, type Named } from "./contents.ts";
import { across, type PostKind } from "./post-kind.ts";
import { splitInto } from "./seven-zip.ts";

const PIECE = 40_000;
const PART = 9_000;

function zip(files: readonly Named[], shape?: Parameters<typeof writeZip>[1]) {
  return bytesContent(
    writeZip(
      files.map(({ name, content }) => ({ name, bytes: bytesOf(content) })),
      shape,
    ),
  );
}

function films(name: string, count: number): readonly Named[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `${name}.Part${index + 1}.mkv`,
    content: film(80 + index, 130_001 + index),
  }));
}

function served(files: readonly Named[]) {
  return files.map(({ name, content }) => ({ path: name, content, crossings: across(content, PIECE) }));
}

/** First and last article, and one more at most for each local header, which tells where a member begins. */
function wire(pieces: number, members: number) {
  return { bodies: pieces + members + 2 };
}

export const ZIP_KINDS: readonly PostKind[] = [
  {
    name: "ZIP stored",
    release: "Zip.2026",
    build: () => {
      const inside = films("Zip.2026", 3);
      return {
        files: [{ name: "Zip.2026.zip", content: zip(inside) }],
        partSize: PART,
        wire: wire(1, 3),
        serves: served(inside),
      };
    },
  },
  {
    name: "ZIP64 with a comment",
    release: "Wide.2026",
    build: () => {
      const inside = films("Wide.2026", 2);
      const files = [{ name: "Wide.2026.zip", content: zip(inside, { isWide: true, comment: 900 }) }];
      return { files, partSize: PART, wire: wire(1, 2), serves: served(inside) };
    },
  },
  {
    name: "ZIP cut into .zip.001",
    release: "Cut.2026",
    build: () => {
      const inside = films("Cut.2026", 2);
      const files = splitInto("Cut.2026.zip", zip(inside), PIECE);
      return { files, partSize: PART, wire: wire(files.length, 2), serves: served(inside) };
    },
  },
  {
    name: "a film cut into .mkv.001",
    release: "Raw.2026",
    build: () => {
      const content = film(90, 900_007);
      const files = splitInto("Raw.2026.mkv", content, PIECE);
      const serves = [{ path: "Raw.2026.mkv", content, crossings: across(content, PIECE) }];
      return { files, partSize: PART, wire: { bodies: files.length + 1 }, serves };
    },
  },
  {
    name: "a film cut into .001 under a hash",
    release: "Raw.Hidden.2026",
    build: () => {
      const content = film(91, 500_007);
      const files = cut(content, PIECE).map((piece, index) => ({
        name: `b082fa0beaa644d3aa01045d5b8d0b36.${String(index + 1).padStart(3, "0")}`,
        content: piece,
      }));
      const serves = [{ path: "Raw.Hidden.2026.mkv", content, crossings: across(content, PIECE) }];
      return { files, partSize: PART, wire: { bodies: files.length + 1 }, serves };
    },
  },
];
