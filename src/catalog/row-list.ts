/** Rows as they were at one instant; each becomes an object when it is asked for, so that ten thousand need not all at once. */
export interface RowList<T> {
  readonly length: number;
  /** From 0 to `length` - 1. */
  at(index: number): T;
}

/** Rows over raw ones that were read before, each made by `make` when it is asked for. */
export function rowList<Raw, T>(raw: readonly Raw[], make: (raw: Raw) => T): RowList<T> {
  return {
    length: raw.length,
    at(index) {
      const row = raw[index];
      if (row === undefined) throw new RangeError(`there is no row ${index} of ${raw.length}`);
      return make(row);
    },
  };
}

/** One list after the other. */
export function joined<T>(first: RowList<T>, then: RowList<T>): RowList<T> {
  const { length } = first;
  return { length: length + then.length, at: (index) => (index < length ? first.at(index) : then.at(index - length)) };
}

/** Its rows from `start` on, at most `limit` of them. */
export function slice<T>(rows: RowList<T>, start: number, limit: number): RowList<T> {
  const length = Math.max(0, Math.min(limit, rows.length - start));
  return { length, at: (index) => rows.at(index < length ? start + index : rows.length) };
}

/** All at once. */
export function allOf<T>({ length, at }: RowList<T>): readonly T[] {
  return Array.from({ length }, (_, index) => at(index));
}
