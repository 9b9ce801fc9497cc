/** The text without any of `marks` at its ends. In linear time, which a regular expression for the far end is not. */
export function trimmed(text: string, marks: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && marks.includes(text[start] as string)) start += 1;
  while (end > start && marks.includes(text[end - 1] as string)) end -= 1;
  return text.slice(start, end);
}

/** The text without blanks at an end that hold a line break: those are layout. Other blanks at its ends belong to it. */
export function withoutLayout(text: string): string {
  const core = text.trim();
  const start = text.length - text.trimStart().length;
  const before = text.slice(0, start);
  const after = text.slice(start + core.length);
  return (hasLineBreak(before) ? "" : before) + core + (hasLineBreak(after) ? "" : after);
}

function hasLineBreak(text: string): boolean {
  return text.includes("\n") || text.includes("\r");
}
