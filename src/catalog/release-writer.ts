import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { CatalogError } from "../base/errors.ts";
import type { AddedRelease, EntryId, NewFile, NewRelease, ReleaseId } from "./catalog.ts";
import { type EntryTree, LIBRARY, type NewFolder } from "./entry-tree.ts";
import { encryptedSize, packCipher } from "./file-cipher.ts";
import type { Job, JobId } from "./jobs.ts";
import { fileNameParts, folderNameParts, freeNames, storedName, storedPath } from "./names.ts";
import { postWriter } from "./post-writer.ts";
import type { ReleasePlaces } from "./release-places.ts";
import { packRuns } from "./run-list.ts";
import type { Database } from "./sqlite.ts";

interface Parts {
  /** The library. */
  readonly tree: EntryTree;
  readonly places: ReleasePlaces;
  readonly clock: Clock;
  readonly completeJob: (job: JobId, release: ReleaseId) => Job;
  /** Shows download clients what a job has come to. */
  readonly addCompleted: (job: Job, outcome: { readonly release: ReleaseId; readonly isReady: boolean }) => void;
  /** Makes a sidecar of bytes at hand. */
  readonly addContent: (bytes: Uint8Array, place: NewFolder) => void;
}

/** Stores a release, inside the caller's transaction. */
export function releaseWriter(
  db: Database,
  { tree, places, clock, completeJob, addCompleted, addContent }: Parts,
): (release: NewRelease) => AddedRelease {
  const insert = db.prepare("INSERT INTO release (digest, folder, created_at) VALUES (?, ?, ?)");
  const addPost = postWriter(db);

  function ensureFolder(parent: EntryId, name: string, at: number): EntryId {
    const found = tree.child(parent, name);
    if (found?.kind === "file")
      throw new CatalogError("PATH_TAKEN", `cannot make the folder ${name}: a file has that name`);
    return found?.id ?? tree.addFolder({ parent, name, at });
  }

  function add(release: NewRelease): AddedRelease {
    const at = Math.round(clock.wall());
    const freeName = freeNames((parent, name) => tree.child(parent as EntryId, name) !== undefined);
    const category = ensureFolder(LIBRARY, storedName(release.category), at);
    const name = freeName(category, folderNameParts(storedName(release.name)));
    const top = tree.addFolder({ parent: category, name, at });
    const id = Number(insert.run(release.digest, top, at).lastInsertRowid) as ReleaseId;
    const posts = release.posts.map((post) => addPost(id, post));

    /** By path as it was asked for; where a file had that name, the folder got another. */
    const folders = new Map<string, EntryId>([["", top]]);
    function folderFor(names: readonly string[]): EntryId {
      let parent = top;
      let path = "";
      for (const wanted of names) {
        path += `/${wanted}`;
        const folder =
          folders.get(path) ?? tree.addFolder({ parent, name: freeName(parent, folderNameParts(wanted)), at });
        folders.set(path, folder);
        parent = folder;
      }
      return parent;
    }

    for (const file of release.files) {
      const names = storedPath(file.path);
      const parent = folderFor(names.slice(0, -1));
      const fileName = freeName(parent, fileNameParts(names.at(-1) as string));
      if (file.content !== undefined) {
        addContent(file.content, { parent, name: fileName, at });
        continue;
      }
      const runs = storedRuns(file, release, posts);
      const runBytes = runs.reduce((size, { start, end }) => size + end - start, 0);
      const cipher = storedCipher(file, runBytes);
      tree.addPostedFile({
        parent,
        name: fileName,
        at,
        size: file.cipher?.size ?? runBytes,
        modifiedAt: file.modifiedAt,
        contentTag: contentTag(release.digest, file, cipher),
        release: id,
        runs: packRuns(runs),
        cipher,
      });
    }
    return { id, path: tree.pathOf(top) as string, isNew: true };
  }

  return (release) => {
    const there = places.ofDigest(release.digest);
    const added = there === undefined ? add(release) : { ...there, isNew: false };
    if (release.job !== undefined) {
      addCompleted(completeJob(release.job, added.id), { release: added.id, isReady: !release.mustAnnounce });
    }
    return added;
  };
}

function storedRuns(file: NewFile, release: NewRelease, posts: readonly number[]) {
  return file.runs
    .filter(({ start, end }) => start !== end)
    .map(({ post, start, end }) => {
      const size = release.posts[post]?.size ?? -1;
      const isInside = Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= size;
      if (!isInside) throw new RangeError(`a run of ${file.path} lies outside the posts of its release`);
      return { post: posts[post] as number, start, end };
    });
}

function storedCipher({ path, cipher }: NewFile, runBytes: number): Buffer | undefined {
  if (cipher === undefined) return undefined;
  const packed = packCipher(cipher);
  if (runBytes < encryptedSize(cipher)) throw new RangeError(`the runs of ${path} are too short for its plaintext`);
  return packed;
}

/** Equal for equal bytes: the digest names the articles, the runs say which of their bytes, in what order, the cipher what they become. */
function contentTag(digest: string, { runs, cipher }: NewFile, stored: Buffer | undefined): string {
  const hash = createHash("sha256").update(digest);
  for (const { post, start, end } of runs) hash.update(` ${post},${start},${end}`);
  if (cipher !== undefined && stored !== undefined) hash.update(` ${stored.toString("hex")},${cipher.size}`);
  return hash.digest("base64url").slice(0, 20);
}
