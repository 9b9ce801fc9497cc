/** Bytes of UTF-8 that a name may have on every file system that clients copy to. */
const MAX_BYTES = 255;
/** Room for ` (2)` and the like behind a name that is taken already. */
const SUFFIX_BYTES = 15;

/** Controls, halves of surrogate pairs, and what is invisible or turns the writing direction. */
const UNSEEN = /[\p{Cc}\p{Surrogate}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu;
const FORBIDDEN = /[\\/:*?"<>|]/g;
/** Devices on Windows, whatever extension follows. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)/i;
const EXTENSION = /^(.+)\.([A-Za-z0-9]{1,10})$/s;

export interface NameParts {
  readonly stem: string;
  /** As written, without its dot; empty when there is none. */
  readonly extension: string;
}

export function nameParts(name: string): NameParts {
  const match = EXTENSION.exec(name);
  return match === null ? { stem: name, extension: "" } : { stem: match[1] as string, extension: match[2] as string };
}

export function joinName({ stem, extension }: NameParts): string {
  return extension === "" ? stem : `${stem}.${extension}`;
}

/**
 * One path segment that Windows, macOS, Linux and every player can hold: NFC, no separators, controls or reserved names, no blank at
 * either end, no dot at the end, at most 240 bytes of UTF-8 with the extension kept. `fallback` when nothing usable is left.
 */
export function safeName(name: string, fallback: string): string {
  const seen = name.replace(UNSEEN, "").normalize("NFC").replace(FORBIDDEN, "_");
  const trimmed = trim(seen);
  const usable = /[^._\s-]/u.test(trimmed) ? trimmed : fallback;
  return shorten(RESERVED.test(usable) ? `_${usable}` : usable);
}

/** The last segment of a path of either kind of system; a poster's own folders are no business of ours. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).findLast((segment) => segment.trim() !== "") ?? "";
}

function trim(name: string): string {
  return name.replace(/^\s+/, "").replace(/[\s.]+$/, "");
}

function shorten(name: string): string {
  const limit = MAX_BYTES - SUFFIX_BYTES;
  if (Buffer.byteLength(name) <= limit) return name;
  const { stem, extension } = nameParts(name);
  const room = extension === "" ? limit : limit - 1 - extension.length;
  return joinName({ stem: trim(prefixOfBytes(stem, room)), extension });
}

/** As many whole code points as fit into so many bytes of UTF-8. */
export function prefixOfBytes(text: string, room: number): string {
  let bytes = 0;
  let end = 0;
  for (const codePoint of text) {
    bytes += Buffer.byteLength(codePoint);
    if (bytes > room) break;
    end += codePoint.length;
  }
  return text.slice(0, end);
}
