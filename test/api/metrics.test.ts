import { describe, expect, test } from "@jest/globals";
import { addRelease, provider, startApi, stream } from "./api-server.ts";

const SAMPLE = /^([a-z_][a-z0-9_]*)(?:\{((?:[a-z_]+="[^"\n]*",?)*)\})? (-?[0-9.e+-]+|NaN|Nan|\+Inf)$/;

/** Every sample by name and labels; fails on a line that Prometheus' text format 0.0.4 does not know. */
function parse(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]/.test(line)) continue;
    const sample = SAMPLE.exec(line);
    if (sample === null) throw new Error(`cannot parse ${line}`);
    samples.set(`${sample[1]}{${sample[2] ?? ""}}`, Number(sample[3]));
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
      'newsreel_streams_active{class="flowing"}': 1,
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
      'newsreel_admission_limit{lane="import"}': 4,
      'newsreel_import_jobs{state="queued"}': 0,
      "newsreel_catalog_files{}": 2,
      "newsreel_catalog_bytes{}": 200,
    });
    expect(samples.get("newsreel_event_loop_lag_seconds{}")).toBeGreaterThanOrEqual(0);
    expect(samples.get("process_cpu_seconds_total{}")).toBeGreaterThan(0);
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

  test("counts the bytes of ended streams too, where it is told of them", async () => {
    await using api = await startApi({ streamTotals: () => ({ bytes: 5000, requests: 7, failures: 0 }) });
    expect(Object.fromEntries(parse(await (await api.fetch("/metrics")).text()))).toMatchObject({
      "newsreel_stream_bytes_total{}": 5000,
      "newsreel_stream_requests_total{}": 7,
      "newsreel_stream_failures_total{}": 0,
    });
    await using untold = await startApi();
    expect(await (await untold.fetch("/metrics")).text()).not.toContain("newsreel_stream_bytes_total");
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
