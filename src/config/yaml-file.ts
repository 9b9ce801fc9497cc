import { isNode, LineCounter, parseDocument } from "yaml";
import type { Place } from "./check.ts";
import type { Mistakes } from "./mistakes.ts";

/** The parser's own messages quote the file, and so could show a password: these never do. */
const WORDS: Readonly<Record<string, string>> = {
  BAD_ALIAS: "an alias that is not defined (a text that starts with * needs quotes)",
  BAD_DQ_ESCAPE: "an escape that double quotes do not know (use single quotes)",
  BAD_INDENT: "the indentation is wrong",
  BAD_SCALAR_START: "a text that starts with such a character needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "a key stands where a value should (is a text with a colon not in quotes?)",
  DUPLICATE_KEY: "the same key again",
  MISSING_CHAR: "a quote, bracket, comma or blank is missing",
  MULTIPLE_DOCS: "a second document starts",
  NON_STRING_KEY: "a key must be plain text",
  TAB_AS_INDENT: "indentation takes blanks, not tabs",
  TAG_RESOLVE_FAILED: "a tag that is not known (a text that starts with ! needs quotes)",
};

/** What the file gives, and where in it a value stands; mistakes of form are reported and leave it empty. */
export function parseYaml(
  text: string,
  file: string,
  mistakes: Mistakes,
): { readonly given: unknown; readonly place: Place } {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    logLevel: "error",
  });
  const lineAt = (offset: number) => `${file}:${Math.max(1, lines.linePos(offset).line)}`;
  const place: Place = (path) => {
    for (let length = path.length; length > 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lineAt(node.range[0]);
    }
    return file;
  };

  const problems = [...document.errors, ...document.warnings];
  for (const { code, pos } of problems.slice(0, 20))
    mistakes.add(lineAt(pos[0]), WORDS[code] ?? "this is not valid YAML");
  if (problems.length > 0) return { given: undefined, place };
  try {
    return { given: document.toJS({ maxAliasCount: 100 }), place };
  } catch {
    mistakes.add(file, WORDS["BAD_ALIAS"] as string);
    return { given: undefined, place };
  }
}
