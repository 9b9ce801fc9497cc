import { distance } from "fastest-levenshtein";

/** The known name that a person most likely meant; undefined when none is near. Upper and lower case are the same. */
export function didYouMean(given: string, known: Iterable<string>): string | undefined {
  const wanted = given.toLowerCase().slice(0, 100);
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of known) {
    const steps = distance(wanted, name.toLowerCase());
    if (steps < least) {
      best = name;
      least = steps;
    }
  }
  return best;
}
