/** A file or folder as the model knows it. */
export interface Node {
  readonly kind: "file" | "folder";
  readonly members: Map<string, Node>;
  /** Of a sidecar. */
  bytes: Buffer | undefined;
  /** Of a posted file: its bytes, and the release that they belong to. */
  readonly posted: { readonly release: number; readonly size: number } | undefined;
  readonly createdAt: number;
  modifiedAt: number;
  properties: string | undefined;
}

interface Trashed {
  readonly id: number;
  readonly path: string;
  readonly removedAt: number;
  readonly node: Node;
}

/** What a change was refused with. */
class Refusal extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export function folderNode(at: number): Node {
  const members = new Map<string, Node>();
  return {
    kind: "folder",
    members,
    bytes: undefined,
    posted: undefined,
    createdAt: at,
    modifiedAt: at,
    properties: undefined,
  };
}

export function sizeOf({ bytes, posted }: Node): number {
  return bytes?.length ?? posted?.size ?? 0;
}

export function* nodesIn(node: Node): Generator<Node> {
  yield node;
  for (const member of node.members.values()) yield* nodesIn(member);
}

/** What one writable tree should do, in plain maps. */
export class TreeModel {
  readonly root: Node;
  readonly #discard: (node: Node, path: string) => void;
  readonly #now: () => number;

  constructor(now: () => number, discard: (node: Node, path: string) => void) {
    this.root = folderNode(now());
    this.#now = now;
    this.#discard = discard;
  }

  at(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of path === "" ? [] : path.split("/")) node = node?.members.get(name);
    return node;
  }

  /** Every path but the root's. */
  paths(node = this.root, prefix = ""): string[] {
    return [...node.members].flatMap(([name, member]) => [prefix + name, ...this.paths(member, `${prefix}${name}/`)]);
  }

  makeFolder(path: string): void {
    const { folder, name } = this.#place(path);
    if (folder.members.has(name)) throw new Refusal("PATH_TAKEN");
    this.#set(folder, name, folderNode(this.#now()));
  }

  putSidecar(path: string, bytes: Buffer): "created" | "replaced" {
    const { folder, name } = this.#place(path);
    const there = folder.members.get(name);
    if (there === undefined) {
      this.#set(folder, name, { ...folderNode(this.#now()), kind: "file", bytes });
      return "created";
    }
    if (there.bytes === undefined) throw new Refusal("PATH_TAKEN");
    there.bytes = bytes;
    there.modifiedAt = this.#now();
    return "replaced";
  }

  move(from: string, to: string): void {
    const { source, target, node } = this.#pair(from, to);
    this.#discardAt(target, to);
    source.folder.members.delete(source.name);
    source.folder.modifiedAt = this.#now();
    this.#set(target.folder, target.name, node);
  }

  copy(from: string, to: string, depth: "0" | "infinity"): void {
    const { target, node } = this.#pair(from, to);
    this.#discardAt(target, to);
    this.#set(target.folder, target.name, this.#copied(node, depth));
  }

  remove(path: string): void {
    this.#existing(path);
    this.#discardAt(this.#place(path), path);
  }

  setProperties(path: string, properties: string | undefined): void {
    this.#existing(path).properties = properties;
  }

  /** Puts a node back as the trash does; returns its path. */
  restore(path: string, node: Node): string {
    const names = path.split("/");
    let folder = this.root;
    const taken: string[] = [];
    for (const wanted of names.slice(0, -1)) {
      const name = free(wanted, "", (tried) => folder.members.get(tried)?.kind === "file");
      const next: Node = folder.members.get(name) ?? this.#set(folder, name, folderNode(this.#now()));
      taken.push(name);
      folder = next;
    }
    const [, stem, extension] = /^(.+?)(\.[a-z]+)?$/.exec(names.at(-1) as string) as unknown as [
      string,
      string,
      string?,
    ];
    const isFile = node.kind === "file";
    const parent = folder;
    const name = free(isFile ? stem : (names.at(-1) as string), (isFile && extension) || "", (tried) =>
      parent.members.has(tried),
    );
    this.#set(parent, name, node);
    return [...taken, name].join("/");
  }

  /** Adds a release's folder with posted files; returns its path. */
  addRelease(
    category: string,
    name: string,
    files: readonly { name: string; size: number; release: number }[],
  ): string {
    const top = this.root.members.get(category) ?? this.#set(this.root, category, folderNode(this.#now()));
    if (top.kind === "file") throw new Refusal("PATH_TAKEN");
    const own = free(name, "", (tried) => top.members.has(tried));
    const folder = this.#set(top, own, folderNode(this.#now()));
    for (const { name: file, size, release } of files) {
      this.#set(folder, file, {
        ...folderNode(this.#now()),
        kind: "file",
        posted: { release, size },
        modifiedAt: 1000,
      });
    }
    return `${category}/${own}`;
  }

  #set(folder: Node, name: string, node: Node): Node {
    folder.members.set(name, node);
    folder.modifiedAt = this.#now();
    return node;
  }

  #discardAt({ folder, name }: { readonly folder: Node; readonly name: string }, path: string): void {
    const node = folder.members.get(name);
    if (node === undefined) return;
    folder.members.delete(name);
    folder.modifiedAt = this.#now();
    this.#discard(node, path);
  }

  #pair(from: string, to: string) {
    const node = this.#existing(from);
    if (`${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`)) throw new Refusal("FORBIDDEN");
    return { node, source: this.#place(from), target: this.#place(to) };
  }

  #place(path: string): { readonly folder: Node; readonly name: string } {
    if (path === "") throw new Refusal("FORBIDDEN");
    const names = path.split("/");
    const folder = this.at(names.slice(0, -1).join("/"));
    if (folder?.kind !== "folder") throw new Refusal("PARENT_MISSING");
    return { folder, name: names.at(-1) as string };
  }

  #existing(path: string): Node {
    if (path === "") throw new Refusal("FORBIDDEN");
    const node = this.at(path);
    if (node === undefined) throw new Refusal("PATH_MISSING");
    return node;
  }

  #copied(node: Node, depth: "0" | "infinity"): Node {
    const members = depth === "0" ? [] : [...node.members];
    const at = this.#now();
    return {
      ...node,
      createdAt: at,
      modifiedAt: node.kind === "folder" ? at : node.modifiedAt,
      members: new Map(members.map(([name, member]) => [name, this.#copied(member, depth)])),
    };
  }
}

/** What should be in the trash, latest first. */
export class TrashModel {
  items: Trashed[] = [];

  add(item: Trashed): void {
    this.items.push(item);
    this.items.sort((a, b) => b.removedAt - a.removedAt || b.id - a.id);
  }

  take(id: number): Trashed | undefined {
    const item = this.items.find((other) => other.id === id);
    this.items = this.items.filter((other) => other !== item);
    return item;
  }
}

function free(stem: string, extension: string, isTaken: (name: string) => boolean): string {
  let name = stem + extension;
  for (let number = 2; isTaken(name); number++) name = `${stem} (${number})${extension}`;
  return name;
}
