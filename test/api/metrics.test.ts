import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ImportDurations } from "../../src/api/import-metrics.ts";
import { Timings } from "../../src/api/timings.ts";
import { openCatalog } from "../../src/catalog/open-catalog.ts";
import { ManualClock } from "../manual-clock.ts";
import { addJob, addRelease, provider, startApi, stream } from "./api-server.ts";

const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="[^"\n]*",?)*)\})? (-?[0-9.e+-]+|NaN|Nan|\+Inf)$/;

/** Every sample by name and labels; fails on a line that Prometheus' text format 0.0.4 does not know, and on a sample that is there twice. */
function parse(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]/.test(line)) continue;
    const sample = SAMPLE.exec(line);
    if (sample === null) throw new Error(`cannot parse ${line}`);
    const name = `${sample[1]}{${sample[2] ?? ""}}`;
    if (samples.has(name)) throw new Error(`twice: ${name}`);
    samples.set(name, Number(sample[3]));
  }
  return samples;
}

describe("GET /metrics", () => {
  test("gives the snapshots' numbers under the names and labels that dashboards know", async () => {
    await using api = await startApi();
    addRelease(api.catalog, ["Secret Title.mkv", "b.srt"]);
    const response = await api.fetch("/metrics");
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const samples = parse(await response.text());
    expect(Object.fromEntries(samples)).toMatchObject({
      [`newsreel_build_info{version="1.2.3",node="${process.version}"}`]: 1,
      'newsreel_streams_active{class="play"}': 1,
      'newsreel_streams_active{class="scan"}': 0,
      'newsreel_streams_active{class="download"}': 0,
      'newsreel_streams_active{class="hold_off"}': 1,
      'newsreel_cache_requests_total{tier="memory",result="hit"}': 10,
      'newsreel_cache_requests_total{tier="memory",result="join"}': 2,
      'newsreel_cache_requests_total{tier="memory",result="miss"}': 5,
      'newsreel_cache_bytes{tier="memory"}': 4_000_000,
      'newsreel_nntp_connections{provider="main",state="busy"}': 3,
      'newsreel_nntp_connections{provider="main",state="idle"}': 1,
      'newsreel_nntp_connections{provider="main",state="opening"}': 1,
      'newsreel_nntp_commands_total{provider="main",result="missing"}': 2,
      'newsreel_nntp_bytes_total{provider="main"}': 70_000_000,
      'newsreel_nntp_rtt_seconds{provider="main"}': 0.04,
      'newsreel_admission_limit{lane="playhead"}': 30,
      'newsreel_admission_limit{lane="readahead"}': 30,
      'newsreel_admission_limit{lane="import"}': 4,
      'newsreel_admission_limit{lane="health"}': 4,
      'newsreel_import_jobs{state="queued"}': 0,
      "newsreel_catalog_files{}": 2,
      "newsreel_catalog_bytes{}": 200,
    });
    expect(samples.get("process_cpu_seconds_total{}")).toBeGreaterThan(0);
  });

  test("knows the event loop's lag once it has watched it for a moment", async () => {
    await using api = await startApi();
    const read = async () => parse(await (await api.fetch("/metrics")).text()).get("newsreel_event_loop_lag_seconds{}");
    let lag = await read();
    expect(lag).toBeUndefined();
    while (lag === undefined) lag = await read();
    expect(lag).toBeGreaterThanOrEqual(0);
  });

  test("counts what the snapshots count, however often it is asked", async () => {
    let bytes = 10;
    await using api = await startApi({ providers: () => [{ ...provider, bytes }] });
    const read = async () =>
      parse(await (await api.fetch("/metrics")).text()).get('newsreel_nntp_bytes_total{provider="main"}');
    expect([await read(), await read()]).toEqual([10, 10]);
    bytes = 25;
    expect(await read()).toBe(25);
  });

  test("counts the bytes of ended streams too, and where their time went, where it is told of them", async () => {
    const phases = { permit: 0, connection: 1500, firstByte: 250, body: 3000, decode: 20, send: 60_000 };
    await using api = await startApi({
      streamTotals: () => ({ bytes: 5000, requests: 7, failures: 0, stalls: 2, stallMs: 1250, phases }),
    });
    expect(Object.fromEntries(parse(await (await api.fetch("/metrics")).text()))).toMatchObject({
      "newsreel_stream_bytes_total{}": 5000,
      "newsreel_stream_requests_total{}": 7,
      "newsreel_stream_failures_total{}": 0,
      "newsreel_stream_stalls_total{}": 2,
      "newsreel_stream_stall_seconds_total{}": 1.25,
      'newsreel_stream_wait_seconds_total{phase="memory"}': 0,
      'newsreel_stream_wait_seconds_total{phase="connection"}': 1.5,
      'newsreel_stream_wait_seconds_total{phase="first_byte"}': 0.25,
      'newsreel_stream_wait_seconds_total{phase="body"}': 3,
      'newsreel_stream_wait_seconds_total{phase="decode"}': 0.02,
      'newsreel_stream_wait_seconds_total{phase="send"}': 60,
    });
  });

  test("tells what flows by its class; a scan keeps no import waiting, so the hold-off is none of its", async () => {
    const streams = [
      stream,
      { ...stream, paused: true },
      { ...stream, class: "scan" as const },
      { ...stream, class: "download" as const },
      { ...stream, openRequests: 0 },
    ];
    const state = { streams: 4, holdOffUntil: undefined, jobs: { running: 0, waiting: 0, limit: 0, isPaused: false } };
    const admission = { state: { ...state, connections: { total: 8, imports: 0 }, words: "" }, change() {} };
    await using api = await startApi({ streams: () => streams, admission });
    expect(Object.fromEntries(parse(await (await api.fetch("/metrics")).text()))).toMatchObject({
      'newsreel_streams_active{class="play"}': 2,
      'newsreel_streams_active{class="scan"}': 1,
      'newsreel_streams_active{class="download"}': 1,
      'newsreel_streams_active{class="hold_off"}': 1,
      "newsreel_streams_paused{}": 1,
    });
  });

  test("shows the disk beside the memory, while there is one", async () => {
    const stats = {
      hits: 20,
      misses: 30,
      writes: 40,
      skipped: 5,
      evictions: 6,
      damaged: 1,
      entries: 34,
      bytes: 24_000_000,
      budgetBytes: 20_000_000_000,
      pausedBecause: "the disk is full",
    };
    let disk: typeof stats | undefined = stats;
    await using api = await startApi({ disk: () => disk });
    const read = async () => Object.fromEntries(parse(await (await api.fetch("/metrics")).text()));
    expect(await read()).toMatchObject({
      'newsreel_cache_requests_total{tier="disk",result="hit"}': 20,
      'newsreel_cache_requests_total{tier="disk",result="miss"}': 30,
      'newsreel_cache_evictions_total{tier="disk"}': 6,
      'newsreel_cache_evictions_total{tier="memory"}': 1,
      'newsreel_cache_bytes{tier="disk"}': 24_000_000,
      'newsreel_cache_budget_bytes{tier="disk"}': 20_000_000_000,
      'newsreel_cache_segments{tier="disk"}': 34,
      'newsreel_cache_disk_segments_total{result="written"}': 40,
      'newsreel_cache_disk_segments_total{result="skipped"}': 5,
      'newsreel_cache_disk_segments_total{result="damaged"}': 1,
      'newsreel_cache_paused{tier="disk"}': 1,
    });
    disk = undefined;
    expect(Object.keys(await read()).filter((name) => /disk/.test(name))).toEqual([]);
  });

  test("counts second tries and damage where it is told of them", async () => {
    await using api = await startApi({
      hedges: () => ({ asked: 9, won: 4, bytes: 7_000_000 }),
      damage: () => ({ holes: { missing: 3, corrupt: 1 }, filledBytes: 2_100_000 }),
    });
    expect(Object.fromEntries(parse(await (await api.fetch("/metrics")).text()))).toMatchObject({
      'newsreel_nntp_hedges_total{result="asked"}': 9,
      'newsreel_nntp_hedges_total{result="won"}': 4,
      "newsreel_nntp_hedge_bytes_total{}": 7_000_000,
      'newsreel_damage_holes_total{kind="missing"}': 3,
      'newsreel_damage_holes_total{kind="corrupt"}': 1,
      "newsreel_damage_filled_bytes_total{}": 2_100_000,
    });
  });

  test("shows times as distributions that keep what was observed from scrape to scrape", async () => {
    const timings = new Timings();
    await using api = await startApi({ timings });
    const read = async () => Object.fromEntries(parse(await (await api.fetch("/metrics")).text()));
    timings.firstByte(0.03125);
    timings.firstByte(0.25);
    timings.observe("main", "connection", 0.0001);
    timings.observe("main", "firstByte", 0.04);
    timings.observe("main", "body", 60);
    const expected = {
      'newsreel_stream_ttfb_seconds_bucket{le="0.025"}': 0,
      'newsreel_stream_ttfb_seconds_bucket{le="0.05"}': 1,
      'newsreel_stream_ttfb_seconds_bucket{le="0.5"}': 2,
      "newsreel_stream_ttfb_seconds_count{}": 2,
      "newsreel_stream_ttfb_seconds_sum{}": 0.28125,
      'newsreel_nntp_command_seconds_bucket{le="0.001",provider="main",phase="wait"}': 1,
      'newsreel_nntp_command_seconds_bucket{le="0.05",provider="main",phase="first_byte"}': 1,
      'newsreel_nntp_command_seconds_bucket{le="30",provider="main",phase="body"}': 0,
      'newsreel_nntp_command_seconds_count{provider="main",phase="body"}': 1,
    };
    expect(await read()).toMatchObject(expected);
    expect(await read()).toMatchObject(expected);
  });

  test("adds up how long each lane has waited", async () => {
    const waits = { playhead: 1, readahead: 20, import: 3_500, health: 0, job: 60_000 };
    await using api = await startApi({ waits: () => waits });
    const read = async () => Object.fromEntries(parse(await (await api.fetch("/metrics")).text()));
    const expected = {
      'newsreel_admission_wait_seconds_total{lane="playhead"}': 0.001,
      'newsreel_admission_wait_seconds_total{lane="import"}': 3.5,
      'newsreel_admission_wait_seconds_total{lane="health"}': 0,
      'newsreel_admission_wait_seconds_total{lane="job"}': 60,
    };
    expect(await read()).toMatchObject(expected);
    expect(await read()).toMatchObject(expected);
  });

  test("counts how long imports took, each once, by how they ended, and none that ended before", async () => {
    const clock = new ManualClock();
    const folder = mkdtempSync(join(tmpdir(), "newsreel-durations-"));
    try {
      using catalog = openCatalog({ path: join(folder, "catalog.db"), clock });
      const run = (name: string, ms: number, state: "completed" | "failed" | "cancelled") => {
        const id = addJob({ catalog }, name);
        catalog.jobs.claim();
        clock.advance(ms);
        if (state === "completed") addRelease(catalog, [`${name}.mkv`], { job: id, name });
        else catalog.jobs.update(id, { state });
        clock.advance(1);
        return id;
      };
      run("before", 100, "completed");
      const durations = new ImportDurations(catalog.jobs, clock);
      const id = run("a", 400, "completed");
      run("b", 2_000, "completed");
      run("c", 40_000, "failed");
      const fourth = addJob({ catalog }, "never begun");
      catalog.jobs.update(fourth, { state: "cancelled" });
      clock.advance(1);
      const expected = {
        'newsreel_import_duration_seconds_bucket{le="0.5",result="completed"}': 1,
        'newsreel_import_duration_seconds_bucket{le="2.5",result="completed"}': 2,
        'newsreel_import_duration_seconds_sum{result="completed"}': 2.4,
        'newsreel_import_duration_seconds_count{result="completed"}': 2,
        'newsreel_import_duration_seconds_bucket{le="30",result="failed"}': 0,
        'newsreel_import_duration_seconds_count{result="failed"}': 1,
        'newsreel_import_duration_seconds_count{result="cancelled"}': 0,
      };
      expect(Object.fromEntries(parse(durations.text()))).toMatchObject(expected);
      catalog.jobs.archive(id);
      clock.advance(1);
      expect(Object.fromEntries(parse(durations.text()))).toMatchObject(expected);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("leaves out what it is not told of", async () => {
    await using api = await startApi();
    const names = [...parse(await (await api.fetch("/metrics")).text()).keys()];
    expect(names.filter((name) => /stream_|hedge|damage|command_seconds|disk|wait_seconds/.test(name))).toEqual([]);
  });

  test("forgets a provider that is gone", async () => {
    let providers = [provider];
    await using api = await startApi({ providers: () => providers });
    expect(await (await api.fetch("/metrics")).text()).toContain('provider="main"');
    providers = [];
    expect(await (await api.fetch("/metrics")).text()).not.toContain('provider="main"');
  });

  test("holds no path, title, message-id or client", async () => {
    await using api = await startApi();
    addRelease(api.catalog, ["Secret Title.mkv"]);
    const text = await (await api.fetch("/metrics")).text();
    for (const secret of ["Secret", "Schöner", "movies", "/library", "@example", stream.client, stream.userAgent]) {
      expect(text).not.toContain(secret);
    }
  });

  test("two servers in one process do not disturb each other", async () => {
    await using one = await startApi();
    await using two = await startApi({ providers: () => [] });
    expect((await one.fetch("/metrics")).status).toBe(200);
    expect(await (await two.fetch("/metrics")).text()).not.toContain('provider="main"');
  });
});
