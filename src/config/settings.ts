import { envName } from "./environment.ts";
import {
  addressBlocks,
  hostName,
  httpUrl,
  httpUrlOrNone,
  type Kind,
  lines,
  millis,
  oneOf,
  path,
  pathOrNone,
  pipelineDepth,
  rootedPath,
  rootedPathOrNone,
  size,
  text,
  textLike,
  urlPrefix,
  whole,
  yesNo,
} from "./kinds.ts";

/** One row of the table. */
export interface Setting<T = unknown> {
  readonly kind: Kind<T>;
  /** What it is when nobody says; undefined when somebody must. As a file would give it. */
  readonly byDefault: unknown;
  readonly help: string;
  readonly isSecret: boolean;
}

/** Settings by name; a branch is a section of the file. */
export interface SettingTree {
  readonly [name: string]: Setting | SettingTree | SettingList;
}

/** A list of sections that all have the same settings. */
export interface SettingList<Item extends SettingTree = SettingTree> {
  readonly item: Item;
  readonly most: number;
  readonly help: string;
}

/** The values that a tree of settings describes. */
export type ValuesOf<Node> =
  Node extends Setting<infer T>
    ? T
    : Node extends SettingList<infer Item>
      ? readonly ValuesOf<Item>[]
      : { readonly [Name in keyof Node]: ValuesOf<Node[Name]> };

function setting<T>(kind: Kind<T>, byDefault: unknown, help: string): Setting<T> {
  return { kind, byDefault, help, isSecret: false };
}

function secret<T>(kind: Kind<T>, byDefault: unknown, help: string): Setting<T> {
  return { kind, byDefault, help, isSecret: true };
}

/** RFC 4643 sends these as the rest of a command line of 512 octets. */
const LOGIN_MOST = 400;

const PROVIDER = {
  name: setting(
    textLike(/^[\p{L}\p{N}._-][\p{L}\p{N} ._-]{0,62}$|^$/u, "a short name of letters, digits, blanks and . _ -"),
    "",
    "What it is called in metrics and messages; its host when empty.",
  ),
  host: setting(hostName(), undefined, "The news server's host."),
  port: setting(whole(1, 65_535), 563, "Its port; without TLS usually 119."),
  tls: setting(yesNo(), true, "Whether the connection is encrypted from its first byte."),
  verifyTls: setting(yesNo(), true, "Whether the certificate and its host name must be right."),
  username: setting(text(LOGIN_MOST), "", "The account; empty for a server without login."),
  password: secret(text(LOGIN_MOST), "", "The account's password."),
  connections: setting(whole(1, 500), 20, "How many connections the account allows."),
  tier: setting(whole(0, 1000), 1, "Lower tiers are asked first."),
  backup: setting(yesNo(), false, "Whether it is asked only after all others said no."),
  pipeline: setting(pipelineDepth(), "auto", "Commands under way on one connection."),
  timeoutMs: setting(millis(100), 15_000, "A command that shows no progress for so long is given up."),
} as const satisfies SettingTree;

/** Neither `..` nor what Windows cannot show. */
const FOLDER_NAME = /(?![. ])[^\\/:*?"<>|]{1,80}(?<![. ])/u.source;

const CATEGORY = {
  name: setting(
    textLike(new RegExp(`^(?:\\*|${FOLDER_NAME})$`, "u"), "a folder's name, or * for all that are not listed"),
    undefined,
    "The category; * stands for all that are not listed.",
  ),
  folder: setting(
    textLike(new RegExp(`^(?:${FOLDER_NAME})?$`, "u"), "a folder's name, or empty"),
    "",
    "Its folder in the library; the category's name when empty.",
  ),
  priority: setting(oneOf("low", "normal", "high", "force"), "normal", "Priority of imports that ask for none."),
  check: setting(
    oneOf("none", "sampled", "all"),
    "sampled",
    "Which articles are looked for before an import counts as complete.",
  ),
  leastPercent: setting(whole(0, 100), 90, "An import fails when fewer of them are there."),
  payload: setting(
    oneOf("any", "video", "audio", "book"),
    "any",
    "What a release must hold at least one file of; an import of anything else fails.",
  ),
  exclude: setting(lines(), [], "Files that are left out, as patterns such as *.exe."),
  samples: setting(oneOf("keep", "drop"), "keep", "Whether samples become part of the release."),
} as const satisfies SettingTree;

const RCLONE = {
  url: setting(httpUrl(), undefined, "Address of an rclone remote control, as http://nas:5572."),
  user: setting(text(), "", "Its user; empty for none."),
  password: secret(text(), "", "Its password."),
  folder: setting(text(), "", "Where /dav stands in what it has mounted; empty when that is /dav itself."),
  remote: setting(text(), "", "The mounted remote, as newsreel:, where it has mounted several."),
} as const satisfies SettingTree;

const ARR = {
  url: setting(httpUrl(), undefined, "Address of a Sonarr or Radarr, as http://nas:8989."),
  apiKey: secret(text(), "", "Its API key."),
} as const satisfies SettingTree;

/** Everything that can be configured: the file's keys, the variables, the README's table and the JSON schema come from here. */
export const SETTINGS = {
  host: setting(hostName(), "0.0.0.0", "Address to listen on; `::` for IPv6 too."),
  port: setting(whole(0, 65_535), 8119, "Port to listen on; 0 takes a free one."),
  dataDir: setting(path(), "./data", "Folder of the catalog, the secrets and the trash."),
  urlBase: setting(urlPrefix(), "", "Path under which a reverse proxy shows the server."),
  trustedProxies: setting(addressBlocks(), [], "Proxies whose `X-Forwarded-*` headers are believed."),
  tls: {
    certFile: setting(pathOrNone(), "", "Certificate with its chain, PEM; with it and its key https is served too."),
    keyFile: setting(pathOrNone(), "", "The certificate's key, PEM, without a passphrase."),
    host: setting(hostName(), "0.0.0.0", "Address to listen on with TLS."),
    port: setting(whole(0, 65_535), 8443, "Port to listen on with TLS; 0 takes a free one."),
  },
  auth: {
    user: setting(textLike(/^[^:]+$/, "a name without a colon"), "admin", "Login of the owner."),
    password: secret(text(), "", "Password of the owner; generated into the data folder when empty."),
    anonymous: setting(oneOf("none", "read"), "none", "What WebDAV clients without a login may do."),
    digest: setting(
      oneOf("off", "md5", "sha-256"),
      "md5",
      "Digest login over plain http, which Windows insists on; sha-256 offers that before md5, and VLC and older Windows do not get past it.",
    ),
  },
  apiKey: secret(text(), "", "Key of the SABnzbd and JSON APIs; generated into the data folder when empty."),
  providers: { item: PROVIDER, most: 100, help: "News servers; the variable takes a JSON list." },
  cache: {
    memoryBytes: setting(size(2 ** 20), "128MiB", "Memory for decoded segments."),
    diskPath: setting(pathOrNone(), "", "Folder of the segment cache on disk; safe to delete; empty for none."),
    diskBytes: setting(size(0), "20GiB", "How large the cache on disk may grow."),
  },
  imports: {
    maxJobs: setting(whole(1, 100), 2, "Imports at once while nobody watches."),
    maxJobsWhileStreaming: setting(whole(0, 100), 0, "Imports at once while somebody watches; 0 lets new ones wait."),
    secondLookMs: setting(
      millis(0),
      30_000,
      "After so long articles that nobody has are looked for once more before an import fails; 0 for never.",
    ),
    watchFolder: setting(pathOrNone(), "", "Folder whose NZBs are imported; empty for none."),
    watchMs: setting(millis(100), 2_000, "How often the watch folder is looked at."),
    allowPrivateUrls: setting(yesNo(), false, "Whether NZBs may be fetched from addresses of private networks."),
    passwords: secret(lines(), [], "Archive passwords to try; the variable takes one per line, or a JSON list."),
    maxNzbBytes: setting(size(1024), "512MiB", "An NZB larger than this, unpacked, is refused."),
  },
  library: {
    sidecarBytes: setting(size(0), "32MiB", "Largest file that clients may write into the library."),
    trashDays: setting(whole(0, 36_500), 7, "How many days what was removed from the library can be brought back."),
    readOnly: setting(yesNo(), false, "Whether WebDAV clients may change nothing but what is in /dav/completed."),
  },
  categories: { item: CATEGORY, most: 100, help: "Rules of categories; the variable takes a JSON list." },
  completed: {
    style: setting(
      oneOf("rclonelink", "files", "strm"),
      "rclonelink",
      "What Sonarr and Radarr find: symbolic links for rclone --links, the files themselves, or .strm files on this machine's disk.",
    ),
    mountPath: setting(rootedPath(), "/mnt/newsreel", "Where their machine has mounted /dav."),
    strmFolder: setting(pathOrNone(), "", "Folder that .strm files are written to; needed for that style."),
    strmSeenAs: setting(rootedPathOrNone(), "", "Where their machine sees that folder; the same path when empty."),
    strmUrl: secret(httpUrlOrNone(), "", "Address of this server in .strm files, with the login that players need."),
  },
  rclone: {
    item: RCLONE,
    most: 20,
    help: "rclone mounts that are told of new folders; the variable takes a JSON list.",
  },
  arrs: {
    item: ARR,
    most: 20,
    help: "Sonarrs and Radarrs that are told of completed imports; the variable takes a JSON list.",
  },
  streaming: {
    holdOffMs: setting(millis(0), 15_000, "How long after its last byte a stream still holds imports back."),
    readAheadBytes: setting(size(0), "32MiB", "How far ahead of a player is fetched at most."),
    perStreamConnections: setting(whole(0, 500), 2, "Connections that each stream takes away from imports."),
    floor: setting(whole(0, 1), 1, "Connections that imports keep in any case; 0 lets them wait."),
    damage: setting(
      oneOf("fail", "fill"),
      "fail",
      "What a player gets for articles that are gone: an error, or filler of the same length that is reported.",
    ),
  },
  log: {
    level: setting(oneOf("debug", "info", "warn", "error"), "info", "The least important lines that are logged."),
  },
  shutdownGraceMs: setting(millis(0), 8000, "How long streams may finish when the server stops."),
} as const satisfies SettingTree;

/** What the program runs with: every key present, checked and in its final form (bytes, absolute paths). */
export type Config = ValuesOf<typeof SETTINGS>;
export type ProviderConfig = Config["providers"][number];
export type CategoryConfig = Config["categories"][number];

export function isSetting(node: SettingTree[string]): node is Setting {
  return "byDefault" in node;
}

export function isSettingList(node: SettingTree[string]): node is SettingList {
  return "most" in node;
}

/** A row with its place in the file and its variable. */
export interface SettingRow {
  /** Dotted, as `cache.memoryBytes`. */
  readonly key: string;
  readonly env: string;
  readonly node: Setting | SettingList;
}

/** The table row by row, in order. */
export function settingRows(tree: SettingTree = SETTINGS, prefix = ""): readonly SettingRow[] {
  return Object.entries(tree).flatMap(([name, node]) => {
    const key = prefix + name;
    if (isSetting(node) || isSettingList(node)) return [{ key, env: envName(key), node }];
    return settingRows(node, `${key}.`);
  });
}

/** Whether a value may never be shown; a provider holds a password. */
export function isSecretNode(node: Setting | SettingList): boolean {
  return isSettingList(node) || node.isSecret;
}
