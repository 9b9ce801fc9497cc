import { Histogram, type Registry } from "prom-client";
import type { StreamTimes } from "../mount/stream.ts";
import type { CommandTimes } from "../nntp/command-times.ts";

/** From a hit in memory to a provider that has to be given up, in seconds. */
const FIRST_BYTE = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const COMMAND = [0.001, 0.0025, ...FIRST_BYTE];

const PHASE_LABELS = { connection: "wait", firstByte: "first_byte", body: "body" } as const satisfies Readonly<
  Record<Parameters<CommandTimes["observe"]>[1], string>
>;

/** Durations that are shown as distributions. Made before all that reports to it, and shown by the metrics. */
export class Timings implements CommandTimes, StreamTimes {
  readonly #firstByte = new Histogram({
    name: "newsreel_stream_ttfb_seconds",
    help: "From a request for the bytes of a file to the first of them",
    buckets: FIRST_BYTE,
    registers: [],
  });
  readonly #commands = new Histogram({
    name: "newsreel_nntp_command_seconds",
    help: "Articles: wait for a connection, from the command to its status line, from there to the end",
    labelNames: ["provider", "phase"],
    buckets: COMMAND,
    registers: [],
  });

  observe(provider: string, phase: keyof typeof PHASE_LABELS, seconds: number): void {
    this.#commands.observe({ provider, phase: PHASE_LABELS[phase] }, seconds);
  }

  firstByte(seconds: number): void {
    this.#firstByte.observe(seconds);
  }

  register(registry: Registry): void {
    registry.registerMetric(this.#firstByte);
    registry.registerMetric(this.#commands);
  }
}
