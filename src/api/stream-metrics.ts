import type { ReadClass } from "../reader/read-class.ts";
import type { Live } from "./live.ts";
import type { Make, MakeGauge } from "./metric-families.ts";

const CLASSES: readonly ReadClass[] = ["play", "scan", "download"];

const PHASE_LABELS = {
  permit: "memory",
  connection: "connection",
  firstByte: "first_byte",
  body: "body",
  decode: "decode",
  send: "send",
} as const;

/** What flows, by what the client does with it, and what else keeps imports back. */
export function streamMetrics(gauge: MakeGauge) {
  const active = gauge("streams_active", "Streams with an open request by class, and those within their hold-off", [
    "class",
  ]);
  const paused = gauge("streams_paused", "Of those with an open request, the ones whose client takes nothing");
  return (deps: Pick<Live, "streams" | "admission">) => {
    const flowing = deps.streams().filter(({ openRequests }) => openRequests > 0);
    for (const one of CLASSES) active.set({ class: one }, flowing.filter((stream) => stream.class === one).length);
    // A scan keeps nothing back, so admission does not count it.
    const counted = flowing.filter((stream) => stream.class !== "scan").length;
    active.set({ class: "hold_off" }, Math.max(0, deps.admission.state.streams - counted));
    paused.set(flowing.filter((stream) => stream.paused).length);
  };
}

/** Counters of all streams since the start. */
export function streamTotalMetrics({ counter }: Make, totals: NonNullable<Live["streamTotals"]>) {
  const bytes = counter("stream_bytes_total", "Bytes of files sent to clients");
  const requests = counter("stream_requests_total", "Requests for the bytes of a file");
  const failures = counter("stream_failures_total", "Of these, those that failed");
  const stalls = counter("stream_stalls_total", "Times that a player was kept waiting");
  const stallSeconds = counter("stream_stall_seconds_total", "Time for which players were kept waiting");
  const waits = counter(
    "stream_wait_seconds_total",
    "Where the time of streams went; decode is a part of the phases before it, send is the clients' own time",
    ["phase"],
  );
  return () => {
    const now = totals();
    for (const family of [bytes, requests, failures, stalls, stallSeconds, waits]) family.forget();
    bytes.total(now.bytes);
    requests.total(now.requests);
    failures.total(now.failures);
    stalls.total(now.stalls);
    stallSeconds.total(now.stallMs / 1000);
    for (const phase of Object.keys(PHASE_LABELS) as (keyof typeof PHASE_LABELS)[]) {
      waits.total(now.phases[phase] / 1000, { phase: PHASE_LABELS[phase] });
    }
  };
}
