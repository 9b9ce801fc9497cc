/** webdav-server over the tree: its own methods, its own Basic login, a file system with everything it can be told at once. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import type { TreeNode } from "../dav-tree.ts";
import { argument, bytesOf, etagOf, PeerTree, requirePeer, serve } from "./peer-side.ts";

type Callback<T> = (error?: Error | null, value?: T) => void;
type Path = { toString(): string };

/** What is used of the package. */
interface WebdavServer {
  readonly FileSystem: new (serializer: null) => object;
  readonly ResourceType: { readonly File: object; readonly Directory: object };
  readonly LocalPropertyManager: new () => object;
  readonly LocalLockManager: new () => object;
  readonly SimpleUserManager: new () => { addUser(name: string, password: string, isAdministrator: boolean): object };
  readonly HTTPBasicAuthentication: new (users: object, realm: string) => object;
  readonly WebDAVServer: new (options: {
    readonly requireAuthentification: boolean;
    readonly httpAuthentication: object;
    readonly rootFileSystem: object;
  }) => { executeRequest(req: IncomingMessage, res: ServerResponse): void };
  readonly Errors: { readonly ResourceNotFound: Error };
}

const { v2: dav } = requirePeer("webdav-server") as { readonly v2: WebdavServer };
const tree = new PeerTree();
const properties = new dav.LocalPropertyManager();
const locks = new dav.LocalLockManager();

/** Answers at once: of the file or folder at a path. */
function answer<T>(path: Path, callback: Callback<T>, value: (node: TreeNode) => T): void {
  const node = tree.find(keyOf(path));
  if (node === undefined) callback(dav.Errors.ResourceNotFound);
  else callback(null, value(node));
}

function keyOf(path: Path): string {
  return path.toString().slice(1);
}

class TreeFileSystem extends dav.FileSystem {
  constructor() {
    super(null);
  }

  _fastExistCheck(_context: object, path: Path, callback: (exists: boolean) => void): void {
    callback(tree.find(keyOf(path)) !== undefined);
  }

  _type(path: Path, _context: object, callback: Callback<object>): void {
    answer(path, callback, ({ members }) =>
      members === undefined ? dav.ResourceType.File : dav.ResourceType.Directory,
    );
  }

  _size(path: Path, _context: object, callback: Callback<number>): void {
    answer(path, callback, ({ size }) => size);
  }

  _mimeType(path: Path, _context: object, callback: Callback<string>): void {
    answer(path, callback, () => "video/x-matroska");
  }

  _creationDate(path: Path, _context: object, callback: Callback<number>): void {
    answer(path, callback, ({ modifiedAt }) => modifiedAt);
  }

  _lastModifiedDate(path: Path, _context: object, callback: Callback<number>): void {
    answer(path, callback, ({ modifiedAt }) => modifiedAt);
  }

  _etag(path: Path, _context: object, callback: Callback<string>): void {
    answer(path, callback, (node) => `"${etagOf(node)}"`);
  }

  _readDir(path: Path, _context: object, callback: Callback<readonly string[]>): void {
    callback(null, [...(tree.members(keyOf(path))?.keys() ?? [])]);
  }

  _propertyManager(_path: Path, _context: object, callback: Callback<object>): void {
    callback(null, properties);
  }

  _lockManager(_path: Path, _context: object, callback: Callback<object>): void {
    callback(null, locks);
  }

  /** It asks for the whole file, whatever the range, and throws away what lies before. */
  _openReadStream(path: Path, _context: object, callback: Callback<Readable>): void {
    answer(path, callback, ({ size }) => bytesOf(size));
  }
}

const users = new dav.SimpleUserManager();
users.addUser(argument.user, argument.password, true);
const server = new dav.WebDAVServer({
  requireAuthentification: true,
  httpAuthentication: new dav.HTTPBasicAuthentication(users, "bench"),
  rootFileSystem: new TreeFileSystem(),
});
serve((req, res) => server.executeRequest(req, res));
