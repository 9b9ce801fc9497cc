/** Settings that were changed while the program ran, by dotted key; values as JSON has them. */
export interface StoredSettings {
  all(): ReadonlyMap<string, unknown>;
  /** `undefined` forgets it. */
  set(key: string, value: unknown): void;
}
