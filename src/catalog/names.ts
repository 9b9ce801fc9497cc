import { RequestError } from "../base/errors.ts";

const MAX_NAME = 1024;
const MAX_DEPTH = 100;
/** Room for ` (2)` and the like. */
const SUFFIX = 16;
/** Controls, a slash, or half of a surrogate pair, which UTF-8 cannot hold. */
const IMPOSSIBLE = /[\u0000-\u001f\u007f/]|\p{Surrogate}/u;

/** The name in the form it is stored, NFC. Throws RequestError BAD_PATH for one that no path could lead to. */
export function storedName(name: string): string {
  const stored = name.normalize("NFC");
  if (stored === "" || stored === "." || stored === ".." || stored.length > MAX_NAME || IMPOSSIBLE.test(stored)) {
    throw new RequestError("BAD_PATH", `cannot store the name ${JSON.stringify(stored.slice(0, 80))}`);
  }
  return stored;
}

/** What is nearest to a name that can be stored; `fallback` where nothing of it is left. */
export function storableName(name: string, fallback: string): string {
  const near = Array.from(name.normalize("NFC").slice(0, MAX_NAME - SUFFIX), (char) =>
    IMPOSSIBLE.test(char) ? "_" : char,
  ).join("");
  return near === "" || near === "." || near === ".." ? fallback : near;
}

/** The names of a path inside a release. Throws RequestError BAD_PATH as `storedName`, and for one that is absurdly deep. */
export function storedPath(path: string): readonly string[] {
  const names = path.split("/", MAX_DEPTH + 1);
  if (names.length > MAX_DEPTH) {
    throw new RequestError("BAD_PATH", `cannot store a path of more than ${MAX_DEPTH} names`);
  }
  return names.map(storedName);
}

interface NameParts {
  readonly stem: string;
  /** With its dot; empty when there is none. */
  readonly extension: string;
}

export function fileNameParts(name: string): NameParts {
  const match = /^(.+)(\.[A-Za-z0-9]{1,10})$/s.exec(name);
  return match === null ? folderNameParts(name) : { stem: match[1] as string, extension: match[2] as string };
}

export function folderNameParts(name: string): NameParts {
  return { stem: name, extension: "" };
}

/**
 * Hands out names that are not taken yet: `stem.ext`, `stem (2).ext`, `stem (3).ext` ... Remembers how far it got with each, so that
 * a release of ten thousand equal names does not look at ten thousand names for each of them.
 */
export function freeNames(isTaken: (parent: number, name: string) => boolean) {
  const next = new Map<string, number>();
  return (parent: number, { stem, extension }: NameParts): string => {
    const wanted = stem + extension;
    if (!isTaken(parent, wanted)) return wanted;
    const series = `${parent}/${stem}/${extension}`;
    for (let number = next.get(series) ?? 2; ; number++) {
      const name = `${stem} (${number})${extension}`;
      if (isTaken(parent, name)) continue;
      next.set(series, number + 1);
      return name;
    }
  };
}
