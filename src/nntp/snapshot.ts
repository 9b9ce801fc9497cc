/** ready: usable. backing-off: not asked until `retryAt`. idle: nothing was asked of it yet. */
export type ProviderState = "idle" | "ready" | "backing-off";

/** One provider as it stands, for the API, the metrics and the log. */
export interface ProviderSnapshot {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly tier: number;
  readonly isBackup: boolean;
  readonly state: ProviderState;
  /** Why it is backing off, in words; undefined when it is not. */
  readonly reason: string | undefined;
  /** Milliseconds since 1970. */
  readonly retryAt: number | undefined;
  readonly connections: {
    readonly open: number;
    readonly busy: number;
    readonly opening: number;
    /** As configured. */
    readonly limit: number;
    /** What the provider is found to allow at present; at most `limit`. */
    readonly ceiling: number;
  };
  readonly commands: {
    readonly ok: number;
    readonly missing: number;
    readonly corrupt: number;
    readonly failed: number;
  };
  /** Encoded bytes received. */
  readonly bytes: number;
  /** Measured round trip; undefined before the first answer. */
  readonly rttMs: number | undefined;
  /** Measured rate of one connection. */
  readonly bytesPerSecond: number | undefined;
}
