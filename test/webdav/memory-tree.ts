import { raceAbort } from "../../src/base/abort.ts";
import type { ByteRange } from "../../src/base/byte-range.ts";
import { RequestError } from "../../src/base/errors.ts";
import type { DavEntry, DavPath, DavSpace, DavTree, PutRequest, ReadContext } from "../../src/webdav/tree.ts";
import type { XmlName } from "../../src/webdav/xml.ts";

interface Folder {
  entry: DavEntry;
  readonly members: Map<string, Folder | File>;
  sorted: string[] | undefined;
}

interface File {
  entry: DavEntry;
  readonly bytes: (range: ByteRange) => Uint8Array;
}

/** What a test does to the next reads. */
export interface Faults {
  /** Awaited before each chunk; the number counts from 0 within one read. */
  gate?: (chunk: number) => Promise<void>;
  /** Thrown once this many bytes of a read are out. */
  failAfter?: { readonly bytes: number; readonly error: unknown };
  /** Ends a read early, or goes on beyond its end, by so many bytes. */
  excess?: number;
}

export interface MemoryTree extends DavTree {
  chunkBytes: number;
  faults: Faults;
  readonly counts: {
    finds: number;
    lists: number;
    listed: number;
    reads: number;
    openReads: number;
    chunks: number;
    puts: number;
  };
  readonly lastRead: ReadContext | undefined;
  /** What `space` answers. */
  spaceLeft: DavSpace | undefined;
  addFolder(path: string): void;
  addFile(path: string, size: number, more?: Partial<DavEntry>): void;
}

export const MODIFIED_AT = Date.UTC(2024, 1, 29, 12, 34, 56, 789);

const PERIOD = 65_521;
const ONE_PERIOD = Uint8Array.from({ length: PERIOD }, (_, offset) => offset * 31);

/** The bytes of every generated file: a prime period that no chunk size could hide, and another shift in each period. */
export function pattern({ start, end }: ByteRange): Buffer {
  const bytes = Buffer.allocUnsafe(end - start);
  let period = Math.floor(start / PERIOD);
  let offset = start % PERIOD;
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = (ONE_PERIOD[offset] as number) + period * 17;
    offset += 1;
    if (offset === PERIOD) {
      offset = 0;
      period += 1;
    }
  }
  return bytes;
}

/** A tree without any I/O, whose content is a function of its offset, and which reuses the memory of a chunk as soon as it may. */
export function createMemoryTree(): MemoryTree {
  const root = folder("");
  const counts = { finds: 0, lists: 0, listed: 0, reads: 0, openReads: 0, chunks: 0, puts: 0 };
  let lastRead: ReadContext | undefined;

  function node(path: DavPath): Folder | File | undefined {
    let at: Folder | File | undefined = root;
    for (const name of path) at = at !== undefined && "members" in at ? at.members.get(name) : undefined;
    return at;
  }

  function parentOf(path: DavPath): Folder {
    const parent = node(path.slice(0, -1));
    if (parent === undefined || !("members" in parent)) throw new RequestError("CONFLICT", "no such parent");
    parent.sorted = undefined;
    return parent;
  }

  function add(path: DavPath, item: Folder | File): void {
    parentOf(path).members.set(path.at(-1) as string, item);
  }

  const tree: MemoryTree = {
    chunkBytes: 16 * 1024,
    faults: {},
    spaceLeft: { available: 1_000_000, used: 234_567 },
    counts,
    get lastRead() {
      return lastRead;
    },
    addFolder(path) {
      const names = path.split("/").filter(Boolean);
      add(names, folder(names.at(-1) as string));
    },
    addFile(path, size, more = {}) {
      const names = path.split("/").filter(Boolean);
      add(names, { entry: { ...fileEntry(names.at(-1) as string, size), ...more }, bytes: pattern });
    },
    find(path) {
      counts.finds += 1;
      return node(path)?.entry;
    },
    list(path, after, limit) {
      const at = node(path);
      if (at === undefined || !("members" in at)) throw new RequestError("NOT_FOUND", "no such collection");
      at.sorted ??= [...at.members.keys()].sort();
      const names = at.sorted;
      let from = 0;
      for (let high = names.length; after !== undefined && from < high; ) {
        const middle = (from + high) >> 1;
        if ((names[middle] as string) > after) high = middle;
        else from = middle + 1;
      }
      const page = names.slice(from, from + limit).map((name) => (at.members.get(name) as Folder | File).entry);
      counts.lists += 1;
      counts.listed += page.length;
      return page;
    },
    async *read(path, range, context) {
      const { signal } = context;
      const file = node(path);
      if (file === undefined || "members" in file) throw new RequestError("NOT_FOUND", "no such file");
      const { gate, failAfter, excess = 0 } = tree.faults;
      const shared = Buffer.alloc(tree.chunkBytes);
      lastRead = context;
      counts.reads += 1;
      counts.openReads += 1;
      try {
        for (let chunk = 0, at = range.start; at < range.end + excess; chunk += 1) {
          if (gate !== undefined) await raceAbort(gate(chunk), signal);
          signal.throwIfAborted();
          let end = Math.min(at + shared.length, range.end + excess);
          if (failAfter !== undefined) {
            if (at - range.start >= failAfter.bytes) throw failAfter.error;
            end = Math.min(end, range.start + failAfter.bytes);
          }
          shared.set(file.bytes({ start: at, end }));
          counts.chunks += 1;
          yield shared.subarray(0, end - at);
          shared.fill(0xee);
          at = end;
        }
      } finally {
        counts.openReads -= 1;
      }
    },
    async put(path: DavPath, { length, body }: PutRequest) {
      mayChange(path);
      const chunks: Uint8Array[] = [];
      for await (const chunk of body) chunks.push(Uint8Array.from(chunk));
      const content = Buffer.concat(chunks);
      if (length !== undefined && length !== content.length) throw new Error("the body is not as long as announced");
      counts.puts += 1;
      const outcome = node(path) === undefined ? "created" : "replaced";
      const { properties } = node(path)?.entry ?? {};
      const entry = {
        ...fileEntry(path.at(-1) as string, content.length),
        etag: `put-${counts.puts}`,
        ...(properties === undefined ? {} : { properties }),
      };
      add(path, { entry, bytes: ({ start, end }) => content.subarray(start, end) });
      return outcome;
    },
    makeCollection(path) {
      mayChange(path);
      add(path, folder(path.at(-1) as string));
    },
    remove(path) {
      mayChange(path);
      take(path);
    },
    move(from, to) {
      for (const path of [from, to]) mayChange(path);
      const item = take(from);
      item.entry = { ...item.entry, name: to.at(-1) as string };
      add(to, item);
    },
    copy(from, to, depth) {
      mayChange(to);
      const item = copied(there(from), depth);
      item.entry = { ...item.entry, name: to.at(-1) as string };
      add(to, item);
    },
    patchProperties(path, changes) {
      mayChange(path);
      const item = there(path);
      const kept = new Map(item.entry.properties?.map((property) => [nameOf(property), property]));
      for (const change of changes) {
        if (change.kind === "set") kept.set(nameOf(change.property), change.property);
        else kept.delete(nameOf(change.name));
      }
      const { properties: _old, ...entry } = item.entry;
      item.entry = kept.size === 0 ? entry : { ...entry, properties: [...kept.values()] };
    },
    isForTaking: (path) => path[1] === "taken" && path.length > 2,
    space: () => tree.spaceLeft,
  };
  return tree;

  function there(path: DavPath): Folder | File {
    const item = node(path);
    if (item === undefined) throw new RequestError("NOT_FOUND", "nothing is there");
    return item;
  }

  function take(path: DavPath): Folder | File {
    const item = there(path);
    parentOf(path).members.delete(path.at(-1) as string);
    return item;
  }
}

function mayChange(path: DavPath): void {
  if (path[0] !== "rw" || path.length === 1) {
    throw new RequestError("FORBIDDEN", "this folder is read-only", { hint: "use /rw" });
  }
}

function nameOf({ namespace, local }: XmlName): string {
  return `${namespace} ${local}`;
}

function copied(item: Folder | File, depth: "0" | "infinity"): Folder | File {
  if (!("members" in item)) return { ...item };
  const members = [...item.members].map(([name, member]) => [name, copied(member, depth)] as const);
  return { entry: item.entry, members: new Map(depth === "0" ? [] : members), sorted: undefined };
}

function folder(name: string): Folder {
  const entry = { kind: "collection", name, size: 0, createdAt: MODIFIED_AT, modifiedAt: MODIFIED_AT } as const;
  return { entry: { ...entry, etag: "", contentType: "" }, members: new Map(), sorted: undefined };
}

function fileEntry(name: string, size: number): DavEntry {
  const kind = "resource" as const;
  return {
    kind,
    name,
    size,
    createdAt: MODIFIED_AT,
    modifiedAt: MODIFIED_AT,
    etag: `e-${size}`,
    contentType: "video/x-matroska",
  };
}
