/** A target beside the figure that is held against it. */
export interface Check {
  readonly text: string;
  /** The figure itself, in short. */
  readonly figure: string;
  readonly isMet: boolean;
}

export interface Row {
  readonly name: string;
  readonly cells: readonly string[];
  readonly checks?: readonly Check[];
}

export interface Table {
  readonly title: string;
  /** Headings of the cells. */
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
  readonly notes?: readonly string[];
}

export function atMost(value: number, limit: number, unit: string): Check {
  return { text: `<= ${limit}${unit}`, figure: short(value), isMet: value <= limit };
}

export function atLeast(value: number, limit: number, unit: string): Check {
  return { text: `>= ${limit}${unit}`, figure: short(value), isMet: value >= limit };
}

/**
 * A target that was set where the floor was so fast: as it is, and as many times this machine's own floor, measured in the same run.
 * Floors and targets below 10 are costs (less is better), the others are speeds.
 */
export function againstFloor(
  value: number,
  { target, floor, here, unit }: { target: number; floor: number; here: number; unit: string },
): readonly Check[] {
  const scaled = (target / floor) * here;
  const factor = (target / floor).toFixed(2);
  const compare = target < 10 ? atMost : atLeast;
  const sign = target < 10 ? "<=" : ">=";
  const shown = target < 10 ? scaled.toFixed(2) : scaled.toFixed(0);
  return [
    compare(value, target, unit),
    { ...compare(value, scaled, unit), text: `${sign} ${shown}${unit} (${factor}x the floor here)` },
  ];
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

export function times(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)}x` : "-";
}

/** Prints tables as they come and remembers which targets were missed. */
export class Report {
  readonly #missed: string[] = [];
  #checks = 0;

  print({ title, columns, rows, notes = [] }: Table): void {
    const hasChecks = rows.some(({ checks = [] }) => checks.length > 0);
    const lines = [
      ["", ...columns, ...(hasChecks ? ["targets"] : [])],
      ...rows.flatMap(({ name, cells, checks = [] }) => [
        [name, ...columns.map((_column, at) => cells[at] ?? ""), ...(hasChecks ? [verdict(checks[0])] : [])],
        // Further targets of a row stand beneath its first one.
        ...checks.slice(1).map((check) => ["", ...columns.map(() => ""), verdict(check)]),
      ]),
    ];
    const widths = (lines[0] as string[]).map((_cell, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
    const isText = (at: number) => at === 0 || at > columns.length;
    const shown = lines.map((line) =>
      line.map((cell, at) => (isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | "),
    );
    const rule = widths.map((width, at) => (isText(at) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ");
    console.log(`\n${title}\n`);
    for (const line of [shown[0], rule, ...shown.slice(1)]) console.log(`| ${line} |`);
    if (notes.length > 0) console.log(`\n${notes.join("\n")}`);
    for (const { name, checks = [] } of rows) {
      this.#checks += checks.length;
      const missed = checks.filter(({ isMet }) => !isMet);
      this.#missed.push(
        ...missed.map(({ text, figure }) => `${title.split(":")[0]}: ${name}: ${figure}, wanted ${text}`),
      );
    }
  }

  /** Everything that was missed, in one place. */
  summarize(): void {
    console.log(`\n${this.#checks - this.#missed.length} of ${this.#checks} targets reached`);
    for (const missed of this.#missed) console.log(`  MISSED ${missed}`);
  }
}

function verdict(check: Check | undefined): string {
  if (check === undefined) return "";
  return `${check.text} ${check.isMet ? "ok" : "MISSED"}`;
}
