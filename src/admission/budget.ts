import type { AdmissionLimits, AdmissionState } from "./admission.ts";

type ConnectionLimits = Pick<AdmissionLimits, "connections" | "perStreamConnections" | "floor">;

/** Bodies that imports and health together may hold while `streams` are active: `C - min(perStream x s, C - floor)`. */
export function importConnections(limits: ConnectionLimits, streams: number): number {
  const { connections, perStreamConnections, floor } = limits;
  return connections - Math.min(perStreamConnections * streams, Math.max(0, connections - floor));
}

/** Imports that may run while `streams` are active. */
export function jobLimit(limits: Pick<AdmissionLimits, "maxJobs" | "maxJobsWhileStreaming">, streams: number): number {
  return streams > 0 ? Math.min(limits.maxJobs, limits.maxJobsWhileStreaming) : limits.maxJobs;
}

/** The state in one sentence. */
export function inWords(state: Omit<AdmissionState, "words">, holdOffMs: number): string {
  const { streams, jobs, connections } = state;
  const total = count(connections.total, "connection");
  const who = streams === 0 ? "nobody is watching" : `${count(streams, "stream")} active`;
  const share = streams === 0 ? `imports may use all ${total}` : `imports hold ${connections.imports} of ${total}`;
  return `${who}: ${share}, ${jobWords(jobs)}${whatNext(state, holdOffMs)}`;
}

function whatNext({ streams, jobs }: Omit<AdmissionState, "words">, holdOffMs: number): string {
  if (jobs.isPaused) return "; the queue is paused";
  return streams === 0 ? "" : `; they resume ${Math.round(holdOffMs / 100) / 10} s after playback`;
}

function jobWords({ running, waiting }: AdmissionState["jobs"]): string {
  if (waiting > 0) return `${count(waiting, "job")} ${waiting === 1 ? "waits" : "wait"}`;
  return running > 0 ? `${count(running, "job")} ${running === 1 ? "runs" : "run"}` : "no job waits";
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
