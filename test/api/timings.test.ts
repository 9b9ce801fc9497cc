import { describe, expect, test } from "@jest/globals";
import { Histogram, Registry } from "prom-client";
import { Distribution, distributionText } from "../../src/api/distribution.ts";
import { Timings } from "../../src/api/timings.ts";

const BOUNDS = [0.005, 0.25, 1, 10];
/** Below, on, between and beyond the bounds. */
const VALUES = [0, 0.004, 0.005, 0.0050001, 0.125, 0.25, 0.5, 1, 9.75, 10, 10.5, 3600];

function distribution(values: readonly number[]): Distribution {
  const made = new Distribution(BOUNDS);
  for (const value of values) made.observe(value);
  return made;
}

describe("Distribution", () => {
  test("reads as prom-client's histogram of the same values does", async () => {
    const main = { provider: "main", phase: "body" };
    const odd = { provider: 'a "quoted" \\ name\nof two lines', phase: "wait" };
    const registry = new Registry();
    const histogram = new Histogram({
      name: "seconds",
      help: "Of something",
      labelNames: ["provider", "phase"],
      buckets: BOUNDS,
      registers: [registry],
    });
    for (const value of VALUES) histogram.observe(main, value);
    histogram.observe(odd, 0.5);
    const family = [
      { labels: main, values: distribution(VALUES) },
      { labels: odd, values: distribution([0.5]) },
    ];
    expect(distributionText("seconds", "Of something", family)).toBe(await registry.metrics());
  });

  test("without labels and values it is there, and empty, as prom-client's is", async () => {
    const registry = new Registry();
    new Histogram({ name: "seconds", help: "Of something", buckets: BOUNDS, registers: [registry] });
    const family = [{ labels: {}, values: distribution([]) }];
    expect(distributionText("seconds", "Of something", family)).toBe(await registry.metrics());
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("passes over %p", (value) => {
    const made = distribution([0.5, value, 0.25]);
    expect([made.sum, made.cumulative.at(-1)]).toEqual([0.75, [Number.POSITIVE_INFINITY, 2]]);
  });
});

describe("Timings", () => {
  test("keep providers and phases apart", () => {
    const timings = new Timings();
    timings.observe("main", "connection", 0.5);
    timings.observe("main", "firstByte", 0.25);
    timings.observe("main", "firstByte", 0.25);
    timings.observe("backup", "body", 2);
    const sums = timings
      .text()
      .split("\n")
      .filter((line) => line.includes("_sum"));
    expect(sums).toEqual([
      "newsreel_stream_ttfb_seconds_sum 0",
      'newsreel_nntp_command_seconds_sum{provider="main",phase="wait"} 0.5',
      'newsreel_nntp_command_seconds_sum{provider="main",phase="first_byte"} 0.5',
      'newsreel_nntp_command_seconds_sum{provider="main",phase="body"} 0',
      'newsreel_nntp_command_seconds_sum{provider="backup",phase="wait"} 0',
      'newsreel_nntp_command_seconds_sum{provider="backup",phase="first_byte"} 0',
      'newsreel_nntp_command_seconds_sum{provider="backup",phase="body"} 2',
    ]);
  });
});
