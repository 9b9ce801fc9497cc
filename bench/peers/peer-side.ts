/** What the peers' processes have in common. */
import { createServer, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { type TreeNode, treeOf } from "../dav-tree.ts";
import type { PeerArgument } from "./peers.ts";

export const argument = JSON.parse(process.argv[2] as string) as PeerArgument;
/** Finds the peers' packages. */
export const requirePeer = createRequire(`${argument.folder}package.json`);

/** Tells the benchmark where the tree is served. */
export function serve(listener: RequestListener): void {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}

/** The tree in memory, a folder from when it was first asked for: one look into a map for any path, which no database is as quick as. */
export class PeerTree {
  readonly #root = treeOf(argument.shape);
  readonly #folders = new Map<string, ReadonlyMap<string, TreeNode>>();

  /** By decoded path without a slash at either end; `""` is the root. */
  find(path: string): TreeNode | undefined {
    if (path === "") return this.#root;
    const slash = path.lastIndexOf("/");
    return this.members(path.slice(0, Math.max(0, slash)))?.get(path.slice(slash + 1));
  }

  /** By name; undefined for what is no folder. */
  members(path: string): ReadonlyMap<string, TreeNode> | undefined {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const list = this.find(path)?.members;
    if (list === undefined) return undefined;
    const members = new Map(Array.from(list(), (node) => [node.name, node]));
    this.#folders.set(path, members);
    return members;
  }
}

export function etagOf({ size, modifiedAt }: TreeNode): string {
  return `${size.toString(36)}-${modifiedAt.toString(36)}`;
}

const CHUNK = Buffer.alloc(64 * 1024);

/**
 * So many bytes, from memory, 64 KiB at a time; each in a turn of its own, as a disk gives them: webdav-server cuts answers short when all
 * comes at once.
 */
export function bytesOf(size: number): Readable {
  let left = size;
  return new Readable({
    highWaterMark: CHUNK.length,
    read() {
      const count = Math.min(left, CHUNK.length);
      left -= count;
      setImmediate(() => this.push(count === 0 ? null : CHUNK.subarray(0, count)));
    },
  });
}
