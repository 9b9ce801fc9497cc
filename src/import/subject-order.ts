/** A counter in a subject: `[07/26]`, `(7 of 26)`. */
export const COUNTER = /[[(]\s*(\d{1,7})\s*(?:\/|of)\s*(\d{1,7})\s*[\])]/gi;

/**
 * The numbers that subjects give to the files of a post, as in `[07/26] - "..." yEnc (1/3)`: one for each subject, or undefined unless
 * some counter of one total numbers them all differently.
 */
export function subjectCounters(subjects: readonly string[]): readonly number[] | undefined {
  const counters = subjects.map((subject) => [...subject.matchAll(COUNTER)].map(([, at, of]) => [at, of] as const));
  const fewest = counters.reduce((least, { length }) => Math.min(least, length), Number.POSITIVE_INFINITY);
  for (let which = 0; which < fewest; which++) {
    const chosen = counters.map((all) => all[which] as readonly [string, string]);
    const numbers = chosen.map(([at]) => Number(at));
    if (chosen.every(([, of]) => of === chosen[0]?.[1]) && new Set(numbers).size === numbers.length) return numbers;
  }
  return undefined;
}
