import { posix } from "node:path";
import { SaxesParser } from "saxes";
import { errorMessage } from "../base/errors.ts";
import type { Cancel } from "../base/seekable-file.ts";
import { CommandError } from "./exit-code.ts";
import type { ServerAddress } from "./server-address.ts";
import { type Answer, expectStatus, send } from "./server-client.ts";

/** One `DAV:response` (RFC 4918 section 14.24) as a person wants it. */
export interface DavItem {
  /** Decoded, under the WebDAV root, without a slash at its end; `/` for the root. */
  readonly path: string;
  readonly kind: "collection" | "resource";
  /** Bytes; 0 for a collection. */
  readonly size: number;
  /** ISO 8601, UTC; empty when the server does not say. */
  readonly modifiedAt: string;
  readonly createdAt: string;
  readonly contentType: string;
  /** With its quotes; empty for a collection. */
  readonly etag: string;
}

/** A path as typed, made absolute under the WebDAV root; a leading /dav is the root itself. */
export function davPath(typed: string): string {
  const path = posix.join("/", typed).replace(/(?<=.)\/+$/, "");
  return path.replace(/^\/dav(?=\/|$)/, "") || "/";
}

/** The same as the path of a request, relative to the server's root. */
export function davRequestPath(path: string): string {
  return `dav${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Asks for a resource (depth 0) or also for its members (depth 1); what was asked for comes first. */
export async function* listDav(
  server: ServerAddress,
  { path, depth }: { readonly path: string; readonly depth: 0 | 1 },
  cancel: Cancel,
): AsyncGenerator<DavItem, void, undefined> {
  const request = { method: "PROPFIND", path: davRequestPath(path), headers: { depth } };
  const answer = await expectStatus(await send(server, request, cancel), path, 207);
  const root = new URL("dav", server.url).pathname;
  for await (const found of responses(answer)) {
    yield toItem(found, root);
  }
}

type Found = Readonly<Record<string, string>>;

/** The hrefs and property texts of each response, by local name in `DAV:`; memory is bounded by one response. */
async function* responses(answer: Answer): AsyncGenerator<Found, void, undefined> {
  const parser = new SaxesParser({ xmlns: true });
  const done: Found[] = [];
  let current: Record<string, string> = {};
  let text = "";
  parser.on("opentag", ({ local, uri }) => {
    text = "";
    if (uri !== "DAV:") return;
    if (local === "response") current = Object.create(null);
    if (local === "collection") current["collection"] = "yes";
  });
  parser.on("text", (more) => {
    text += more;
    if (text.length > 64 * 1024) throw new CommandError("SERVER_ANSWER", "the server's listing holds an endless text");
  });
  parser.on("closetag", ({ local, uri }) => {
    if (uri !== "DAV:") return;
    if (local === "response") done.push(current);
    // A property may be named a second time in a propstat that says 404; then it is empty there.
    else if (WANTED.has(local) && text.trim() !== "") current[local] = text.trim();
    text = "";
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of answer.body) {
      parser.write(decoder.decode(chunk, { stream: true }));
      yield* done.splice(0);
    }
    parser.close();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError("SERVER_ANSWER", `the server's listing is not well-formed: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  yield* done;
}

const WANTED = new Set(["href", "getcontentlength", "getlastmodified", "creationdate", "getcontenttype", "getetag"]);

function toItem(found: Found, root: string): DavItem {
  const isCollection = found["collection"] !== undefined;
  const size = Number(found["getcontentlength"] ?? 0);
  return {
    path: pathOf(found["href"] ?? "", root),
    kind: isCollection ? "collection" : "resource",
    size: isCollection || !Number.isSafeInteger(size) ? 0 : size,
    modifiedAt: isoTime(found["getlastmodified"]),
    createdAt: isoTime(found["creationdate"]),
    contentType: found["getcontenttype"] ?? "",
    etag: found["getetag"] ?? "",
  };
}

/** An href is an absolute path or a whole URL; a proxy may have put its own prefix before ours. */
function pathOf(href: string, root: string): string {
  try {
    const { pathname } = new URL(href, "http://localhost");
    const path = pathname.startsWith(root) ? pathname.slice(root.length) : pathname.replace(/^.*?\/dav(?=\/|$)/, "");
    return decodeURIComponent(path).replace(/\/+$/, "") || "/";
  } catch (error) {
    throw new CommandError("SERVER_ANSWER", "the server's listing names something that is no URL", { cause: error });
  }
}

function isoTime(text: string | undefined): string {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? "" : time.toISOString().replace(/\.\d+Z$/, "Z");
}
