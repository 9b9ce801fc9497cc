/** Pauses the queue for some minutes. The end is kept in the database, so that a restart does not make it a pause for ever. */
import type { Clock } from "../base/clock.ts";
import type { StoredSettings } from "../catalog/stored-settings.ts";
import type { ImportQueue } from "../import/import-queue.ts";

export interface PauseTimerOptions {
  readonly settings: StoredSettings;
  readonly queue: Pick<ImportQueue, "pauseAll" | "resumeAll" | "isPaused">;
  readonly clock: Clock;
}

/** Disposing stops the timer; the pause goes on, and ends after the next start. */
export interface PauseTimer extends Disposable {
  /** From now on; 0 resumes at once. */
  pauseFor(minutes: number): void;
  /** Forgets when the pause was to end. */
  clear(): void;
  /** Milliseconds until it ends; undefined when no end is set. */
  readonly leftMs: number | undefined;
}

const KEY = "sab.resumeAt";
/** Longer timers fire at once; what is further off is looked at again. */
const LONGEST_MS = 86_400_000;

/** Goes on with a pause that a process before this one began. */
export function startPauseTimer({ settings, queue, clock }: PauseTimerOptions): PauseTimer {
  let resumeAt = storedTime(settings);
  let timer: Disposable | undefined;

  function arm(): void {
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (resumeAt === undefined) return;
    const ms = resumeAt - clock.wall();
    if (ms > 0) timer = clock.after(Math.min(ms, LONGEST_MS), arm);
    else end();
  }

  function set(at: number | undefined): void {
    resumeAt = at;
    settings.set(KEY, at);
    arm();
  }

  function end(): void {
    set(undefined);
    queue.resumeAll();
  }

  arm();
  return {
    pauseFor(minutes) {
      if (minutes <= 0) {
        end();
        return;
      }
      queue.pauseAll();
      set(clock.wall() + minutes * 60_000);
    },
    clear() {
      if (resumeAt !== undefined) set(undefined);
    },
    get leftMs() {
      // Somebody else may have resumed it.
      return resumeAt === undefined || !queue.isPaused ? undefined : Math.max(0, resumeAt - clock.wall());
    },
    [Symbol.dispose]: () => timer?.[Symbol.dispose](),
  };
}

function storedTime(settings: StoredSettings): number | undefined {
  const value = settings.all().get(KEY);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
