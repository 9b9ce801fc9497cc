import type { Writable } from "node:stream";
import { inPercent, inTime } from "./amounts.ts";
import type { Followed } from "./import-follow.ts";
import { hasEnded, type ImportView, inOneLine, nameOf } from "./import-view.ts";
import { isTerminal, printable } from "./output.ts";
import { fitted, lineWidth } from "./table-lines.ts";

/** Tells on standard error how imports go on. */
export interface ImportProgress {
  /** So many of all NZBs are in the server's hands. */
  handOver(done: number, all: number): void;
  show(followed: Followed): void;
  /** Takes away what would be overwritten by the next look. */
  end(): void;
}

/** More running imports than this are told of in one line. */
const MOST_BARS = 8;
const BAR = 20;

/** Bars that are drawn over each other on a terminal, a line for each change where standard error goes elsewhere. */
export function importProgress(stderr: Writable): ImportProgress {
  return isTerminal(stderr) ? bars(stderr) : changes(stderr);
}

/** For whoever reads only results. */
export const NO_PROGRESS: ImportProgress = { handOver() {}, show() {}, end() {} };

function changes(stderr: Writable): ImportProgress {
  const told = new Map<string, string>();
  return {
    handOver() {},
    show(followed) {
      for (const [id, view] of followed) {
        if (view === undefined || hasEnded(view)) continue;
        const news = inOneLine(view);
        if (told.get(id) !== news) stderr.write(`${news}\n`);
        told.set(id, news);
      }
    },
    end() {},
  };
}

function bars(stderr: Writable): ImportProgress {
  let drawn = 0;
  // To the start of what was drawn last, and clear from there to the end of the screen.
  const erase = () => (drawn === 0 ? "" : `\u001b[${drawn}A\r\u001b[J`);
  const draw = (lines: readonly string[]) => {
    // The last column stays free: a terminal may wrap when it is filled.
    const fitting = lines.map((line) => `${fitted(line, lineWidth(stderr) - 1)}\n`);
    stderr.write(erase() + fitting.join(""));
    drawn = fitting.length;
  };
  return {
    handOver(done, all) {
      if (all > 1) draw([`handed over ${done} of ${all}`]);
    },
    show: (followed) => draw(progressLines(followed)),
    end() {
      stderr.write(erase());
      drawn = 0;
    },
  };
}

/** A bar for each running import, unless they are many; then how far all of them are, if they are several. */
export function progressLines(followed: Followed): readonly string[] {
  const views = [...followed.values()].filter((view) => view !== undefined);
  const [only] = views;
  if (followed.size === 1) {
    if (only === undefined || hasEnded(only)) return [];
    return [only.state === "importing" ? barLine(only) : inOneLine(only)];
  }
  const running = views.filter(({ state }) => state === "importing");
  const lines = running.length > MOST_BARS ? [] : running.map(barLine);
  return [...lines, summaryLine(followed)];
}

function barLine(view: ImportView): string {
  const share = Math.min(1, Math.max(0, view.progress ?? 0));
  const full = Math.floor(share * BAR);
  const bar = `[${"#".repeat(full)}${".".repeat(BAR - full)}]`;
  const left = view.timeLeftMs == null ? "" : `, ${inTime(view.timeLeftMs)} left`;
  return printable(`${bar} ${inPercent(share).padStart(5)}  ${nameOf(view)}${left}`);
}

/** `12 of 30 done, 1 failed, 2 importing, 15 queued; 3 min left`. */
function summaryLine(followed: Followed): string {
  const counts = new Map<string, number>();
  let leftMs = 0;
  for (const view of followed.values()) {
    const state = view?.state ?? "queued";
    counts.set(state, (counts.get(state) ?? 0) + 1);
    if (view !== undefined && !hasEnded(view)) leftMs = Math.max(leftMs, view.timeLeftMs ?? 0);
  }
  const done = counts.get("completed") ?? 0;
  counts.delete("completed");
  const others = [...counts].map(([state, count]) => `, ${count} ${state}`).join("");
  return printable(`${done} of ${followed.size} done${others}${leftMs === 0 ? "" : `; ${inTime(leftMs)} left`}`);
}
