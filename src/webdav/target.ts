import { RequestError } from "../base/errors.ts";
import type { DavPath } from "./tree.ts";

const MAX_TARGET_BYTES = 8 * 1024;
const MAX_SEGMENTS = 64;
const MAX_NAME_BYTES = 255;

const PLAIN = /^[\w.~!$&'()*+,;=:@-]+$/;
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f/\\]/;
const ASCII = /^[\0-\x7f]*$/;

export interface Target {
  readonly path: DavPath;
  /** The URL ended in `/`, so it can only mean a collection. */
  readonly hasTrailingSlash: boolean;
}

/**
 * The path of a request target (RFC 9112 section 3.2, origin or absolute form) or of a Destination header. Each segment is decoded
 * once and normalised to NFC; empty ones vanish. Throws RequestError BAD_PATH (400) or PATH_TOO_LONG (414).
 */
export function parseTarget(rawUrl: string): Target {
  if (rawUrl.length > MAX_TARGET_BYTES) throw new RequestError("PATH_TOO_LONG", "the URL is longer than 8 KiB");
  const origin = rawUrl.startsWith("/") ? rawUrl : originForm(rawUrl);
  const query = origin.indexOf("?");
  const raw = query === -1 ? origin : origin.slice(0, query);
  const path: string[] = [];
  for (const segment of raw.split("/")) {
    if (segment === "") continue;
    if (path.length === MAX_SEGMENTS) throw new RequestError("PATH_TOO_LONG", "the path has more than 64 segments");
    path.push(decodeSegment(segment));
  }
  return { path, hasTrailingSlash: raw.endsWith("/") };
}

function originForm(rawUrl: string): string {
  const absolute = /^https?:\/\/[^/?#]+(.*)$/i.exec(rawUrl);
  if (absolute === null) throw new RequestError("BAD_PATH", "the request target is not a path");
  const rest = absolute[1] as string;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function decodeSegment(raw: string): string {
  const isPlain = PLAIN.test(raw);
  const name = isPlain ? raw : decodeUtf8(raw);
  if (name === "." || name === ".." || (!isPlain && FORBIDDEN.test(name))) {
    throw new RequestError("BAD_PATH", "the path has a segment that no file can be called");
  }
  // No UTF-16 unit becomes more than three bytes.
  if (name.length > MAX_NAME_BYTES / 3 && Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new RequestError("PATH_TOO_LONG", "a path segment is longer than 255 bytes");
  }
  return name;
}

/** Node hands over raw bytes above 127 as Latin-1: they are taken for what they are, UTF-8 that somebody forgot to escape. In NFC. */
function decodeUtf8(raw: string): string {
  if (/[#\u0100-\uffff]/.test(raw)) throw new RequestError("BAD_PATH", "the path has a character that must be escaped");
  const escaped = ASCII.test(raw)
    ? raw
    : raw.replace(/[\u0080-\u00ff]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  try {
    const name = decodeURIComponent(escaped);
    return ASCII.test(name) ? name : name.normalize("NFC");
  } catch (cause) {
    throw new RequestError("BAD_PATH", "the path is not percent-encoded UTF-8", { cause });
  }
}

/** What is left of `path` below `mount`, or undefined when it lies elsewhere. */
export function pathBelow(mount: DavPath, path: DavPath): DavPath | undefined {
  for (let index = 0; index < mount.length; index += 1) if (path[index] !== mount[index]) return undefined;
  return path.slice(mount.length);
}
