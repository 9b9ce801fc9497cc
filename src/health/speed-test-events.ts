import type { SpeedStep, StepPlan } from "./speed-test-plan.ts";
import type { Disturbance } from "./speed-test-words.ts";

/** How a test goes: waiting at times, then start, progress and steps, and the report last. Goes out as JSON as it stands. */
export type SpeedEvent = SpeedWaiting | SpeedStart | SpeedProgress | SpeedStepEvent | SpeedReport;

/** Another provider is being measured: at the same time, each would get what the other leaves of the line. */
export interface SpeedWaiting {
  readonly kind: "waiting";
  readonly words: string;
}

export interface SpeedStart {
  readonly kind: "start";
  readonly provider: string;
  /** What the account allows, as configured. */
  readonly connections: number;
  readonly limitBytes: number;
  /** What it may cost. */
  readonly words: string;
}

/** The step under way, now and then. */
export interface SpeedProgress extends StepPlan {
  readonly kind: "progress";
  readonly bytesPerSecond: number;
  readonly usedBytes: number;
}

export interface SpeedStepEvent extends SpeedStep {
  readonly kind: "step";
}

/**
 * complete: all was measured. volume, time: there was no more to spend; or others had all connections for too long.
 * playback: somebody began to watch, who comes first. library: it holds no articles any more. provider: it could not be measured any further.
 */
export type SpeedEnd = "complete" | "volume" | "time" | "playback" | "library" | "provider";

export interface SpeedReport extends Disturbance {
  readonly kind: "report";
  readonly provider: string;
  readonly ended: SpeedEnd;
  /** Time between a command and its answer; null when the provider answers no STAT. */
  readonly roundTripMs: number | null;
  readonly steps: readonly SpeedStep[];
  /** What to configure: beyond these nothing is gained. */
  readonly connections: number;
  readonly depth: number;
  readonly bytesPerSecond: number;
  /** The same as a sentence. */
  readonly words: string;
  /** A sentence each: why it ended early, and what makes the figures doubtful. */
  readonly notes: readonly string[];
  /** What it has cost, roughly. */
  readonly usedBytes: number;
}
