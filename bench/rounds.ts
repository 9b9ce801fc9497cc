/** Measures one side once. */
export type Side<Sample> = (round: number) => Promise<Sample>;

/**
 * Has all sides measured turn and turn about, so that a drift of the machine hits all alike; every second round in the opposite order.
 * Round -1 is a warm-up whose samples are thrown away.
 */
export async function takeTurns<Name extends string, Sample>(
  sides: Readonly<Record<Name, Side<Sample>>>,
  rounds: number,
): Promise<Readonly<Record<Name, readonly Sample[]>>> {
  const names = Object.keys(sides) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as Sample[]])) as Record<Name, Sample[]>;
  for (let round = -1; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await sides[name](round);
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** The middle of some figures. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that a share `q` of the figures does not exceed, between two of them by proportion; NaN for none. What is no figure is left out. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

/** Median of the ratios round by round: steadier than the ratio of the medians when the machine's speed drifts. */
export function medianRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, round) => value / (references[round] as number)));
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
