import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** CPU seconds, user and system, that a process has used so far, in steps of 10 ms (proc(5), fields 14 and 15 of stat). Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Highest resident memory of a process so far, or since `resetPeakRss`, in bytes. */
export function peakRss(pid: number): number {
  return statusField(pid, "VmHWM") * 1024;
}

/** Has the highest counted from now on: proc(5), clear_refs. */
export function resetPeakRss(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** Resident memory of a process at this moment, in bytes. */
export function rss(pid: number): number {
  return statusField(pid, "VmRSS") * 1024;
}

/** How often a process's first thread has slept and been woken so far. */
export function wakeUps(pid: number): number {
  return statusField(pid, "voluntary_ctxt_switches");
}

function statusField(pid: number, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? Number.NaN);
}
