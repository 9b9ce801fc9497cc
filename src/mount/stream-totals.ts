import type { StreamPhases } from "./stream-snapshot.ts";

/** Counters that add up over streams; times in milliseconds. */
export interface StreamTotals {
  readonly bytes: number;
  readonly requests: number;
  readonly failures: number;
  readonly stalls: number;
  readonly stallMs: number;
  readonly phases: StreamPhases;
}

export const PHASES = [
  "permit",
  "connection",
  "firstByte",
  "body",
  "decode",
  "send",
] as const satisfies readonly (keyof StreamPhases)[];

/** Phases to count up in. */
export function noPhases(): Record<keyof StreamPhases, number> {
  return { permit: 0, connection: 0, firstByte: 0, body: 0, decode: 0, send: 0 };
}

/** Counters of nothing yet. */
export function noTotals(): StreamTotals {
  return { bytes: 0, requests: 0, failures: 0, stalls: 0, stallMs: 0, phases: noPhases() };
}

export function addTotals(one: StreamTotals, other: StreamTotals): StreamTotals {
  const phases = noPhases();
  for (const phase of PHASES) phases[phase] = one.phases[phase] + other.phases[phase];
  return {
    bytes: one.bytes + other.bytes,
    requests: one.requests + other.requests,
    failures: one.failures + other.failures,
    stalls: one.stalls + other.stalls,
    stallMs: one.stallMs + other.stallMs,
    phases,
  };
}
