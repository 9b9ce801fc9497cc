import { bytesContent } from "../../../src/newsserver/content.ts";
import { filePacket, mainPacket } from "../../par2/par2-writer.ts";
import { bytesOf, film, type Named } from "./contents.ts";
import { across, type PostKind } from "./post-kind.ts";
import { smallRar } from "./rar.ts";
import { sevenZip, splitInto } from "./seven-zip.ts";

const VOLUME = 20_000;
const PIECE = 40_000;
const PART = 17_000;

/** The descriptions of a recovery set, as the smallest file of one has them. */
function par2(files: readonly Named[]): Named {
  const described = files.map(({ name, content }) => ({ name, bytes: bytesOf(content) }));
  const packets = [mainPacket(4_096, described), ...described.map((file) => filePacket(file))];
  return { name: "set.par2", content: bytesContent(Buffer.concat(packets)) };
}

/** Names that only a recovery set, or only the yEnc headers tell; archives in archives; several sets in one post. */
export const HIDDEN_KINDS: readonly PostKind[] = [
  {
    name: "split 7z under random names in any order, with PAR2",
    release: "Seven.Par.2026",
    build: () => {
      const content = film(31, 500_003);
      const archive = sevenZip({ files: [{ name: "Seven.Par.2026.mkv", content }], header: "plain" });
      const files = splitInto("Seven.Par.2026.7z", archive, PIECE);
      const serves = [{ path: "Seven.Par.2026.mkv", content, crossings: across(content, PIECE) }];
      const wire = { bodies: files.length + 4 };
      return { files, companions: [par2(files)], names: "random", isShuffled: true, partSize: PART, wire, serves };
    },
  },
  {
    name: "RAR4 without ordinals under random names in any order, with PAR2",
    release: "Rar.Par.2026",
    build: () => {
      const content = film(32, 500_003);
      const members = [{ name: "Rar.Par.2026.mkv", content }];
      const files = smallRar({ format: 4, volumeSize: VOLUME, endNumbers: false, files: members });
      const serves = [{ path: "Rar.Par.2026.mkv", content, crossings: across(content, VOLUME) }];
      const wire = { bodies: files.length + 4 };
      return { files, companions: [par2(files)], names: "random", isShuffled: true, partSize: PART, wire, serves };
    },
  },
  {
    name: "RAR4 without ordinals in any order, named by its yEnc headers only",
    release: "Yenc.Names.2026",
    build: () => {
      const content = film(33, 500_003);
      const members = [{ name: "Yenc.Names.2026.mkv", content }];
      const files = smallRar({ format: 4, volumeSize: VOLUME, endNumbers: false, files: members });
      const serves = [{ path: "Yenc.Names.2026.mkv", content, crossings: across(content, VOLUME) }];
      const wire = { bodies: files.length + 3 };
      return { files, names: "yenc", isShuffled: true, partSize: PART, wire, serves };
    },
  },
  {
    name: "RAR4 without ordinals under random names in any order, counted in its subjects",
    release: "Counted.Rar.2026",
    build: () => {
      const content = film(37, 500_003);
      const members = [{ name: "Counted.Rar.2026.mkv", content }];
      const files = smallRar({ format: 4, volumeSize: VOLUME, endNumbers: false, files: members });
      const serves = [{ path: "Counted.Rar.2026.mkv", content, crossings: across(content, VOLUME) }];
      const wire = { bodies: 2 * files.length };
      return { files, names: "random", isShuffled: true, partSize: PART, wire, serves };
    },
  },
  {
    name: "split 7z under random names in any order, counted in its subjects",
    release: "Counted.Seven.2026",
    build: () => {
      const content = film(38, 500_003);
      const archive = sevenZip({ files: [{ name: "Counted.Seven.2026.mkv", content }], header: "plain" });
      const files = splitInto("Counted.Seven.2026.7z", archive, PIECE);
      const serves = [{ path: "Counted.Seven.2026.mkv", content, crossings: across(content, PIECE) }];
      return { files, names: "random", isShuffled: true, partSize: PART, wire: { bodies: files.length + 4 }, serves };
    },
  },
  {
    name: "a film in 7z, in encrypted RAR5, in RAR4",
    release: "Nested.2026",
    build: () => {
      const content = film(34, 300_007);
      const innermost = sevenZip({ files: [{ name: "Nested.2026.mkv", content }], header: "lzma" });
      const inner = smallRar({
        format: 5,
        password: "in",
        volumeSize: 60_000,
        baseName: "inner",
        files: [{ name: "Nested.2026.7z", content: innermost }],
      });
      const files = smallRar({ format: 4, volumeSize: PIECE, files: inner });
      const serves = [{ path: "Nested.2026.mkv", content, crossings: across(content, PIECE) }];
      return { files, passwords: ["in"], partSize: PART, wire: { bodies: 2 * files.length + inner.length }, serves };
    },
  },
  {
    name: "two sets with one inner name and size, and notes beside them",
    release: "Two.Sets.2026",
    build: () => {
      const contents = [film(35, 200_003), film(36, 200_003)];
      const sets = contents.map((content, index) =>
        smallRar({
          format: 5,
          volumeSize: VOLUME,
          baseName: `set-${index + 1}`,
          files: [{ name: `CD${index + 1}/movie.mkv`, content }],
        }),
      );
      const note = { name: "Two.Sets.2026.nfo", content: bytesContent(Buffer.from("two discs")) };
      const files = [...sets.flat(), note];
      const serves = [
        ...contents.map((content, index) => ({ path: `CD${index + 1}/movie.mkv`, content })),
        { path: note.name, content: note.content },
      ];
      return { files, isShuffled: true, partSize: PART, wire: { bodies: files.length + 2 }, serves };
    },
  },
];
