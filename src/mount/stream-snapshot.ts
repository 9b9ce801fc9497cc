/** One client that reads one file, as it stands. Times are milliseconds since 1970. */
export interface StreamSnapshot {
  readonly path: string;
  readonly client: string;
  readonly userAgent: string;
  readonly startedAt: number;
  readonly requests: number;
  readonly openRequests: number;
  /** Where the last byte sent lies in the file. */
  readonly position: number;
  readonly size: number;
  readonly bytes: number;
  readonly lastByteAt: number;
}
