import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { AdmissionState } from "../admission/admission.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { StreamSnapshot } from "../mount/stream-snapshot.ts";
import type { StreamTotals } from "../mount/streams.ts";
import type { ProviderSnapshot } from "../nntp/snapshot.ts";
import type { CacheStats } from "../reader/cache-stats.ts";
import type { Live } from "./live.ts";
import { sendText } from "./reply.ts";
import type { Route } from "./route.ts";

export interface MetricsDeps extends Live {
  readonly catalog: Catalog;
  /** Of this program, for build_info. */
  readonly version: string;
  /** All streams since the start, ended ones too; without it their counters are left out. */
  streamTotals?(): StreamTotals;
}

/** Resolution of the event loop's watch; its timer is part of what it measures. */
const LOOP_STEP_MS = 20;

/**
 * `/metrics` in Prometheus' text format. Every number is taken from the present snapshots at the moment of the scrape; labels are
 * bounded (provider ids, states, results), never a path, title, message-id or client.
 */
export function metricsRoutes(deps: MetricsDeps): readonly Route[] {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { gauge, counter } = metricFamilies(registry);
  gauge("build_info", "1, labelled with what is running", ["version", "node"]).set(
    { version: deps.version, node: process.version },
    1,
  );
  const updates = [
    streamMetrics(gauge),
    ...(deps.streamTotals === undefined ? [] : [streamTotalMetrics(counter, deps.streamTotals)]),
    cacheMetrics({ gauge, counter }),
    providerMetrics({ gauge, counter }),
    admissionMetrics(gauge),
    catalogMetrics(gauge),
    loopMetrics(gauge),
  ];

  return [
    {
      method: "GET",
      path: "/metrics",
      access: "required",
      handle: async ({ res }) => {
        for (const update of updates) update(deps);
        sendText(res, registry.contentType, await registry.metrics());
      },
    },
  ];
}

type MakeGauge = (name: string, help: string, labels?: readonly string[]) => Gauge;
type MakeCounter = (name: string, help: string, labels?: readonly string[]) => Counted;
interface Make {
  readonly gauge: MakeGauge;
  readonly counter: MakeCounter;
}
/** A counter that is told its total, since the snapshots count themselves. */
interface Counted {
  forget(): void;
  total(value: number, labels?: Readonly<Record<string, string>>): void;
}

function metricFamilies(registry: Registry): Make {
  const config = (name: string, help: string, labels: readonly string[] = []) => ({
    name: `newsreel_${name}`,
    help,
    labelNames: labels,
    registers: [registry],
  });
  return {
    gauge: (name, help, labels) => new Gauge(config(name, help, labels)),
    counter: (name, help, labels) => {
      const counter = new Counter(config(name, help, labels));
      return {
        forget: () => counter.reset(),
        total: (value, of = {}) => counter.inc(of, value),
      };
    },
  };
}

function streamMetrics(gauge: MakeGauge) {
  const active = gauge("streams_active", "Streams by class: flowing, or within their hold-off", ["class"]);
  return (deps: { streams(): readonly StreamSnapshot[]; admission: { readonly state: AdmissionState } }) => {
    const flowing = deps.streams().filter(({ openRequests }) => openRequests > 0).length;
    active.set({ class: "flowing" }, flowing);
    active.set({ class: "hold_off" }, Math.max(0, deps.admission.state.streams - flowing));
  };
}

function streamTotalMetrics(counter: MakeCounter, totals: () => StreamTotals) {
  const bytes = counter("stream_bytes_total", "Bytes of files sent to clients");
  const requests = counter("stream_requests_total", "Requests for the bytes of a file");
  const failures = counter("stream_failures_total", "Of these, those that failed");
  return () => {
    const now = totals();
    for (const family of [bytes, requests, failures]) family.forget();
    bytes.total(now.bytes);
    requests.total(now.requests);
    failures.total(now.failures);
  };
}

function cacheMetrics({ gauge, counter }: Make) {
  const tier = "memory";
  const requests = counter("cache_requests_total", "Reads of a segment, by what answered them", ["tier", "result"]);
  const evictions = counter("cache_evictions_total", "Segments that made room for others", ["tier"]);
  const bytes = gauge("cache_bytes", "Memory of the segment cache: kept, in flight and free", ["tier"]);
  const budget = gauge("cache_budget_bytes", "What the segment cache may use at most", ["tier"]);
  const segments = gauge("cache_segments", "Verified segments kept", ["tier"]);
  const flights = gauge("cache_flights", "Fetches in progress");
  const pinned = gauge("cache_pinned_slots", "Slots that somebody reads or writes");
  return (deps: { cache(): CacheStats }) => {
    const stats = deps.cache();
    requests.forget();
    requests.total(stats.hits, { tier, result: "hit" });
    requests.total(stats.joins, { tier, result: "join" });
    requests.total(stats.misses, { tier, result: "miss" });
    evictions.forget();
    evictions.total(stats.evictions, { tier });
    bytes.set({ tier }, stats.allocatedBytes);
    budget.set({ tier }, stats.budgetBytes);
    segments.set({ tier }, stats.entries);
    flights.set(stats.flights);
    pinned.set(stats.pinnedSlots);
  };
}

function providerMetrics({ gauge, counter }: Make) {
  const usable = gauge("nntp_provider_usable", "1 unless the provider is backing off", ["provider"]);
  const connections = gauge("nntp_connections", "Connections by state", ["provider", "state"]);
  const limits = gauge("nntp_connections_limit", "Connections the provider is found to allow at present", ["provider"]);
  const commands = counter("nntp_commands_total", "Articles asked for, by result", ["provider", "result"]);
  const bytes = counter("nntp_bytes_total", "Encoded bytes received", ["provider"]);
  const rtt = gauge("nntp_rtt_seconds", "Measured round trip", ["provider"]);
  return (deps: { providers(): readonly ProviderSnapshot[] }) => {
    for (const family of [usable, connections, limits, rtt]) family.reset();
    for (const family of [commands, bytes]) family.forget();
    for (const snapshot of deps.providers()) {
      const provider = snapshot.id;
      const { open, busy, opening, ceiling } = snapshot.connections;
      usable.set({ provider }, snapshot.state === "backing-off" ? 0 : 1);
      connections.set({ provider, state: "busy" }, busy);
      connections.set({ provider, state: "idle" }, Math.max(0, open - busy));
      connections.set({ provider, state: "opening" }, opening);
      limits.set({ provider }, ceiling);
      const { ok, missing, corrupt, failed } = snapshot.commands;
      for (const [result, count] of Object.entries({ ok, missing, corrupt, failed })) {
        commands.total(count, { provider, result });
      }
      bytes.total(snapshot.bytes, { provider });
      if (snapshot.rttMs !== undefined) rtt.set({ provider }, snapshot.rttMs / 1000);
    }
  };
}

function admissionMetrics(gauge: MakeGauge) {
  const limit = gauge("admission_limit", "Connections that a lane may use at present", ["lane"]);
  const jobs = gauge("admission_jobs", "Import jobs at the gate", ["state"]);
  const jobLimit = gauge("admission_jobs_limit", "Import jobs that may run at present");
  return (deps: { admission: { readonly state: AdmissionState } }) => {
    const { connections, jobs: gate } = deps.admission.state;
    limit.set({ lane: "playhead" }, connections.total);
    limit.set({ lane: "import" }, connections.imports);
    jobs.set({ state: "running" }, gate.running);
    jobs.set({ state: "waiting" }, gate.waiting);
    jobLimit.set(gate.limit);
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

/** The watch never keeps the process alive, so nobody has to stop it. */
function loopMetrics(gauge: MakeGauge) {
  const lag = gauge("event_loop_lag_seconds", "99th percentile since the last scrape");
  const delay = monitorEventLoopDelay({ resolution: LOOP_STEP_MS });
  delay.enable();
  return () => {
    lag.set(Math.max(0, delay.percentile(99) / 1e9 - LOOP_STEP_MS / 1000));
    delay.reset();
  };
}
