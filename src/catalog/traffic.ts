/** What was exchanged with one provider on one day. */
export interface TrafficOfDay {
  readonly provider: string;
  /** Days since 1970, UTC. */
  readonly day: number;
  readonly bytes: number;
  readonly articlesTried: number;
  readonly articlesFound: number;
}

/** Adds up what providers have sent, day by day. */
export interface TrafficLog {
  add(traffic: TrafficOfDay): void;
  /** Days from `day` on, in order. */
  since(day: number): readonly TrafficOfDay[];
  /** Over all days, by provider. */
  totals(): ReadonlyMap<string, number>;
}
