/** What the child of the kill test writes: known to the child and to the test. */
export const CHILD_BUDGET = 8 * 2 ** 20;

export function childKey(n: number): string {
  return `part-${n}@child 1`;
}

export function childSize(n: number): number {
  return n < 0 ? 1 : 3_000 + ((n * 7_919) % 20_000);
}
