/**
 * Adds up in the database what providers have sent: every ten minutes what has come since, and the rest when it stops, so that a process at
 * rest sleeps on; a killed one loses as much. The pool only counts from the start of the process.
 */
import type { Clock } from "../base/clock.ts";
import { errorMessage } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { TrafficLog, TrafficOfDay } from "../catalog/traffic.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";

export interface TrafficMeterOptions {
  readonly traffic: TrafficLog;
  readonly providers: () => readonly Pick<ProviderSnapshot, "id" | "bytes" | "commands">[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** What was exchanged, including what the database does not know yet. Disposing writes that down. */
export interface TrafficMeter extends Disposable {
  /** Of days since 1970, UTC; the days from `day` on, several for one day and provider possibly. */
  since(day: number): readonly TrafficOfDay[];
  /** Bytes over all days, by provider; every provider that is configured is there. */
  totals(): ReadonlyMap<string, number>;
  /** Today, in days since 1970, UTC. */
  readonly today: number;
}

const EVERY_MS = 600_000;
const DAY_MS = 86_400_000;

type Counted = Pick<TrafficOfDay, "bytes" | "articlesTried" | "articlesFound">;
const NOTHING: Counted = { bytes: 0, articlesTried: 0, articlesFound: 0 };

export function startTrafficMeter({ traffic, providers, clock, log }: TrafficMeterOptions): TrafficMeter {
  const written = new Map<string, Counted>();
  const today = () => Math.floor(clock.wall() / DAY_MS);

  function unwritten(): readonly TrafficOfDay[] {
    const day = today();
    return providers().flatMap((provider) => {
      const now = countedBy(provider);
      const before = written.get(provider.id) ?? NOTHING;
      const since: TrafficOfDay = {
        provider: provider.id,
        day,
        bytes: now.bytes - before.bytes,
        articlesTried: now.articlesTried - before.articlesTried,
        articlesFound: now.articlesFound - before.articlesFound,
      };
      return since.bytes > 0 || since.articlesTried > 0 ? [since] : [];
    });
  }

  function write(): void {
    try {
      for (const since of unwritten()) {
        traffic.add(since);
        const before = written.get(since.provider) ?? NOTHING;
        written.set(since.provider, {
          bytes: before.bytes + since.bytes,
          articlesTried: before.articlesTried + since.articlesTried,
          articlesFound: before.articlesFound + since.articlesFound,
        });
      }
    } catch (error) {
      // It is all still there the next time.
      log.warn({ error: errorMessage(error) }, "cannot record the traffic with news servers");
    }
  }

  const timer = clock.every(EVERY_MS, write);
  let isStopped = false;
  return {
    since: (day) => [...traffic.since(day), ...unwritten().filter((since) => since.day >= day)],
    totals() {
      const totals = new Map([...providers().map(({ id }) => [id, 0] as const), ...traffic.totals()]);
      for (const { provider, bytes } of unwritten()) totals.set(provider, (totals.get(provider) ?? 0) + bytes);
      return totals;
    },
    get today() {
      return today();
    },
    [Symbol.dispose]() {
      if (isStopped) return;
      isStopped = true;
      timer[Symbol.dispose]();
      write();
    },
  };
}

function countedBy({ bytes, commands }: Pick<ProviderSnapshot, "bytes" | "commands">): Counted {
  const { ok, missing, corrupt, failed } = commands;
  return { bytes, articlesTried: ok + missing + corrupt + failed, articlesFound: ok };
}
