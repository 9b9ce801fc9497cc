import { parseByteSize } from "../config/byte-size.ts";
import type { NewsServer } from "../newsserver/news-server.ts";
import { CommandError } from "./exit-code.ts";

/** How the demo's first news server misbehaves. Shares are percent of all articles. */
export interface Chaos {
  readonly rtt: number;
  /** Bytes per second of each connection; 0 for no limit. */
  readonly rate: number;
  readonly missing: number;
  readonly corrupt: number;
  readonly stall: number;
}

export const DEFAULT_CHAOS: Chaos = { rtt: 40, rate: 0, missing: 1, corrupt: 0.5, stall: 0 };

type Given = Readonly<Partial<Record<keyof Chaos, string>>>;

/** What the flags name; throws USAGE for what is no number in range. */
export function parseChaos(given: Given): Partial<Chaos> {
  const entries = (Object.keys(DEFAULT_CHAOS) as (keyof Chaos)[]).flatMap((name) => {
    const text = given[name];
    return text === undefined ? [] : [[name, parseValue(name, text)] as const];
  });
  return Object.fromEntries(entries);
}

function parseValue(name: keyof Chaos, text: string): number {
  const value = name === "rate" ? parseByteSize(text) : Number(text);
  const most = name === "rtt" ? 10_000 : name === "rate" ? Number.MAX_SAFE_INTEGER : 100;
  if (text.trim() !== "" && value !== undefined && value >= 0 && value <= most) return value;
  const what = name === "rate" ? "a size such as 2MiB" : name === "rtt" ? "0 to 10000 ms" : "0 to 100 percent";
  throw new CommandError("USAGE", `--${name} takes ${what}, not ${JSON.stringify(text)}`);
}

/** Both are as far away and as slow; only the first one lacks and spoils articles. */
export function applyChaos(chaos: Chaos, first: NewsServer, second: NewsServer): void {
  const line = { rttMs: chaos.rtt, bytesPerSecond: chaos.rate };
  second.behave(line);
  first.behave({
    ...line,
    fractions: { missing: chaos.missing / 100, corrupt: chaos.corrupt / 100, stall: chaos.stall / 100 },
  });
}

export function chaosInWords({ rtt, rate, missing, corrupt, stall }: Chaos): string {
  const line = rate === 0 ? `latency ${rtt} ms` : `latency ${rtt} ms, ${rate} bytes/s per connection`;
  const stalled = stall === 0 ? "" : `, ${stall} % stalled`;
  return `${line}, ${missing} % missing on the first provider, ${corrupt} % corrupt${stalled}`;
}
