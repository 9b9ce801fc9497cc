import type { Cancel } from "../base/seekable-file.ts";

export interface StreamInfo {
  /** What is read: the same file read by the same client is one stream, request after request. */
  readonly key: string;
}

/** Held exactly while body bytes flow. Disposing twice is harmless. */
export interface StreamTicket extends Disposable {
  /** Says that body bytes have just left; the hold-off counts from the last of them. */
  touch(): void;
}

export interface AdmissionLimits {
  /** Connections of all providers that are no backup. */
  readonly connections: number;
  /** Jobs at once while nobody watches, and while somebody does. */
  readonly maxJobs: number;
  readonly maxJobsWhileStreaming: number;
  /** Connections an active stream takes away from imports and health. */
  readonly perStreamConnections: number;
  /** What imports and health keep in any case: 1, or 0 to let them wait. */
  readonly floor: number;
  readonly holdOffMs: number;
}

export interface AdmissionState {
  /** Streams that flow or are within their hold-off. */
  readonly streams: number;
  /** Milliseconds since 1970; undefined while a stream flows or when nothing holds imports back. */
  readonly holdOffUntil: number | undefined;
  readonly jobs: {
    readonly running: number;
    readonly waiting: number;
    readonly limit: number;
    /** Whether somebody has paused the whole queue. */
    readonly isPaused: boolean;
  };
  readonly connections: { readonly total: number; readonly imports: number };
  /** The same in one sentence. */
  readonly words: string;
}

/** Imports yield to playback: two gates, one for jobs and one for connections. */
export interface Admission extends Disposable {
  openStream(info: StreamInfo): StreamTicket;
  /** Taken before a job is claimed from the database; waits its turn. */
  admitJob(cancel: Cancel): Promise<Disposable>;
  /** Streams that flow or are within their hold-off; cheap, for the hot path. */
  readonly activeStreams: number;
  /** How many bodies imports and health together may hold right now. */
  importConnections(): number;
  /** From now on; what runs already is not stopped. */
  change(limits: Partial<AdmissionLimits>): void;
  readonly limits: AdmissionLimits;
  /** Milliseconds for which jobs have waited for their place since the start, those that still wait included. */
  readonly jobWaitMs: number;
  /** Calls back whenever a limit may have changed; disposing stops it. */
  onChange(call: () => void): Disposable;
  readonly state: AdmissionState;
}
