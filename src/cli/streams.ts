import { sleep, systemClock } from "../base/clock.ts";
import { type CommandCall, defineCommand } from "./command.ts";
import { CommandError, EXIT } from "./exit-code.ts";
import { printable, printJson, printLine } from "./output.ts";
import { SERVER_OPTIONS, type ServerAddress, serverAddress } from "./server-address.ts";
import { expectStatus, readJson, send } from "./server-client.ts";
import { streamsAnswer, tellStreams } from "./stream-lines.ts";

const OPTIONS = {
  watch: { type: "boolean", short: "w", help: "show it again every 2 seconds, until stopped" },
  ...SERVER_OPTIONS,
} as const;

const EVERY_MS = 2000;

/** Cursor home, clear to the end of the screen. */
const REDRAW = "\u001b[H\u001b[J";

export const streamsCommand = defineCommand({
  name: "streams",
  summary: "show who reads what, and why it stalled",
  usage: ["streams", "streams --watch"],
  about:
    "Shows the streams that are open or within their hold-off, then those that ended within the last ten minutes:\n" +
    "what the client does, how fast, where the time went, and the latest stalls with their causes. Times are UTC.",
  options: OPTIONS,
  positionals: [0, 0],
  async run(call) {
    const server = await serverAddress(call);
    for (;;) {
      await show(call, await look(call, server));
      if (!call.values.watch) return EXIT.ok;
      await sleep(systemClock, EVERY_MS, call.signal);
    }
  },
});

async function look(call: CommandCall<typeof OPTIONS>, server: ServerAddress): Promise<unknown> {
  const answer = await send(server, { method: "GET", path: "api/v1/streams" }, call);
  return await readJson(await expectStatus(answer, "streams", 200));
}

async function show(call: CommandCall<typeof OPTIONS>, answer: unknown): Promise<void> {
  if (call.values.json) return await printJson(call, answer);
  const { data } = streamsAnswer.safeParse(answer);
  if (data === undefined) {
    throw new CommandError("SERVER_ANSWER", "the server's answer tells of no streams", {
      hint: "is it a newsreel server of the same version? newsreel version tells this one's",
    });
  }
  if (call.values.watch) call.stdout.write(REDRAW);
  for (const line of tellStreams(data)) await printLine(call, printable(line));
}
