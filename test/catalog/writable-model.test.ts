import { expect, test } from "@jest/globals";
import type { CatalogStats, Entry, EntryId, NewRelease } from "../../src/catalog/catalog.ts";
import type { SqliteCatalog } from "../../src/catalog/open-catalog.ts";
import type { WritableTree } from "../../src/catalog/writable-tree.ts";
import {
  bytesOf,
  countOf,
  evenPost,
  fileOf,
  jobOf,
  library,
  openRows,
  purgeAll,
  put,
  releaseOf,
  seeded,
} from "./fixture.ts";
import { type Node, nodesIn, sizeOf, TrashModel, TreeModel } from "./tree-model.ts";

const NAMES = ["a", "b", "c.nfo", "a (2)", "ü"];
const DIGESTS = ["d0", "d1", "d2", "d3"];
const POSTS = [evenPost(seeded(9), 3)];

interface ModelRelease {
  readonly id: number;
  readonly digest: string;
}

/** The outcome of a call, or the code of what it threw. */
function outcome(call: () => unknown): unknown {
  try {
    return call() ?? "done";
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

/** Names, times, sizes and properties of a whole tree, as the catalog tells them. */
function seen(catalog: SqliteCatalog, tree: WritableTree, path = ""): unknown {
  const entry = tree.find(path) as Entry;
  const members = tree.list(path, undefined, 1000).map((member) => {
    const inner = path === "" ? member.name : `${path}/${member.name}`;
    expect(tree.find(inner)).toEqual(member);
    return [member.name, seen(catalog, tree, inner)];
  });
  return {
    kind: entry.kind,
    size: entry.size,
    createdAt: entry.createdAt,
    modifiedAt: entry.modifiedAt,
    properties: entry.properties,
    bytes: entry.isSidecar ? bytesOf(catalog, path, tree).toString() : undefined,
    members,
  };
}

function wanted(node: Node): unknown {
  const { kind, createdAt, modifiedAt, properties } = node;
  const members = [...node.members].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return {
    kind,
    size: sizeOf(node),
    createdAt,
    modifiedAt,
    properties,
    bytes: node.bytes?.toString(),
    members: members.map(([name, member]) => [name, wanted(member)]),
  };
}

test.each([1, 2])("a library that is written to does what its model does, seed %i", (seed) => {
  using shelf = library();
  const random = seeded(seed);
  let rows = openRows(shelf);
  const now = () => shelf.clock.wall();
  const trash = new TrashModel();
  const releases: ModelRelease[] = [];
  /** What the last job for each post completed with; nothing once another was added. */
  const completed = new Map<string, number>();
  /** Ids of what the next call removes, since only the catalog knows them. */
  let idAt = (_path: string): EntryId => 0 as EntryId;
  const models = {
    library: new TreeModel(now, (node, path) => trash.add({ id: idAt(path), path, removedAt: now(), node })),
    drops: new TreeModel(now, () => {}),
  };

  const treeOf = (which: keyof typeof models): WritableTree =>
    which === "library" ? rows.catalog : rows.catalog.drops;
  const holds = (root: Node, release: number) => [...nodesIn(root)].some(({ posted }) => posted?.release === release);
  const isThere = (release: number) => holds(models.library.root, release);

  function anyPath(model: TreeModel): string {
    const paths = model.paths();
    if (random.below(12) === 0) return "";
    if (paths.length > 0 && random.below(3) > 0) return random.pick(paths);
    const folder = random.below(2) === 0 || paths.length === 0 ? "" : `${random.pick(paths)}/`;
    return folder + random.pick(NAMES);
  }

  /** The same call on both, with the same outcome. */
  function both(call: (tree: WritableTree, model: TreeModel) => readonly [() => unknown, () => unknown]): void {
    const which = random.below(3) === 0 ? "drops" : "library";
    const [tree, model] = [treeOf(which), models[which]];
    const ids = new Map(model.paths().map((path) => [path, tree.find(path)?.id as EntryId]));
    idAt = (path) => ids.get(path) as EntryId;
    const [real, modelled] = call(tree, model);
    expect(outcome(real)).toEqual(outcome(modelled));
  }

  function checkAll(): void {
    const { catalog } = rows;
    for (const which of ["library", "drops"] as const) {
      expect(seen(catalog, treeOf(which))).toEqual(wanted(models[which].root));
    }
    const items = trash.items.map(({ id, path, removedAt, node }) => {
      return { id, kind: node.kind, path, size: sizeOf(node), removedAt };
    });
    expect(catalog.trash.list({ limit: 1000 })).toEqual(items);
    const roots = [models.library.root, models.drops.root, ...trash.items.map(({ node }) => node)];
    const files = roots.flatMap((root) => [...nodesIn(root)]).filter(({ kind }) => kind === "file");
    const kept = releases.filter(({ id }) => roots.some((root) => holds(root, id)));
    const stats: CatalogStats = {
      files: files.length,
      bytes: files.reduce((sum, node) => sum + sizeOf(node), 0),
      releases: kept.length,
      segments: kept.length * 3,
    };
    expect(catalog.stats()).toEqual(stats);
  }

  const operations: Readonly<Record<string, () => void>> = {
    makeFolder: () =>
      both((tree, model) => {
        const path = anyPath(model);
        return [() => tree.makeFolder(path), () => model.makeFolder(path)];
      }),
    putSidecar: () =>
      both((tree, model) => {
        const path = anyPath(model);
        const bytes = Buffer.from(random.text(random.below(20)));
        return [() => put(rows.catalog, path, bytes, tree), () => model.putSidecar(path, bytes)];
      }),
    move: () =>
      both((tree, model) => {
        const [from, to] = [anyPath(model), anyPath(model)];
        return [() => tree.move(from, to), () => model.move(from, to)];
      }),
    copy: () =>
      both((tree, model) => {
        const [from, to] = [anyPath(model), anyPath(model)];
        const depth = random.pick(["0", "infinity"] as const);
        // What doubles with every copy would soon be all that there is.
        const size = [...nodesIn(model.at(from) ?? model.root)].length;
        if (size > 15) return [() => "skipped", () => "skipped"];
        return [() => tree.copy(from, to, depth), () => model.copy(from, to, depth)];
      }),
    remove: () =>
      both((tree, model) => {
        const path = anyPath(model);
        return [() => tree.remove(path), () => model.remove(path)];
      }),
    setProperties: () =>
      both((tree, model) => {
        const path = anyPath(model);
        const properties = random.pick([undefined, "p", "<q/>"]);
        return [() => tree.setProperties(path, properties), () => model.setProperties(path, properties)];
      }),
    restore: () => {
      const { catalog } = rows;
      const item = random.pick(trash.items);
      if (item === undefined) return;
      trash.take(item.id);
      const path = catalog.trash.restore(item.id as EntryId);
      expect(path).toBe(models.library.restore(item.path, item.node));
      expect(catalog.find(path)?.id).toBe(item.id);
    },
    purge: () => {
      const { trash: real } = rows.catalog;
      const oldest = real.oldest(Infinity);
      expect(oldest?.id).toBe(trash.items.at(-1)?.id);
      if (oldest === undefined || random.below(2) === 0) return;
      const limit = 1 + random.below(5);
      let isMore = real.purge(oldest.id, limit);
      trash.take(oldest.id);
      expect(real.list({ limit: 1000 }).map(({ id }) => id)).toEqual(trash.items.map(({ id }) => id));
      while (isMore) isMore = real.purge(oldest.id, limit);
    },
    import: () => {
      const { catalog } = rows;
      const digest = random.pick(DIGESTS);
      const last = completed.get(digest);
      const { job, isNew } = catalog.jobs.add(jobOf({ digest }));
      expect(isNew).toBe(last === undefined || !isThere(last));
      if (!isNew) {
        expect(job).toMatchObject({ state: "completed", release: last });
        return;
      }
      completed.delete(digest);
      expect(catalog.jobs.claim()?.id).toBe(job.id);
      const sizes = [5, 6].slice(0, 1 + random.below(2));
      const files = sizes.map((size) => fileOf(`${size}.mkv`, [{ post: 0, start: 0, end: size }]));
      const release: NewRelease = releaseOf({
        digest,
        name: random.pick(NAMES),
        category: random.pick(["a", "tv"]),
        posts: POSTS,
        job: job.id,
        files: files.map((file) => ({ ...file, modifiedAt: 1000 })),
      });
      const there = releases.find((other) => other.digest === digest && isThere(other.id));
      const real = outcome(() => catalog.addRelease(release));
      if (there !== undefined) {
        expect(real).toMatchObject({ id: there.id, isNew: false });
        const stands = models.library.at((real as { path: string }).path);
        expect(stands !== undefined && holds(stands, there.id)).toBe(true);
        completed.set(digest, there.id);
        return;
      }
      const id = (real as { id?: number }).id ?? 0;
      const modelled = outcome(() =>
        models.library.addRelease(
          release.category,
          release.name,
          sizes.map((size) => ({ name: `${size}.mkv`, size, release: id })),
        ),
      );
      if (modelled === "PATH_TAKEN") {
        expect(real).toBe("PATH_TAKEN");
        catalog.jobs.update(job.id, { state: "failed" });
        return;
      }
      expect(real).toEqual({ id, path: modelled, isNew: true });
      releases.push({ id, digest });
      completed.set(digest, id);
    },
    whereReleasesAre: () => {
      const { catalog } = rows;
      for (const { id } of releases) {
        const mine = models.library.paths().filter((path) => models.library.at(path)?.posted?.release === id);
        expect(
          catalog
            .releaseFiles(id as never)
            .map(({ path }) => path)
            .filter((path) => catalog.find(path)?.isSidecar === false)
            .toSorted(),
        ).toEqual(mine.toSorted());
        for (const path of mine)
          expect(catalog.extents(catalog.find(path)?.id as EntryId).at(0).end).toBeGreaterThan(0);
      }
    },
    restart: () => {
      if (random.below(4) > 0) return;
      rows[Symbol.dispose]();
      rows = openRows(shelf);
    },
  };

  for (let step = 0; step < 600; step++) {
    shelf.clock.advance(random.below(3));
    random.pick(Object.values(operations))();
    if (step % 20 === 0) checkAll();
  }
  checkAll();
  expect(releases.length).toBeGreaterThan(3);
  for (const which of ["library", "drops"] as const) {
    for (const { name } of treeOf(which).list("", undefined, 1000)) treeOf(which).remove(name);
  }
  purgeAll(rows.catalog, 3);
  expect(rows.catalog.stats()).toEqual({ files: 0, releases: 0, segments: 0, bytes: 0 });
  const tables = ["entry", "release", "post", "segment_chunk", "content", "content_chunk", "trash"];
  expect(tables.map((table) => countOf(rows.db, table))).toEqual([3, 0, 0, 0, 0, 0, 0]);
  expect(rows.db.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(rows.db.pragma("foreign_key_check")).toEqual([]);
  rows[Symbol.dispose]();
});
