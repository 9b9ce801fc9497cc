/** The tree that all WebDAV servers of the benchmark serve. It is worked out when asked for, so that it costs nobody anything to hold. */

export interface TreeNode {
  readonly name: string;
  /** Bytes; 0 for a folder. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Undefined for a file. */
  readonly members: (() => Iterable<TreeNode>) | undefined;
}

export interface TreeShape {
  /** Files in folders four deep, 25 to a folder. */
  readonly files: number;
  /** Further files, all in one folder. */
  readonly largeFolder: number;
  /** Bytes of a film that can be read; its content is nobody's business. */
  readonly filmBytes: number;
}

/** Paths within the tree. */
export const LARGE_FOLDER = "films/Large Folder";
/** Where the product puts a film that is handed in. */
export const FILM = "bench/film.mkv/film.mkv";
export const SMALL_FOLDER_FILES = 25;

const CATEGORIES = 20;
const SEASONS = 4;
const FILES_OF_SHOW = SEASONS * SMALL_FOLDER_FILES;
const EARLIEST = Date.UTC(2019, 0, 1);

export function treeOf({ files, largeFolder, filmBytes }: TreeShape): TreeNode {
  const shows = files / (CATEGORIES * FILES_OF_SHOW);
  const film = { ...file(0), name: "film.mkv", size: filmBytes };
  return folder("", function* () {
    yield folder("bench", () => [folder("film.mkv", () => [film])]);
    yield folder("films", () => [folder("Large Folder", () => some(largeFolder, file))]);
    yield* some(CATEGORIES, (category) =>
      folder(`shows ${category}`, () => some(shows, (show) => folder(`Show ${show}`, () => some(SEASONS, season)))),
    );
  });
}

/** Any file of the large folder. */
export function largeFolderFile({ largeFolder }: TreeShape, index: number): string {
  return `${LARGE_FOLDER}/${nameOf(index % largeFolder)}`;
}

/** The folder that any of the deep files is in, and its path. */
export function deepFile({ files }: TreeShape, index: number): { readonly folder: string; readonly path: string } {
  const category = index % CATEGORIES;
  const show = Math.floor(index / CATEGORIES) % (files / (CATEGORIES * FILES_OF_SHOW));
  const number = index % FILES_OF_SHOW;
  const folder = `shows ${category}/Show ${show}/Season ${Math.floor(number / SMALL_FOLDER_FILES)}/Disc 1`;
  return { folder, path: `${folder}/${nameOf(number)}` };
}

function season(number: number): TreeNode {
  const first = number * SMALL_FOLDER_FILES;
  return folder(`Season ${number}`, () => [
    folder("Disc 1", () => some(SMALL_FOLDER_FILES, (index) => file(first + index))),
  ]);
}

function folder(name: string, members: () => Iterable<TreeNode>): TreeNode {
  return { name, size: 0, modifiedAt: EARLIEST, members };
}

/** Each has a date of its own, as what was posted over years. */
function file(index: number): TreeNode {
  return { name: nameOf(index), size: 700_000 + index, modifiedAt: EARLIEST + index * 61_000, members: undefined };
}

/** Some 50 characters; every eighth has some that XML and URLs must escape. */
function nameOf(index: number): string {
  const number = String(index).padStart(5, "0");
  return index % 8 === 0
    ? `Zoë & Søn (2019) [1080p, BluRay] – ${number} 'x264'.mkv`
    : `Some.Film.Name.2019.1080p.BluRay.DTS.x264-GROUP.${number}.mkv`;
}

function* some(count: number, node: (index: number) => TreeNode): Iterable<TreeNode> {
  for (let index = 0; index < count; index += 1) yield node(index);
}
