import type { StreamTimes } from "../mount/stream.ts";
import type { CommandTimes } from "../nntp/command-times.ts";
import { Distribution, distributionText } from "./distribution.ts";

/** From a hit in memory to a provider that has to be given up, in seconds. */
const FIRST_BYTE = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const COMMAND = [0.001, 0.0025, ...FIRST_BYTE];

type Phase = Parameters<CommandTimes["observe"]>[1];

const PHASE_LABELS = { connection: "wait", firstByte: "first_byte", body: "body" } as const satisfies Readonly<
  Record<Phase, string>
>;
const PHASES = Object.keys(PHASE_LABELS) as readonly Phase[];

/**
 * Durations that are shown as distributions. Made before all that reports to it, and shown by the metrics. Counted here and not by
 * prom-client, since every article reports three of them, and finding a histogram by its labels costs twenty times what counting does.
 */
export class Timings implements CommandTimes, StreamTimes {
  readonly #firstByte = new Distribution(FIRST_BYTE);
  readonly #commands = new Map<string, Readonly<Record<Phase, Distribution>>>();

  observe(provider: string, phase: Phase, seconds: number): void {
    let phases = this.#commands.get(provider);
    if (phases === undefined) {
      phases = {
        connection: new Distribution(COMMAND),
        firstByte: new Distribution(COMMAND),
        body: new Distribution(COMMAND),
      };
      this.#commands.set(provider, phases);
    }
    phases[phase].observe(seconds);
  }

  firstByte(seconds: number): void {
    this.#firstByte.observe(seconds);
  }

  /** In Prometheus' text format. */
  text(): string {
    const firstByte = distributionText(
      "newsreel_stream_ttfb_seconds",
      "From a request for the bytes of a file to the first of them",
      [{ labels: {}, values: this.#firstByte }],
    );
    const commands = distributionText(
      "newsreel_nntp_command_seconds",
      "Articles: wait for a connection, from the command to its status line, from there to the end",
      [...this.#commands].flatMap(([provider, phases]) =>
        PHASES.map((phase) => ({ labels: { provider, phase: PHASE_LABELS[phase] }, values: phases[phase] })),
      ),
    );
    return `${firstByte}\n${commands}`;
  }
}
