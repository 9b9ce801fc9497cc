import type { TrafficOfDay } from "../catalog/traffic.ts";
import type { TrafficMeter } from "./traffic-meter.ts";

const DAY_MS = 86_400_000;
/** How many days are told one by one. */
const DAYS_TOLD = 366;

/** Bytes: of all time, this month, this week (from Monday) and this day, in UTC. */
export interface TrafficSums {
  readonly total: number;
  readonly month: number;
  readonly week: number;
  readonly day: number;
}

/** All providers together. */
export function trafficSums(meter: TrafficMeter): TrafficSums {
  const all = [...meter.totals().values()].reduce((sum, bytes) => sum + bytes, 0);
  return sumsOf(all, meter.since(firstDay(meter.today)), meter.today);
}

/** What `server_stats` answers: the sums, and each provider's own with its days. */
export function serverStats(meter: TrafficMeter) {
  const { today } = meter;
  const days = meter.since(today - DAYS_TOLD);
  const servers = [...meter.totals()].map(([provider, total]) => {
    const own = days.filter((day) => day.provider === provider);
    const stats = {
      ...sumsOf(total, own, today),
      daily: daily(own, ({ bytes }) => bytes),
      articles_tried: daily(own, ({ articlesTried }) => articlesTried),
      articles_success: daily(own, ({ articlesFound }) => articlesFound),
    };
    return [provider, stats] as const;
  });
  return { ...trafficSums(meter), servers: Object.fromEntries(servers) };
}

function sumsOf(total: number, days: readonly TrafficOfDay[], today: number): TrafficSums {
  const since = (first: number) => days.reduce((sum, { day, bytes }) => (day >= first ? sum + bytes : sum), 0);
  return { total, month: since(firstOfMonth(today)), week: since(mondayOf(today)), day: since(today) };
}

/** The earliest that a sum begins with: a week may reach into the month before. */
function firstDay(today: number): number {
  return Math.min(firstOfMonth(today), mondayOf(today));
}

function firstOfMonth(today: number): number {
  return today - new Date(today * DAY_MS).getUTCDate() + 1;
}

/** 1970 began on a Thursday. */
function mondayOf(today: number): number {
  return today - ((today + 3) % 7);
}

/** By date, `2026-01-31`. */
function daily(days: readonly TrafficOfDay[], of: (day: TrafficOfDay) => number): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const day of days) {
    const date = new Date(day.day * DAY_MS).toISOString().slice(0, 10);
    sums.set(date, (sums.get(date) ?? 0) + of(day));
  }
  return Object.fromEntries(sums);
}
