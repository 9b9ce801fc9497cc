import { baseName } from "./safe-name.ts";

/**
 * A file's name as it was sent, without folders before it, of either kind of system. A slash in a password (`name{{pass/word}}.nzb`) parts
 * nothing, nor does one between blanks (`name / password.nzb`). Empty when nothing is left.
 */
export function sentName(path: string): string {
  const braces = path.indexOf("{{");
  const spaced = path.indexOf(" / ");
  const marks = [braces, spaced].filter((at) => at >= 0);
  if (marks.length === 0) return baseName(path);
  const mark = Math.min(...marks);
  const slash = Math.max(path.lastIndexOf("/", mark), path.lastIndexOf("\\", mark));
  return path.slice(slash + 1);
}

/** RFC 2047 section 2, as .NET writes names that are not ASCII. */
const ENCODED_WORD = /^=\?utf-8\?b\?([A-Za-z0-9+/=]+)\?=$/i;

/** The same for a name in a form (RFC 7578 section 4.2). */
export function formName(name: string): string {
  const encoded = ENCODED_WORD.exec(name)?.[1];
  return sentName(encoded === undefined ? name : Buffer.from(encoded, "base64").toString("utf8"));
}
