import { trimmed } from "./trim.ts";

export interface NamedRelease {
  readonly name: string;
  /** At most one here; exactly as written. */
  readonly passwords: readonly string[];
}

const ENDING = /\.nzb(?:\.(?:gz|bz2))?$/i;

/**
 * Takes a release's name and password apart: `name{{password}}.nzb`, `name password=pw`, `name/pw` and `name / pw`, each with or
 * without `.nzb` or `.nzb.gz`. Where a text fits two forms, the mark that comes first decides. What would leave no name is all name.
 */
export function parseReleaseName(text: string): NamedRelease {
  const whole = text.trim().replace(ENDING, "");
  for (const [name, password] of readings(whole)) {
    const bare = trimmed(name.trim().replace(ENDING, ""), " .");
    if (bare !== "") return { name: bare, passwords: password === "" ? [] : [password] };
  }
  return { name: whole.trim(), passwords: [] };
}

/** Ways to read the text as name and password, by the position of what parts them. */
function readings(whole: string): (readonly [name: string, password: string])[] {
  const found: { at: number; name: string; password: string }[] = [];
  const add = (at: number, end: number, password: string) => {
    if (at > 0 && end >= 0) found.push({ at, name: whole.slice(0, at), password });
  };
  const braces = whole.indexOf("{{");
  const closing = whole.lastIndexOf("}}");
  if (closing >= braces + 2) add(braces, closing, whole.slice(braces + 2, closing));
  const word = whole.search(/(?<=\s)password=/i);
  add(word, word, whole.slice(word + "password=".length));
  if (word < 0 && !whole.includes("://")) {
    const slash = whole.indexOf("/");
    const isSpaced = whole[slash - 1] === " " && whole[slash + 1] === " ";
    add(slash, slash, whole.slice(slash + (isSpaced ? 2 : 1)));
  }
  return found.sort((one, other) => one.at - other.at).map(({ name, password }) => [name, password]);
}
