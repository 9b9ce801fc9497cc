import { z } from "zod";
import { type CommandIo, defineCommand } from "./command.ts";
import { davPath } from "./dav-listing.ts";
import { CommandError, EXIT, type ExitCode } from "./exit-code.ts";
import { isTerminal, printable, printJson, printLine } from "./output.ts";
import { SERVER_OPTIONS, serverAddress } from "./server-address.ts";
import { expectStatus, readJsonLines, refusalIn, send } from "./server-client.ts";

const PROGRESS = z.object({
  checked: z.number(),
  total: z.number(),
  missing: z.number(),
  unknown: z.number(),
});
const FINDING = z.object({ file: z.string(), articles: z.number(), missing: z.number(), unknown: z.number() });
const VERDICT = z.object({ verdict: z.enum(["healthy", "damaged", "unknown"]) });
type Verdict = z.infer<typeof VERDICT>["verdict"];

const EXIT_OF: Readonly<Record<Verdict, ExitCode>> = {
  healthy: EXIT.ok,
  damaged: EXIT.failure,
  // Nobody could be asked: that is no word about the file.
  unknown: EXIT.unreachable,
};

export const verifyCommand = defineCommand({
  name: "verify",
  summary: "ask the providers whether all articles of a file or folder are there",
  usage: ["verify <path>"],
  about:
    "Beneath a folder, names each file that is not healthy. Ends with 0 when it is healthy, 1 when it is damaged, and 3 when the providers could not be asked.",
  options: SERVER_OPTIONS,
  positionals: [1, 1],
  async run(call) {
    const path = davPath(call.positionals[0] as string);
    const request = { method: "POST", path: `api/v1/verify?path=${encodeURIComponent(path)}` };
    const response = await expectStatus(await send(await serverAddress(call), request, call), path, 200);
    let last: z.infer<typeof PROGRESS> | undefined;
    for await (const line of readJsonLines(response)) {
      if (call.values.json) await printJson(call, line);
      const progress = PROGRESS.safeParse(line);
      if (progress.success) {
        last = progress.data;
        if (isTerminal(call.stderr)) call.stderr.write(`\r${last.checked} of ${last.total} articles checked`);
      }
      const finding = FINDING.safeParse(line);
      if (finding.success && !call.values.json) await printFinding(call, path, finding.data);
      const refused = refusalIn(line, path);
      if (refused !== undefined) throw refused;
      const end = VERDICT.safeParse(line);
      if (!end.success) continue;
      if (isTerminal(call.stderr)) call.stderr.write("\n");
      if (!call.values.json) await printLine(call, sentence(path, end.data.verdict, last));
      return EXIT_OF[end.data.verdict];
    }
    throw new CommandError("SERVER_ANSWER", `${path}: the server stopped before its verdict`, {
      hint: "the server's log tells why",
    });
  },
});

/** For a file, the verdict says it all. */
async function printFinding(call: CommandIo, asked: string, finding: z.infer<typeof FINDING>): Promise<void> {
  const { file, articles, missing, unknown } = finding;
  if (file === asked) return;
  // Takes the place of the progress, which follows again.
  if (isTerminal(call.stderr)) call.stderr.write("\r\u001b[2K");
  await printLine(call, printable(`${file}: ${missing} of ${articles} articles missing, ${unknown} unknown`));
}

function sentence(path: string, verdict: Verdict, counts: z.infer<typeof PROGRESS> | undefined): string {
  if (counts === undefined) return `${path}: ${verdict}`;
  const { checked, total, missing, unknown } = counts;
  return `${path}: ${verdict} (${checked} of ${total} articles checked, ${missing} missing, ${unknown} unknown)`;
}
