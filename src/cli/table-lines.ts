import { printable } from "./output.ts";

/** Between two columns. */
const GAP = "  ";
/** A cell is never cut to less; a terminal that is narrower than that wraps. */
const FEWEST = 8;

/** How many characters a line may have: those of the terminal, or any number where nobody looks. */
export function lineWidth(stream: object): number {
  const columns = "columns" in stream ? Number(stream.columns) : 0;
  return columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/**
 * A title line and one for each row, in columns as wide as their widest cell; what is too long for `width` is cut at the end of the last
 * column. Cells may hold text from elsewhere.
 */
export function tableLines(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): readonly [string, ...string[]] {
  const cells = rows.map((row) => row.map(printable));
  const widths = titles.map((title, column) =>
    cells.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), title.length),
  );
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + GAP.length, 0);
  const line = (row: readonly string[]) => {
    const start = row.slice(0, -1).map((cell, column) => cell.padEnd(widths[column] as number) + GAP);
    return (start.join("") + fitted(row.at(-1) ?? "", Math.max(FEWEST, width - before))).trimEnd();
  };
  return [line(titles), ...cells.map(line)];
}

/** The text, cut so that it is no longer than `width` characters, the last one then being an ellipsis. */
export function fitted(text: string, width: number): string {
  if (text.length <= width) return text;
  const kept = text.slice(0, Math.max(0, width - 1));
  // Not in the middle of a surrogate pair.
  return `${kept.replace(/[\ud800-\udbff]$/, "")}…`;
}
