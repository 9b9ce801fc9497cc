/** Counts values by size, in fixed buckets; what Prometheus calls a histogram. Observing costs a few comparisons and allocates nothing. */
export class Distribution {
  readonly #bounds: readonly number[];
  /** Of each bucket alone; the last is for what lies beyond all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  /** `bounds` grow; each belongs to its own bucket. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  /** What is no finite number is passed over, since it would spoil the sum for good. */
  observe(value: number): void {
    if (!Number.isFinite(value)) return;
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  /** Each bound with how many values do not exceed it; the last is +Inf, and so has all of them. */
  get cumulative(): readonly (readonly [bound: number, count: number])[] {
    let count = 0;
    return [...this.#bounds, Number.POSITIVE_INFINITY].map((bound, bucket) => {
      count += this.#counts[bucket] as number;
      return [bound, count];
    });
  }

  get sum(): number {
    return this.#sum;
  }
}

export interface LabelledDistribution {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Distribution;
}

/** One family of histograms in Prometheus' text format 0.0.4. */
export function distributionText(name: string, help: string, family: readonly LabelledDistribution[]): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { labels, values } of family) {
    const { cumulative, sum } = values;
    for (const [bound, count] of cumulative) {
      const le = Number.isFinite(bound) ? `${bound}` : "+Inf";
      lines.push(`${name}_bucket${labelText({ le, ...labels })} ${count}`);
    }
    lines.push(`${name}_sum${labelText(labels)} ${sum}`, `${name}_count${labelText(labels)} ${cumulative.at(-1)?.[1]}`);
  }
  return `${lines.join("\n")}\n`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
