const CLOSERS: Readonly<Record<string, string>> = { "<!--": "-->", "<?": "?>" };

/**
 * Where the DOCTYPE ends whose keyword ends at `start`: after its `>`, past quotes, comments, processing instructions and the internal
 * subset in brackets. undefined when the bytes do not reach that far. XML 1.0 section 2.8.
 */
export function doctypeEnd(bytes: Buffer, start: number): number | undefined {
  const text = bytes.toString("latin1", start);
  // Inside the subset a `>` ends a declaration of its own.
  let isInSubset = false;
  const marks = /["'[\]>]|<!--|<\?/g;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    const [found] = mark;
    if (found === "[") isInSubset = true;
    else if (found === "]") isInSubset = false;
    else if (found === ">") {
      if (!isInSubset) return start + marks.lastIndex;
    } else {
      const closer = CLOSERS[found] ?? found;
      const end = text.indexOf(closer, marks.lastIndex);
      if (end < 0) return undefined;
      marks.lastIndex = end + closer.length;
    }
  }
  return undefined;
}

/** The `encoding` of an XML declaration (`<?xml ... encoding="..."`); undefined for other processing instructions and when it has none. */
export function xmlEncoding(instruction: string): string | undefined {
  if (!/^<\?xml\s/i.test(instruction)) return undefined;
  return /\sencoding\s*=\s*["']([^"']{1,40})["']/i.exec(instruction)?.[1];
}
