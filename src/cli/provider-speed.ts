import { z } from "zod";
import { inRate, inVolume } from "../health/speed-test-words.ts";
import type { CommandCall, CommandIo } from "./command.ts";
import { CommandError, EXIT, type ExitCode } from "./exit-code.ts";
import { isTerminal, printable, printJson, printLine } from "./output.ts";
import { noSuchProvider } from "./provider-test.ts";
import { SERVER_OPTIONS, type ServerAddress, serverAddress } from "./server-address.ts";
import { expectStatus, readJson, readJsonLines, refusalIn, send } from "./server-client.ts";

export const PROVIDER_SPEED_OPTIONS = {
  ...SERVER_OPTIONS,
  limit: { type: "string", value: "size", help: "speed: what it may cost, such as 256MiB; 1GiB unless given" },
  "while-streaming": { type: "boolean", help: "speed: also while somebody watches; the figures are too low then" },
} as const;

type Call = CommandCall<typeof PROVIDER_SPEED_OPTIONS>;

const PROVIDERS = z.object({ providers: z.array(z.object({ id: z.string() })) });

const STEP = {
  connections: z.number(),
  depth: z.number(),
  bytesPerSecond: z.number(),
  firstByteMs: z.number().nullable(),
};
const EVENT = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("waiting"), words: z.string() }),
  z.object({ kind: z.literal("start"), words: z.string() }),
  z.object({
    kind: z.literal("progress"),
    connections: z.number(),
    depth: z.number(),
    bytesPerSecond: z.number(),
    usedBytes: z.number(),
  }),
  z.object({ kind: z.literal("step"), ...STEP }),
  z.object({
    kind: z.literal("report"),
    ended: z.string(),
    roundTripMs: z.number().nullable(),
    steps: z.array(z.object(STEP)),
    words: z.string(),
    notes: z.array(z.string()),
    usedBytes: z.number(),
  }),
]);
type Event = z.infer<typeof EVENT>;
type Report = Extract<Event, { kind: "report" }>;

const PROVIDER_FAILED = z.object({ error: z.object({ code: z.string().startsWith("PROVIDER_") }) });

/** `provider speed [name]`: has the server measure each of its providers in turn, or the named one. */
export async function providerSpeed(call: Call, name: string | undefined): Promise<ExitCode> {
  const server = await serverAddress(call);
  const answer = await send(server, { method: "GET", path: "api/v1/providers" }, call);
  const listed = PROVIDERS.safeParse(await readJson(await expectStatus(answer, "providers", 200))).data;
  if (listed === undefined) throw new CommandError("SERVER_ANSWER", "the server does not list its providers");
  const names = listed.providers.map(({ id }) => id);
  if (names.length === 0) {
    throw new CommandError("SERVER_REFUSED", "the server has no provider", {
      hint: "name one under providers: in newsreel.yaml, or as a JSON list in NEWSREEL_PROVIDERS",
    });
  }
  if (name !== undefined && !names.includes(name)) throw noSuchProvider(name, names);
  let code: ExitCode = EXIT.ok;
  for (const provider of name === undefined ? names : [name]) {
    const isUsable = await measure(call, server, provider);
    if (!isUsable) code = EXIT.unreachable;
  }
  return code;
}

/** False when the provider could not be used to the end. */
async function measure(call: Call, server: ServerAddress, provider: string): Promise<boolean> {
  const subject = printable(provider);
  const request = { method: "POST", path: `api/v1/providers/${encodeURIComponent(provider)}/speedtest${query(call)}` };
  const answer = await expectStatus(await send(server, request, call), subject, 200);
  for await (const line of readJsonLines(answer)) {
    if (call.values.json) await printJson(call, line);
    const refused = refusalIn(line, subject);
    if (refused !== undefined) {
      if (!PROVIDER_FAILED.safeParse(line).success) throw refused;
      // One that cannot be used is a result: the others are measured all the same.
      clearProgress(call);
      if (!call.values.json) for (const text of failure(refused)) await printLine(call, text);
      return false;
    }
    const event = EVENT.safeParse(line).data;
    if (event === undefined) continue;
    if (!call.values.json) await show(call, subject, event);
    if (event.kind === "report") return event.ended !== "provider";
  }
  throw new CommandError("SERVER_ANSWER", `${subject}: the server stopped before its report`, {
    hint: "the server's log tells why",
  });
}

function query({ values }: Call): string {
  const asked = new URLSearchParams();
  if (values.limit !== undefined) asked.set("limit", values.limit);
  if (values["while-streaming"]) asked.set("force", "1");
  return asked.size === 0 ? "" : `?${asked}`;
}

async function show(call: CommandIo, subject: string, event: Event): Promise<void> {
  switch (event.kind) {
    case "waiting":
    case "start":
      await printLine(call, `${subject}: ${printable(event.words)}`);
      return;
    case "progress":
      if (!isTerminal(call.stderr)) return;
      clearProgress(call);
      call.stderr.write(
        `${event.connections} x ${event.depth}: ${inRate(event.bytesPerSecond)}, ${inVolume(event.usedBytes)} used`,
      );
      return;
    case "step":
      // The table comes at the end, whole; until then the progress says enough.
      return;
    case "report":
      clearProgress(call);
      for (const text of table(event)) await printLine(call, text);
      for (const text of [event.words, ...event.notes]) await printLine(call, `${subject}: ${printable(text)}`);
      await printLine(call, `${subject}: ${inVolume(event.usedBytes)} of the account's volume used`);
  }
}

function* table({ roundTripMs, steps }: Report): Generator<string> {
  yield row("connections", "depth", "rate", "first byte");
  for (const { connections, depth, bytesPerSecond, firstByteMs } of steps) {
    yield row(`${connections}`, `${depth}`, inRate(bytesPerSecond), inMs(firstByteMs));
  }
  yield `  round trip ${inMs(roundTripMs)}`;
}

function row(...cells: readonly string[]): string {
  return `  ${cells.map((cell) => cell.padStart(11)).join("  ")}`;
}

function inMs(ms: number | null): string {
  return ms === null ? "unknown" : `${Math.round(ms)} ms`;
}

function* failure({ message, hint }: CommandError): Generator<string> {
  yield message;
  if (hint !== undefined) yield `  ${hint}`;
}

function clearProgress({ stderr }: Pick<CommandIo, "stderr">): void {
  if (isTerminal(stderr)) stderr.write("\r\u001b[2K");
}
