/** Works on a catalog in a process of its own: SQLite blocks, and what it costs must not disturb the benchmark. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { systemClock } from "../src/base/clock.ts";
import type { MessageId } from "../src/base/message-id.ts";
import { SegmentList } from "../src/base/segment-list.ts";
import type { Catalog, ExtentMap, NewFile } from "../src/catalog/catalog.ts";
import { answerRequests } from "./child-side.ts";
import { FILM, type TreeNode, type TreeShape, treeOf } from "./dav-tree.ts";

export interface FileTimes {
  readonly importMs: number;
  /** Every chunk of its segments unpacked. */
  readonly openMs: number;
  readonly firstMs: number;
  readonly randomMs: number;
  readonly bytesPerSegment: number;
}

/** The built one, beside which the migrations lie. */
const BUILT = new URL("../../dist/catalog/open-catalog.js", import.meta.url);
const { openCatalog } = (await import(BUILT.href)) as typeof import("../src/catalog/open-catalog.ts");

const PART_SIZE = 716_800;
const CHUNK_SEGMENTS = 1024;
/** What is listed is not read: few articles are enough. */
const LISTED_PART_SIZE = 500e6;

answerRequests({
  /** Stores a file of so many segments in a new catalog and reads it again; `ids` as posters make them. */
  oneFile({ path, segments }: { path: string; segments: number }): FileTimes {
    const ids = SegmentList.from(
      Array.from({ length: segments }, (_, n) => ({ id: idOf(n), encodedSize: 740_000 + (n % 997) })),
    );
    const size = segments * PART_SIZE;
    inCatalog(path, () => {});
    const emptyBytes = statSync(path).size;
    const importMs = inCatalog(path, (catalog) =>
      timed(() =>
        catalog.addRelease({
          category: "films",
          name: "film",
          digest: "film",
          posts: [{ segments: ids, size, partSize: PART_SIZE }],
          files: [{ path: "film.mkv", runs: [{ post: 0, start: 0, end: size }], modifiedAt: 0 }],
        }),
      ),
    );
    const bytesPerSegment = (statSync(path).size - emptyBytes) / segments;
    // A catalog opened anew has no map in its memory.
    const reading = (act: (map: ExtentMap) => void) =>
      inCatalog(path, (catalog) => {
        const entry = catalog.find("films/film/film.mkv");
        if (entry === undefined) throw new Error("the film is not in the catalog");
        return timed(() => act(catalog.extents(entry.id)));
      });
    const everyChunk = (map: ExtentMap) => {
      for (let index = 0; index < segments; index += CHUNK_SEGMENTS) map.at(index * PART_SIZE);
    };
    return {
      importMs,
      openMs: reading(everyChunk),
      firstMs: reading((map) => map.at(0)),
      randomMs: reading((map) => map.at(Math.floor(segments * 0.7) * PART_SIZE)),
      bytesPerSegment,
    };
  },
  /** Fills a new catalog with files of one segment each, a thousand to a release; resolves with the path of one. */
  manyFiles({ path, files }: { path: string; files: number }): string {
    using catalog = openCatalog({ path, clock: systemClock });
    const perRelease = 1000;
    for (let release = 0; release < files / perRelease; release += 1) {
      const members = Array.from({ length: perRelease }, (_, n) => release * perRelease + n);
      catalog.addRelease({
        category: `category ${release % 20}`,
        name: `release ${release}`,
        digest: `release ${release}`,
        posts: members.map((n) => ({
          segments: SegmentList.from([{ id: idOf(n), encodedSize: 740_000 }]),
          size: PART_SIZE,
          partSize: PART_SIZE,
        })),
        files: members.map((n, post) => ({
          path: `file ${n}.mkv`,
          runs: [{ post, start: 0, end: PART_SIZE }],
          modifiedAt: 0,
        })),
      });
    }
    return "category 0/release 0/file 7.mkv";
  },
  /** Fills a new catalog with the tree that all WebDAV servers serve, but for the film, which is handed in. */
  davTree({ path, shape }: { path: string; shape: TreeShape }): void {
    using catalog = openCatalog({ path, clock: systemClock });
    for (const category of membersOf(treeOf(shape))) {
      if (FILM.startsWith(`${category.name}/`)) continue;
      for (const release of membersOf(category)) {
        const files: NewFile[] = [];
        const size = addFiles(files, "", release);
        const digest = `${category.name}/${release.name}`;
        const count = Math.ceil(size / LISTED_PART_SIZE);
        const segments = SegmentList.from(Array.from({ length: count }, (_, n) => ({ id: idOf(n), encodedSize: 1 })));
        const posts = [{ segments, size, partSize: LISTED_PART_SIZE }];
        catalog.addRelease({ category: category.name, name: release.name, digest, posts, files });
      }
    }
  },
});

function membersOf({ members }: TreeNode): Iterable<TreeNode> {
  return members?.() ?? [];
}

/** Appends what is in a folder, its bytes one behind the other; gives where they end. */
function addFiles(files: NewFile[], before: string, folder: TreeNode): number {
  let end = files.at(-1)?.runs[0]?.end ?? 0;
  for (const node of membersOf(folder)) {
    const path = before + node.name;
    if (node.members !== undefined) end = addFiles(files, `${path}/`, node);
    else {
      const start = end;
      end += node.size;
      files.push({ path, runs: [{ post: 0, start, end }], modifiedAt: node.modifiedAt });
    }
  }
  return end;
}

/** The file is closed afterwards, so that all of it has been written. */
function inCatalog<T>(path: string, act: (catalog: Catalog) => T): T {
  using catalog = openCatalog({ path, clock: systemClock });
  return act(catalog);
}

function timed(act: () => unknown): number {
  const before = performance.now();
  act();
  return performance.now() - before;
}

/** 43 characters without a pattern, as posters make them: nothing that packs well. */
function idOf(n: number): MessageId {
  return `${createHash("sha256").update(String(n)).digest("base64url").slice(0, 28)}@ngPost.example` as MessageId;
}
