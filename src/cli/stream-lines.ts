import { z } from "zod";
import { inBytes, inPercent } from "./amounts.ts";
import { tableLines } from "./table-lines.ts";

const stream = z.object({
  path: z.string(),
  client: z.string(),
  userAgent: z.string(),
  class: z.string(),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  requests: z.number(),
  openRequests: z.number(),
  failures: z.number(),
  position: z.number(),
  size: z.number(),
  bytes: z.number(),
  bytesPerSecond: z.number(),
  firstByteMs: z.number().nullable(),
  paused: z.boolean(),
  phases: z.object({
    permit: z.number(),
    connection: z.number(),
    firstByte: z.number(),
    body: z.number(),
    decode: z.number(),
    send: z.number(),
  }),
  stalls: z.object({
    count: z.number(),
    totalMs: z.number(),
    last: z.array(z.object({ at: z.number(), position: z.number(), durationMs: z.number(), cause: z.string() })),
  }),
});

/** What `GET /api/v1/streams` answers, as far as it is shown. */
export const streamsAnswer = z.object({ streams: z.array(stream), recent: z.array(stream) });

type Shown = z.infer<typeof stream>;

const TITLES = ["CLIENT", "CLASS", "STATE", "RATE", "AT", "OF", "FIRST BYTE", "STALLS", "FILE"];

/** The streams as a table; below each row where its time went, and its latest stalls. Lines may hold text from elsewhere. */
export function tellStreams({ streams, recent }: z.infer<typeof streamsAnswer>): readonly string[] {
  const lines = streams.length === 0 ? ["nothing is being read"] : tableOf(streams);
  return recent.length === 0 ? lines : [...lines, "", "ended lately:", ...tableOf(recent)];
}

function tableOf(streams: readonly Shown[]): readonly string[] {
  const [titles, ...rows] = tableLines(TITLES, streams.map(cells));
  return [titles, ...streams.flatMap((one, index) => [rows[index] ?? "", ...details(one)])];
}

function cells(one: Shown): readonly string[] {
  const { count, totalMs } = one.stalls;
  return [
    one.client,
    one.class,
    state(one),
    one.endedAt === null ? `${inBytes(one.bytesPerSecond)}/s` : `${inBytes(one.bytes)} read`,
    inPercent(one.size === 0 ? 0 : one.position / one.size),
    inBytes(one.size),
    one.firstByteMs === null ? "none" : `${Math.round(one.firstByteMs)} ms`,
    count === 0 ? "0" : `${count} (${seconds(totalMs)})`,
    one.path,
  ];
}

function state({ endedAt, openRequests, paused }: Shown): string {
  if (endedAt !== null) return `ended ${timeOfDay(endedAt)}`;
  return openRequests === 0 ? "hold-off" : paused ? "paused" : "reads";
}

function details(one: Shown): readonly string[] {
  const { permit, connection, firstByte, body, decode, send } = one.phases;
  const waits = { memory: permit, connection, "first byte": firstByte, body, client: send };
  const times = Object.entries(waits).map(([phase, ms]) => `${phase} ${seconds(ms)}`);
  const failures = one.failures === 0 ? "" : `, ${one.failures} failed`;
  return [
    `  ${one.userAgent.slice(0, 100) || "no user agent"}, ${one.requests} ${one.requests === 1 ? "request" : "requests"}${failures}`,
    `  waited for ${times.join(", ")}; decoded for ${seconds(decode)}`,
    ...one.stalls.last.map(
      ({ at, position, durationMs, cause }) =>
        `  ${timeOfDay(at)}  stalled ${seconds(durationMs)} at ${inBytes(position)}: ${cause}`,
    ),
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function timeOfDay(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "?" : date.toISOString().slice(11, 19);
}
