/** Who asks, most urgent first; a lower lane never delays a higher one. */
export const LANES = ["playhead", "readahead", "import", "health"] as const;

export type Lane = (typeof LANES)[number];

/** Whether this lane yields to playback. */
export function isImportLane(lane: Lane): boolean {
  return lane === "import" || lane === "health";
}

/** The lane of a request that may become more urgent, or less, while it waits. */
export interface Urgency {
  readonly lane: Lane;
  /** Calls back when the lane has become more urgent. Absent where that never happens. */
  watch?(call: () => void): Disposable;
}
