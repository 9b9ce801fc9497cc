/** nephele over the tree: without compression, locks and plugins, which saves it time; the login is compared with the one that is right. */
import type { IncomingMessage, RequestListener } from "node:http";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { TreeNode } from "../dav-tree.ts";
import { argument, bytesOf, etagOf, PeerTree, requirePeer, serve } from "./peer-side.ts";

type AnError = new (message: string) => Error;

/** What is used of the package. */
interface Nephele {
  readonly default: (
    config: { readonly adapter: object; readonly authenticator: object },
    options: { readonly compression: boolean },
  ) => RequestListener;
  readonly ResourceNotFoundError: AnError;
  readonly PropertyNotFoundError: AnError;
  readonly MethodNotSupportedError: AnError;
  readonly UnauthorizedError: AnError;
}

const nephele = (await import(pathToFileURL(requirePeer.resolve("nephele")).href)) as Nephele;
const tree = new PeerTree();
const user = { username: argument.user };
const login = `Basic ${Buffer.from(`${argument.user}:${argument.password}`).toString("base64")}`;

const authenticator = {
  async authenticate({ headers }: IncomingMessage) {
    if (headers.authorization !== login) throw new nephele.UnauthorizedError("a login is needed");
    return user;
  },
  async cleanAuthentication() {},
};

class TreeProperties {
  readonly resource: TreeResource;

  constructor(resource: TreeResource) {
    this.resource = resource;
  }

  async get(name: string): Promise<unknown> {
    const value = propertyOf(name, this.resource.node);
    if (value === undefined) throw new nephele.PropertyNotFoundError(`there is no ${name}`);
    return value;
  }

  getByUser(name: string): Promise<unknown> {
    return this.get(name);
  }

  async getAllByUser(): Promise<Readonly<Record<string, unknown>>> {
    const { node } = this.resource;
    return Object.fromEntries(namesOf(node).map((name) => [name, propertyOf(name, node)]));
  }

  async listByUser(): Promise<readonly string[]> {
    return namesOf(this.resource.node);
  }
}

const FOLDER_NAMES = ["displayname", "resourcetype", "getlastmodified", "creationdate"];
const FILE_NAMES = [...FOLDER_NAMES, "getcontentlength", "getcontenttype", "getetag"];

function namesOf({ members }: TreeNode): readonly string[] {
  return members === undefined ? FILE_NAMES : FOLDER_NAMES;
}

function propertyOf(name: string, node: TreeNode): unknown {
  const isFile = node.members === undefined;
  if (name === "displayname") return node.name;
  if (name === "resourcetype") return isFile ? {} : { collection: {} };
  if (name === "getlastmodified") return new Date(node.modifiedAt).toUTCString();
  if (name === "creationdate") return new Date(node.modifiedAt).toISOString();
  if (name === "getcontentlength" && isFile) return String(node.size);
  if (name === "getcontenttype" && isFile) return "video/x-matroska";
  if (name === "getetag" && isFile) return etagOf(node);
  return undefined;
}

class TreeResource {
  readonly adapter: object;
  readonly baseUrl: URL;
  readonly node: TreeNode;
  /** Within the tree. */
  readonly path: string;

  constructor(place: { readonly baseUrl: URL; readonly path: string }, node: TreeNode) {
    this.adapter = adapter;
    this.baseUrl = place.baseUrl;
    this.path = place.path;
    this.node = node;
  }

  async getLocks() {
    return [];
  }

  async getProperties(): Promise<TreeProperties> {
    return new TreeProperties(this);
  }

  async getStream(range?: { readonly start: number; readonly end: number }): Promise<Readable> {
    return bytesOf(range === undefined ? this.node.size : range.end - range.start + 1);
  }

  async getLength(): Promise<number> {
    return this.node.size;
  }

  async getEtag(): Promise<string> {
    return etagOf(this.node);
  }

  async getMediaType(): Promise<string | null> {
    return this.node.members === undefined ? "video/x-matroska" : null;
  }

  async getCanonicalName(): Promise<string> {
    return this.node.name;
  }

  async getCanonicalPath(): Promise<string> {
    return `/${this.path}`;
  }

  async getCanonicalUrl(): Promise<URL> {
    const path = this.path.split("/").map(encodeURIComponent).join("/");
    return new URL(this.node.members === undefined || path === "" ? `/${path}` : `/${path}/`, this.baseUrl);
  }

  async isCollection(): Promise<boolean> {
    return this.node.members !== undefined;
  }

  async getInternalMembers(): Promise<readonly TreeResource[]> {
    const { baseUrl, path } = this;
    const before = path === "" ? "" : `${path}/`;
    const members = tree.members(path)?.values() ?? [];
    return Array.from(members, (node) => new TreeResource({ baseUrl, path: before + node.name }, node));
  }
}

const adapter = {
  getComplianceClasses: async () => [],
  getAllowedMethods: async () => [],
  getOptionsResponseCacheControl: async () => "max-age=604800",
  isAuthorized: async () => true,
  async getResource(url: URL, baseUrl: URL): Promise<TreeResource> {
    const path = decodeURIComponent(url.pathname).replace(/^\/|\/$/g, "");
    const node = tree.find(path);
    if (node === undefined) throw new nephele.ResourceNotFoundError("there is nothing here");
    return new TreeResource({ baseUrl, path }, node);
  },
  getMethod(): never {
    throw new nephele.MethodNotSupportedError("there is no such method");
  },
};

serve(nephele.default({ adapter, authenticator }, { compression: false }));
