import { film } from "./contents.ts";
import type { BuiltToServe, PostKind, Served } from "./post-kind.ts";
import type { Posting } from "./posting.ts";
import { smallRar } from "./rar.ts";
import { sevenZip, splitInto } from "./seven-zip.ts";

const VOLUME = 20_000;
const PIECE = 40_000;
const PART = 7_000;
/** More than the headers of a volume take. */
const HEADERS = 200;

function rar(name: string) {
  const content = film(21, 412_003);
  const files = smallRar({ format: 5, volumeSize: VOLUME, services: true, files: [{ name, content }] });
  return { content, files };
}

/** One article of one file is gone, and with it the bytes of the film in `hole`. */
function hurt(
  files: Posting["files"],
  served: Required<Pick<Served, "path" | "content" | "hole">>,
  lost: readonly [file: number, part: number],
): BuiltToServe {
  const isLost = (file: number, part: number) => file === lost[0] && part === lost[1];
  return { files, partSize: PART, isLost, wire: { bodies: 2 * files.length + 8, stats: 24 }, serves: [served] };
}

/** Posts of which exactly one article is missing everywhere, at the places where imports look. */
export const DAMAGED_KINDS: readonly PostKind[] = [
  {
    name: "a RAR set without the last article of its last volume",
    release: "No.End.2026",
    build: () => {
      const { content, files } = rar("No.End.2026.mkv");
      const last = files.length - 1;
      const lastPart = Math.ceil((files[last]?.content.size ?? 0) / PART);
      const hole = { start: last * (VOLUME - HEADERS) + (lastPart - 1) * PART - HEADERS, end: content.size };
      return hurt(files, { path: "No.End.2026.mkv", content, hole }, [last, lastPart]);
    },
  },
  {
    name: "a RAR set without the last article of a volume in the middle",
    release: "No.Tail.2026",
    build: () => {
      const { content, files } = rar("No.Tail.2026.mkv");
      const hole = { start: 9 * (VOLUME - HEADERS) + 2 * PART - HEADERS, end: 10 * VOLUME };
      return hurt(files, { path: "No.Tail.2026.mkv", content, hole }, [9, 3]);
    },
  },
  {
    name: "a RAR set without the first article of a volume in the middle",
    release: "No.Head.2026",
    build: () => ({
      files: rar("No.Head.2026.mkv").files,
      partSize: PART,
      isLost: (file, part) => file === 9 && part === 1,
      wire: { bodies: 60, stats: 24 },
      refused: { code: "ARCHIVE_INCOMPLETE", reason: /volume 10|set\.part10\.rar/ },
    }),
  },
  {
    name: "a film cut into pieces, without the first article of one",
    release: "Raw.Hole.2026",
    build: () => {
      const content = film(22, 400_003);
      const files = splitInto("Raw.Hole.2026.mkv", content, PIECE);
      const hole = { start: 4 * PIECE, end: 4 * PIECE + PART };
      return hurt(files, { path: "Raw.Hole.2026.mkv", content, hole }, [4, 1]);
    },
  },
  {
    name: "a split 7z without the first article of one of its pieces",
    release: "Seven.Hole.2026",
    build: () => {
      const content = film(23, 400_003);
      const archive = sevenZip({ files: [{ name: "Seven.Hole.2026.mkv", content }], header: "plain" });
      const hole = { start: 4 * PIECE - 32, end: 4 * PIECE + PART };
      const files = splitInto("Seven.Hole.2026.7z", archive, PIECE);
      return hurt(files, { path: "Seven.Hole.2026.mkv", content, hole }, [4, 1]);
    },
  },
  {
    name: "a 7z without its last article, in which its header lies",
    release: "Seven.Headless.2026",
    build: () => {
      const content = film(24, 200_003);
      const archive = sevenZip({ files: [{ name: "Seven.Headless.2026.mkv", content }], header: "plain" });
      const last = Math.ceil(archive.size / PART);
      return {
        files: [{ name: "Seven.Headless.2026.7z", content: archive }],
        partSize: PART,
        isLost: (_file, part) => part === last,
        wire: { bodies: 8, stats: 24 },
        refused: { code: "ARTICLE_MISSING", reason: /article \d+ of Seven\.Headless\.2026\.7z is missing/ },
      };
    },
  },
];
