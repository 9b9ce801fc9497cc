import { Registry } from "prom-client";
import type { Clock } from "../base/clock.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isImportLane, LANES } from "../nntp/lanes.ts";
import { cacheMetrics } from "./cache-metrics.ts";
import { ImportDurations } from "./import-metrics.ts";
import type { Live } from "./live.ts";
import { type MakeCounter, type MakeGauge, metricFamilies } from "./metric-families.ts";
import { loopMetrics, processMetrics } from "./process-metrics.ts";
import { damageMetrics, hedgeMetrics, providerMetrics } from "./provider-metrics.ts";
import { sendText } from "./reply.ts";
import type { Route } from "./route.ts";
import { streamMetrics, streamTotalMetrics } from "./stream-metrics.ts";
import type { Timings } from "./timings.ts";

/** What is not given is left out. */
export interface MetricsDeps extends Live {
  readonly catalog: Catalog;
  /** Of this program, for build_info. */
  readonly version: string;
  readonly clock: Clock;
  readonly timings?: Timings;
}

/**
 * `/metrics` in Prometheus' text format. All but the distributions is taken from the present snapshots at the moment of the scrape; labels
 * are bounded (provider ids, states, results), never a path, title, message-id or client.
 */
export function metricsRoutes(deps: MetricsDeps): readonly Route[] {
  const registry = new Registry();
  processMetrics(registry);
  const make = metricFamilies(registry);
  const { gauge, counter } = make;
  gauge("build_info", "1, labelled with what is running", ["version", "node"]).set(
    { version: deps.version, node: process.version },
    1,
  );
  const { streamTotals, hedges, damage, timings, waits } = deps;
  const durations = new ImportDurations(deps.catalog.jobs, deps.clock);
  const updates = [
    streamMetrics(gauge),
    ...(streamTotals === undefined ? [] : [streamTotalMetrics(make, streamTotals)]),
    cacheMetrics(make),
    providerMetrics(make),
    ...(hedges === undefined ? [] : [hedgeMetrics(counter, hedges)]),
    ...(damage === undefined ? [] : [damageMetrics(counter, damage)]),
    admissionMetrics(gauge),
    ...(waits === undefined ? [] : [waitMetrics(counter, waits)]),
    catalogMetrics(gauge),
    loopMetrics(gauge, deps),
  ];

  return [
    {
      method: "GET",
      path: "/metrics",
      access: "required",
      handle: async ({ res }) => {
        for (const update of updates) update(deps);
        const texts = [await registry.metrics(), durations.text(), ...(timings === undefined ? [] : [timings.text()])];
        sendText(res, registry.contentType, texts.join("\n"));
      },
    },
  ];
}

function admissionMetrics(gauge: MakeGauge) {
  const limit = gauge("admission_limit", "Connections that a lane may use at present", ["lane"]);
  const jobs = gauge("admission_jobs", "Import jobs at the gate", ["state"]);
  const jobLimit = gauge("admission_jobs_limit", "Import jobs that may run at present");
  return (deps: Pick<Live, "admission">) => {
    const { connections, jobs: gate } = deps.admission.state;
    for (const lane of LANES) limit.set({ lane }, isImportLane(lane) ? connections.imports : connections.total);
    jobs.set({ state: "running" }, gate.running);
    jobs.set({ state: "waiting" }, gate.waiting);
    jobLimit.set(gate.limit);
  };
}

function waitMetrics(counter: MakeCounter, waits: NonNullable<Live["waits"]>) {
  const seconds = counter(
    "admission_wait_seconds_total",
    "Time that requests of a lane waited for a connection, and jobs for their place",
    ["lane"],
  );
  return () => {
    seconds.forget();
    for (const [lane, ms] of Object.entries(waits())) seconds.total(ms / 1000, { lane });
  };
}

function catalogMetrics(gauge: MakeGauge) {
  const files = gauge("catalog_files", "Files in the library");
  const releases = gauge("catalog_releases", "Releases in the library");
  const bytes = gauge("catalog_bytes", "Bytes of all files in the library");
  const jobs = gauge("import_jobs", "Imports by state", ["state"]);
  return (deps: { readonly catalog: Catalog }) => {
    const stats = deps.catalog.stats();
    files.set(stats.files);
    releases.set(stats.releases);
    bytes.set(stats.bytes);
    for (const [state, count] of Object.entries(deps.catalog.jobs.counts())) jobs.set({ state }, count);
  };
}
