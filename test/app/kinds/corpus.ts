import { readFileSync } from "node:fs";
import { bytesContent } from "../../../src/newsserver/content.ts";
import type { Named } from "./contents.ts";

const FIXTURES = new URL("../../fixtures/archive/", import.meta.url);
const RAR_FOLDERS = [
  "altmount-rar",
  "libarchive-rar",
  "rar-stream",
  "rar-test-files",
  "rarfile",
  "sharpcompress-rar",
  "unrar-rs",
];
const OTHER_FOLDERS = ["altmount-7z", "bodgit-sevenzip", "libarchive-7z-zip", "sharpcompress-7z-zip", "yauzl"];

export interface CorpusMember {
  readonly path: string;
  readonly size: number;
  /** Of the member's bytes; empty where no tool unpacks it. */
  readonly sha256: string;
  readonly isCompressed: boolean;
}

/** An archive that nobody here wrote, and what a manifest says of it. */
export interface CorpusArchive {
  readonly folder: string;
  /** In the order of the archive. */
  readonly volumes: readonly Named[];
  readonly password: string;
  /** None for what is hostile or damaged. */
  readonly members: readonly CorpusMember[];
}

export const CORPUS_FOLDERS: readonly string[] = [...RAR_FOLDERS, ...OTHER_FOLDERS];

export function corpusArchives(folder: string): readonly CorpusArchive[] {
  const [head = [], ...lines] = readFileSync(new URL(`${folder}/members.tsv`, FIXTURES), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t"));
  const rows = lines.map((cells) => new Map(head.map((column, index) => [column, cells[index] ?? ""])));
  const cell = (row: ReadonlyMap<string, string>, column: string) => row.get(column) ?? "";
  const filesOf = (row: ReadonlyMap<string, string>): readonly string[] => {
    if (RAR_FOLDERS.includes(folder)) return cell(row, "volumes").split(" ");
    const first = cell(row, "file");
    const others = rows.filter((other) => cell(other, "volume").endsWith(` of ${first}`));
    const files = [first, ...others.map((other) => cell(other, "file"))];
    // Of a ZIP in several volumes the last one is `.zip`.
    return first.endsWith(".z01") && others.length === 0 ? [first, first.replace(/z01$/, "zip")] : files;
  };
  const archives = new Map<string, { row: ReadonlyMap<string, string>; members: CorpusMember[] }>();
  for (const row of rows) {
    if (cell(row, "volume").includes(" of ")) continue;
    const key = cell(row, "volumes") || cell(row, "file");
    if (!RAR_FOLDERS.includes(folder) && /multi\.zip$/.test(key)) continue;
    const archive = archives.get(key) ?? { row, members: [] };
    archives.set(key, archive);
    const kind = cell(row, "kind") || cell(row, "method");
    if (kind === "") continue;
    archive.members.push({
      path: cell(row, "member"),
      size: Number(cell(row, "size")),
      sha256: cell(row, "sha256"),
      isCompressed: kind.startsWith("compressed"),
    });
  }
  return [...archives.values()].map(({ row, members }) => ({
    folder,
    volumes: filesOf(row).map((name) => ({
      name,
      content: bytesContent(readFileSync(new URL(`${folder}/${encodeURIComponent(name)}`, FIXTURES))),
    })),
    password: cell(row, "password"),
    members,
  }));
}
